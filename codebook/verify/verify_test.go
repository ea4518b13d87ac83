package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// reading is the Read of a layer that is there.
func reading(l *codebook.Layer) func(context.Context) (*codebook.Layer, error) {
	return func(context.Context) (*codebook.Layer, error) { return l, nil }
}

// TestGroups holds the memory for a model of many layers against that of a group of them, and the
// totals against the layers.
func TestGroups(t *testing.T) {
	const rows, cols, group = 256, 1024, 8 << 20
	count := 40
	if testing.Short() {
		count = 16
	}
	defer func(was int64) { groupBytes = was }(groupBytes)
	groupBytes = group
	layer, err := compress.Build(t.Context(), samples.Gaussian(1, rows*cols), rows, cols,
		codebook.Scheme{Name: "scalar", Width: 1, K: 16}, compress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before, most := heap(), int64(0)
	layers := make([]Layer, count)
	for i := range layers {
		layers[i] = Layer{
			Tensor: codebook.Tensor{Name: fmt.Sprint(i), DType: "F32", Shape: []int{rows, cols}},
			Read: func(context.Context) (*codebook.Layer, error) {
				most = max(most, heap()-before)
				return layer, nil
			},
		}
	}
	v, err := Run(t.Context(), layers, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if most < group/2 || most > 2*group {
		t.Errorf("%d bytes in use, for groups of %d", most, group)
	}
	var dense, compiled float64
	for _, c := range v.Layers {
		dense, compiled = dense+c.DenseUs, compiled+c.CompiledUs
		if c.DenseUs <= 0 || c.CompiledUs <= 0 || c.Speedup != c.DenseUs/c.CompiledUs {
			t.Errorf("%+v", c)
		}
	}
	// A pass takes no less than the best times of its layers.
	if total := v.Total; len(v.Layers) != count || total.Weights != int64(count)*rows*cols ||
		total.DenseUs < 0.999*dense || total.CompiledUs < 0.999*compiled {
		t.Errorf("%+v, layers %v and %v us", total, dense, compiled)
	}
}

// TestMismatch verifies layers against models that differ from the original, some of them by
// little.
func TestMismatch(t *testing.T) {
	const name = "encoder.0.weight"
	rounded := func(v float64) float64 { // as a file keeps it
		unit := math.Pow(10, math.Floor(math.Log10(v))-5)
		return math.Round(v/unit) * unit
	}
	layersOf := func(opts compress.Options) (*memory.Model, []Layer) {
		src, dst := memory.Small(), new(memory.Model)
		report, err := compress.Compress(t.Context(), dst, src, opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range report.Entries {
			if e.Tensor.Name == name {
				d := e.Distortion
				for _, sum := range []*float64{&d.Signal, &d.Noise, &d.Approx, &d.Dot} {
					*sum = rounded(*sum)
				}
				read := reading(dst.Layers[name])
				return src, []Layer{{Tensor: e.Tensor, Read: read, Bytes: e.Bytes, Recorded: &d}}
			}
		}
		panic("no " + name)
	}
	for _, bits := range []float64{1, 4, 6.5} {
		src, layers := layersOf(compress.Options{Settings: compress.Settings{Bits: bits}})
		w := src.Values[name]
		for _, c := range []struct {
			name, differs string
			change        func(i int, v float32) float32
		}{
			{"the original", "", func(_ int, v float32) float32 { return v }},
			{"scaled", "squares", func(_ int, v float32) float32 { return 1.001 * v }},
			{"negated", "squared differences from the layer",
				func(_ int, v float32) float32 { return -v }},
			{"reversed", "squared differences from the layer",
				func(i int, _ float32) float32 { return w[len(w)-1-i] }},
		} {
			other := new(memory.Model)
			values := slices.Clone(w)
			for i := range values {
				values[i] = c.change(i, w[i])
			}
			other.Add(name, "F32", values, 64, 96)
			v, err := Run(t.Context(), layers, Options{Truth: other})
			var mismatch *MismatchError
			switch {
			case c.differs == "" && err != nil:
				t.Errorf("%v bits: %s: %v", bits, c.name, err)
			case c.differs == "" && v.Total.Worst.Error != *v.Layers[0].WeightError:
				t.Errorf("%v bits: worst %+v, layer %+v", bits, v.Total.Worst, v.Layers[0])
			case c.differs != "" && (!errors.As(err, &mismatch) || mismatch.Sum != c.differs):
				t.Errorf("%v bits: %s: %v, want other %s", bits, c.name, err, c.differs)
			}
		}
	}
	// A record that nobody kept says nothing.
	src, layers := layersOf(compress.Options{})
	layers[0].Recorded = nil
	slices.Reverse(src.Values[name])
	if _, err := Run(t.Context(), layers, Options{Truth: src}); err != nil {
		t.Error(err)
	}
}

// TestMatches holds sums against a record at the edge of what six digits allow.
func TestMatches(t *testing.T) {
	record := codebook.Distortion{Signal: 100, Noise: 1, Approx: 99, Dot: 99}
	for _, c := range []struct {
		name string
		d    codebook.Distortion
		want string
	}{
		{"the last digit rounded",
			codebook.Distortion{Signal: 100.0005, Noise: 1.000005, Dot: 99.0005}, ""},
		{"another signal", codebook.Distortion{Signal: 100.002, Noise: 1, Dot: 99}, "squares"},
		{"another noise", codebook.Distortion{Signal: 100, Noise: 1.00002, Dot: 99},
			"squared differences from the layer"},
		{"another dot", codebook.Distortion{Signal: 100, Noise: 1, Dot: 98.99},
			"products with the layer's"},
		{"NaN", codebook.Distortion{Signal: math.NaN(), Noise: 1, Dot: 99}, "squares"},
	} {
		var mismatch *MismatchError
		err := (&Layer{Recorded: &record}).matches(c.d)
		got := ""
		if errors.As(err, &mismatch) {
			got = mismatch.Sum
		}
		if got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	zero := new(codebook.Distortion)
	if err := (&Layer{Recorded: zero}).matches(*zero); err != nil {
		t.Errorf("zeros: %v", err)
	}
	if err := (&Layer{Recorded: zero}).matches(record); err == nil {
		t.Error("weights where the record has zeros: no error")
	}
}

// TestWorstOfVerify checks what stands in for the weight error, and the count of slow layers.
func TestWorstOfVerify(t *testing.T) {
	half, tenth := 0.5, 0.1
	for _, c := range []struct {
		layer Check
		want  float64
		of    string
	}{
		{Check{WeightError: &half, Recorded: &tenth, OutputError: 0.2}, 0.5, "weights"},
		{Check{Recorded: &tenth, OutputError: 0.2}, 0.1, "weights, as recorded"},
		{Check{OutputError: 0.2}, 0.2, "output"},
	} {
		if got := c.layer.worst(); got != (codebook.Worst{Tensor: "", Error: c.want, Of: c.of}) {
			t.Errorf("got %+v, want %v of %s", got, c.want, c.of)
		}
	}
	var total Total
	for name, speedup := range map[string]float64{"a": 1, "b": 0.5, "c": 3, "d": 0.97, "e": 0.94} {
		total.addSpeed(name, speedup)
	}
	if total.Slower != 2 || *total.Slowest != (Slowest{"b", 0.5}) {
		t.Errorf("%d slower, slowest %+v", total.Slower, total.Slowest)
	}
}

func TestVerify(t *testing.T) {
	src, dst := memory.Small(), new(memory.Model)
	if _, err := compress.Compress(context.Background(), dst, src, compress.Options{}); err != nil {
		t.Fatal(err)
	}
	var layers []Layer
	for _, tensor := range src.All {
		if l := dst.Layers[tensor.Name]; l != nil {
			layers = append(layers,
				Layer{Tensor: tensor, Read: reading(l), Bytes: int64(len(l.Assignments))})
		}
	}
	given := new(memory.Model)
	given.Add("encoder.0.weight", "F32", samples.Gaussian(11, 3*96), 3, 96)
	for _, opts := range []Options{{Truth: src}, {}, {Truth: src, Batch: 5, Threads: 2},
		{Truth: src, Inputs: given}} {
		v, err := Run(context.Background(), layers, opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Layers) != len(layers) {
			t.Fatalf("%d layers, want %d", len(v.Layers), len(layers))
		}
		for _, l := range v.Layers {
			if (l.WeightError != nil) != (opts.Truth != nil) {
				t.Errorf("%s: weight error %v with truth %v", l.Name, l.WeightError,
					opts.Truth != nil)
			}
			if l.KernelError > 0.01 || l.Plan == "" || l.Tier == "" || l.DenseUs <= 0 ||
				l.CompiledUs <= 0 || l.Speedup <= 0 {
				t.Errorf("%s: %+v", l.Name, l)
			}
			// Without the original the rebuilt weights stand in: only the kernel's error is left.
			if opts.Truth == nil && l.OutputError > 0.01 || opts.Truth != nil &&
				(l.OutputError < 0.01 || l.OutputError > 0.2) {
				t.Errorf("%s: output error %v with truth %v", l.Name, l.OutputError,
					opts.Truth != nil)
			}
		}
		if v.Total.Weights != 64*96+64*97+32*72 {
			t.Errorf("%d weights in total", v.Total.Weights)
		}
	}
	other := memory.Small()
	other.All[0].Shape = []int{96, 64}
	wrong := new(memory.Model)
	wrong.Add("encoder.0.weight", "F32", samples.Gaussian(11, 95), 1, 95)
	for want, opts := range map[string]Options{
		"shape [96 64] in the original model": {Truth: other},
		"no such tensor":                      {Truth: new(memory.Model)},
		"want floats [n, 96]":                 {Truth: src, Inputs: wrong},
	} {
		if _, err := Run(context.Background(), layers, opts); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
