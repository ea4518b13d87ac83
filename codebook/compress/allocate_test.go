package compress

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/moments"
)

// scaled returns Gaussian weights of this standard deviation.
func scaled(seed uint64, n int, deviation float32) []float32 {
	w := samples.Gaussian(seed, n)
	for i := range w {
		w[i] *= deviation
	}
	return w
}

// unevenModel has a large table of large weights beside layers of small ones, a small matrix among
// them.
func unevenModel() *memory.Model {
	m := new(memory.Model)
	m.Add("table", "F32", scaled(1, 4096*128, 3), 4096, 128)
	m.Add("wide", "F32", scaled(2, 512*128, 0.02), 512, 128)
	m.Add("tall", "F32", scaled(3, 128*512, 0.02), 128, 512)
	m.Add("small", "F32", scaled(4, 64*48, 0.02), 64, 48)
	m.Add("far smaller", "F32", scaled(5, 128*128, 1e-9), 128, 128)
	return m
}

func compress(t *testing.T, src *memory.Model, opts Options) (*Report, *memory.Model) {
	t.Helper()
	dst := new(memory.Model)
	report, err := Compress(context.Background(), dst, src, opts)
	if err != nil {
		t.Fatalf("%+v: %v", opts.Settings, err)
	}
	return report, dst
}

// TestPoolRuinsNoMatrix: for Gaussian weights of any size, no relative error is much beyond twice
// that at the mean rate.
func TestPoolRuinsNoMatrix(t *testing.T) {
	long(t)
	for _, bits := range []float64{1, 2, 3, 4, 5, 6} {
		report, dst := compress(t, unevenModel(), Options{Settings: Settings{Bits: bits}})
		most := 2.2 * math.Exp2(-bits)
		for _, e := range report.Entries {
			if r := e.Distortion.Relative(); r > min(most, 0.95) || r > 1.05*e.Cap {
				t.Errorf("%v bits: %s has error %.4f, cap %.4f, want at most %.4f", bits,
					e.Tensor.Name, r, e.Cap, most)
			}
			if most := bits + 4.5; e.Tensor.Elements() > 10000 &&
				8*float64(dst.Layers[e.Tensor.Name].BytesStored()) > most*float64(e.Tensor.Elements()) {
				t.Errorf("%v bits: %s takes more than %v", bits, e.Tensor.Name, most)
			}
		}
		if _, took := layersOf(report, dst); took > bits || took < 0.995*bits {
			t.Errorf("%.3f bits, asked for %v", took, bits)
		}
	}
}

// bitsOf is what the layer of a tensor takes, a weight.
func bitsOf(e Entry, dst *memory.Model) float64 {
	return float64(dst.Layers[e.Tensor.Name].BytesStored()*8) / float64(e.Tensor.Elements())
}

func TestEachMatrixHasItsBits(t *testing.T) {
	long(t)
	for _, bits := range []float64{2, 3.5, 6, 8.5} {
		report, dst := compress(t, unevenModel(),
			Options{Settings: Settings{Bits: bits, Each: true}})
		for _, e := range report.Entries {
			most, least := bits, 0.995*bits
			switch {
			case e.Tensor.Name == "small": // where tables and codes take most of two bits
				most, least = bits+1, 0.95*min(bits, trellisBits)
			case bits > trellisBits: // which groups cannot meet exactly
				least = trellisBits
			}
			if b := bitsOf(e, dst); b > most || b < least {
				t.Errorf("%s: %.3f bits, asked for %v", e.Tensor.Name, b, bits)
			}
		}
	}
}

func TestEachMatrixKeepsTheError(t *testing.T) {
	long(t)
	for _, limit := range []float64{0.3, 0.05, 0.012, 0.006, 0.001} {
		src := unevenModel()
		report, _ := compress(t, src, Options{Settings: Settings{MaxError: limit, Each: true}})
		for _, e := range report.Entries {
			if r := e.Distortion.Relative(); r > limit || e.Layer == nil && limit > 0.001 {
				t.Errorf("%s: error %.4f (%s), asked for %v", e.Tensor.Name, r, e.Reason, limit)
			}
		}
		report, _ = compress(t, src, Options{Settings: Settings{MaxError: limit}})
		var sum codebook.Distortion
		for _, e := range report.Entries {
			sum.Merge(e.Distortion)
			if w := src.Values[e.Tensor.Name]; e.Layer == nil {
				sum.Add(w, w)
			}
			if r := e.Distortion.Relative(); r > 2.1*limit {
				t.Errorf("%s: error %.4f, asked for %v of all", e.Tensor.Name, r, limit)
			}
		}
		if r := sum.Relative(); r > limit {
			t.Errorf("error %.4f of all, asked for %v", r, limit)
		}
	}
}

// TestOverridesOfEachAndOfAll: bits of an override are those of each tensor, or of all.
func TestOverridesOfEachAndOfAll(t *testing.T) {
	for _, each := range []bool{true, false} {
		src := unevenModel()
		report, dst := compress(t, src,
			Options{Overrides: []Override{{Glob: "[tw]*",
				Settings: Settings{Bits: 3, Each: each}}}})
		alike, sum, weights := true, 0.0, 0.0
		for _, e := range report.Entries[:3] {
			b := bitsOf(e, dst)
			alike = alike && math.Abs(b-3) < 0.02
			sum += b * float64(e.Tensor.Elements())
			weights += float64(e.Tensor.Elements())
		}
		if alike != each || math.Abs(sum/weights-3) > 0.01 {
			t.Errorf("each %v: %.3f bits, all alike: %v", each, sum/weights, alike)
		}
	}
}

// TestHighRates holds rates beyond those of entropy-coded layers against Q8_0 of llama.cpp: 8.5
// bits, and on Gaussian weights, in blocks of 32 with the largest at 127, an error of 0.0057.
func TestHighRates(t *testing.T) {
	src := new(memory.Model)
	src.Add("a", "F32", samples.Gaussian(1, 512*512), 512, 512)
	src.Add("b", "F32", samples.Gaussian(2, 256*1024), 256, 1024)
	last := 1.0
	rates := []float64{6.5, 7, 7.5, 8, 8.5, 9}
	if testing.Short() {
		rates = []float64{8.5}
	}
	for _, bits := range rates {
		report, dst := compress(t, src, Options{Settings: Settings{Bits: bits}})
		d, took := layersOf(report, dst)
		t.Logf("%v bits: %.3f, error %.5f", bits, took, d.Relative())
		if took > bits || d.Relative() > last {
			t.Errorf("%.3f bits and error %.5f, asked for %v; before it was %.5f", took,
				d.Relative(), bits, last)
		}
		if last = d.Relative(); bits >= 8.5 && last > 0.0055 {
			t.Errorf("%v bits: error %.5f", bits, last)
		}
	}
}

// TestRowsOfTables: rows that are looked up one by one keep their direction, however small they
// are.
func TestRowsOfTables(t *testing.T) {
	const rows, cols = 4000, 64
	w := samples.Gaussian(1, rows*cols)
	for r := range rows {
		for c := range cols {
			w[r*cols+c] *= float32(math.Exp2(-float64(r % 8)))
		}
	}
	src := new(memory.Model)
	src.Add("table", "F32", w, rows, cols)
	report, dst := compress(t, src, Options{})
	total, worst := report.Entries[0].Distortion.Relative(), 0.0
	l := dst.Layers["table"]
	row := make([]float32, cols)
	for r := range rows {
		var d codebook.Distortion
		l.Row(row, r)
		d.Add(row, w[r*cols:][:cols])
		worst = max(worst, d.Relative())
	}
	if t.Logf("error %.4f, of the worst row %.4f", total,
		worst); worst > 4.5*total { // 50 with one step for all
		t.Errorf("the worst row has an error of %.4f, all together %.4f", worst, total)
	}
}

// TestSensitivities: of matrices that are alike, that to which answers are most sensitive gets most
// bits: errors go by the root of the sensitivity, whether inputs are known or not.
func TestSensitivities(t *testing.T) {
	const rows, cols = 96, 128
	for _, inputs := range []*moments.Moments{{}, samples.Correlated(cols, 0.5)} {
		src := new(memory.Model)
		sensitivities := map[string]float64{"a": 2, "b": 1, "c": 0.5}
		for name := range sensitivities {
			src.Add(name, "F32", samples.Gaussian(1, rows*cols), rows, cols)
		}
		report, _ := compress(t, src, Options{Settings: Settings{Bits: 4},
			Moments: func(_ context.Context, name string, _ int) (*moments.Moments, error) {
				m := *inputs
				m.Sensitivity = sensitivities[name]
				return &m, nil
			}})
		errors := make(map[string]float64)
		for _, e := range report.Entries {
			errors[e.Tensor.Name] = e.Distortion.Relative()
		}
		for _, pair := range [][2]string{{"b", "a"}, {"c", "b"}} {
			if ratio := errors[pair[0]] / errors[pair[1]]; math.Abs(ratio-math.Sqrt2) > 0.1 {
				t.Errorf("matrix of moments %t: the error of %s is %.2f times that of %s, want 1.41",
					inputs.Matrix != nil, pair[0], ratio, pair[1])
			}
		}
	}
}

// TestLookups: rows that are looked up often have lower errors than others, by the fourth root of
// how often, but none more than quant.CapFactor times that of a row that is looked up as often as
// the mean.
func TestLookups(t *testing.T) {
	const rows, cols = 4096, 64
	src := new(memory.Model)
	w := samples.Gaussian(1, rows*cols)
	src.Add("word_embeddings", "F32", w, rows, cols)
	src.Add("layer", "F32", samples.Gaussian(2, cols*cols), cols, cols)
	lookups := samples.Fill(rows, func(i int) float32 { return []float32{0, 15, 255, 15}[i%4] })
	for _, known := range []bool{false, true} {
		_, dst := compress(t, src, Options{Settings: Settings{Bits: 4},
			Moments: func(_ context.Context, name string, _ int) (*moments.Moments, error) {
				if known && name == "word_embeddings" {
					return &moments.Moments{Lookups: lookups}, nil
				}
				return nil, nil
			}})
		var errors [4]codebook.Distortion
		q := dst.Layers["word_embeddings"].Dense()
		for r := range rows {
			errors[r%4].Add(q[r*cols:][:cols], w[r*cols:][:cols])
		}
		never, some, often := errors[0].Relative(), errors[1].Relative(), errors[2].Relative()
		want := [2]float64{1, 1}
		if known {
			const mean = (0 + 15 + 255 + 15) / 4.0
			want = [2]float64{2, quant.CapFactor / math.Pow((mean+1)/(15+1), 0.25)}
		}
		if got := [2]float64{some / often, never / some}; math.Abs(got[0]-want[0]) > 0.1 ||
			math.Abs(got[1]-want[1]) > 0.1 {
			t.Errorf("known %t: errors %.4f, %.4f and %.4f: ratios %.2f, want %.2f", known, never,
				some, often, got, want)
		}
	}
	_, err := Compress(context.Background(), new(memory.Model), src, Options{
		Moments: func(context.Context, string, int) (*moments.Moments, error) {
			return &moments.Moments{Lookups: []float32{1}}, nil
		}})
	if err == nil || !strings.Contains(err.Error(), "lookups of 1 rows, expected 4096") {
		t.Error(err)
	}
}

// TestZeroMomentsSayNothing: inputs that calibration did not reach are unknown, not worth nothing.
func TestZeroMomentsSayNothing(t *testing.T) {
	long(t)
	for _, storage := range []codebook.Scheme{{}, windowScheme(4)} {
		zero := func(_ context.Context, _ string, cols int) (*moments.Moments, error) {
			return moments.New(make([]float32, cols), cols)
		}
		report, _ := compress(t, unevenModel(),
			Options{Settings: Settings{Scheme: storage}, Moments: zero})
		for _, e := range report.Entries {
			if r := e.Distortion.Relative(); r > 0.2 {
				t.Errorf("%s: error %.4f", e.Tensor.Name, r)
			}
		}
	}
}

// TestSizeBeyondNeed: a file that may be larger than the best that there is becomes that.
func TestSizeBeyondNeed(t *testing.T) {
	long(t)
	for _, size := range []int64{700_000, 1 << 30} {
		report, dst := compress(t, unevenModel(), Options{Size: size})
		d, bits := layersOf(report, dst)
		if d.Relative() > 0.007 || bits*674_816/8 > float64(size) {
			t.Errorf("%d bytes: %.2f bits a weight, error %.4f", size, bits, d.Relative())
		}
	}
	_, err := Compress(context.Background(), new(memory.Model), unevenModel(), Options{Size: 1000})
	if err == nil || !strings.Contains(err.Error(), "a file of 1000 bytes cannot be") {
		t.Errorf("too small a size: %v", err)
	}
}

// crowded is a sink that takes most of a file for what is not to be compressed.
type crowded struct{ memory.Model }

func (*crowded) Rest([]string) int64 { return 600_000 }

// TestSizeBesideTheRest: schemes for many bits are left out where the rest of a file leaves few.
func TestSizeBesideTheRest(t *testing.T) {
	long(t)
	const weights = 674_816
	for bits, name := range map[float64]string{4: "trellis", 8.7: "scalar"} {
		size := int64(bits*weights/8) + 600_000
		report, err := Compress(context.Background(), new(crowded), unevenModel(),
			Options{Size: size})
		if err != nil {
			t.Fatalf("%v bits: %v", bits, err)
		}
		if got := report.Entries[0].Layer.Name; got != name {
			t.Errorf("%v bits: scheme %s, want %s", bits, got, name)
		}
	}
}

// costly is a sink whose layers take a header that is larger than small tensors.
type costly struct{ memory.Model }

func (*costly) Overhead(codebook.Tensor) int64 { return 4000 }

func TestNothingGrows(t *testing.T) {
	src := new(memory.Model)
	src.Add("small", "F32", samples.Gaussian(1, 32*33), 32, 33)
	src.Add("large", "F32", samples.Gaussian(2, 256*256), 256, 256)
	dst := new(costly)
	report, err := Compress(context.Background(), dst, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := report.Entries[0]; e.Layer != nil ||
		!strings.Contains(e.Reason, "a codebook would take about") {
		t.Errorf("%+v", e)
	}
	if report.Entries[1].Layer == nil || !slices.Equal(dst.Halves, []string{"small"}) {
		t.Errorf("%v kept as F16", dst.Halves)
	}
}

// TestTiedTables: a table of embeddings that is multiplied with for the output gets more bits than
// one whose rows are looked up only, out of what there is for all of the model.
func TestTiedTables(t *testing.T) {
	bitsOf := func(names ...string) float64 {
		src := new(memory.Model)
		for i, name := range names {
			src.Add(name, "F32", samples.Gaussian(uint64(i), 1024*64), 1024, 64)
		}
		_, dst := compress(t, src, Options{Settings: Settings{Bits: 4}})
		bits := func(name string) float64 {
			return 8 * float64(dst.Layers[name].BytesStored()) / (1024 * 64)
		}
		total := 0.0
		for _, name := range names {
			total += bits(name) / float64(len(names))
		}
		if total < 3.9 || total > 4 {
			t.Errorf("%s: %v bits in all", names, total)
		}
		return bits(names[0])
	}
	const layer = "model.layers.0.mlp.up_proj.weight"
	tied := bitsOf("model.embed_tokens.weight", layer)
	for _, names := range [][]string{
		{"model.embed_tokens.weight", layer, "lm_head.weight"}, // which is the output
		{"embed_tokens.weight", "layers.0.mlp.up_proj.weight"}, // of a model without one
	} {
		if looked := bitsOf(names...); tied < looked+0.5 {
			t.Errorf("%.2f bits, where it is looked up only (%s) %.2f", tied, names, looked)
		}
	}
}
