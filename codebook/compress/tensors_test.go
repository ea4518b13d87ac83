package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/codebook/verify"
)

func TestCompressTransposed(t *testing.T) {
	const in, out, experts = 96, 64, 3
	src, dst := new(memory.Model), new(memory.Model)
	src.Add("h.0.c_fc.weight", "F32", samples.Gaussian(1, in*out), in, out)
	src.Add("experts", "F32", samples.Gaussian(2, experts*in*out), experts, in, out)
	src.Add("wte.weight", "F32", samples.Gaussian(3, in*out), in, out)
	moments := func(_ context.Context, name string, cols int) (*moments.Moments, error) {
		if cols != in && name != "wte.weight" || cols != out && name == "wte.weight" {
			return nil, fmt.Errorf("asked for %d columns", cols)
		}
		return nil, nil
	}
	opts := Options{Transposed: []string{"h.*", "experts"}, Moments: moments}
	report, err := Compress(context.Background(), dst, src, opts)
	if err != nil {
		t.Fatal(err)
	}
	var layers []verify.Layer
	for _, e := range report.Entries {
		l, n := dst.Layers[e.Tensor.Name], int(e.Tensor.Elements())/(in*out)
		rows, cols := n*out, in
		if e.Tensor.Name == "wte.weight" {
			rows, cols = in, out
		}
		if l == nil || l.Rows != rows || l.Cols != cols || e.Distortion.Relative() > 0.08 {
			t.Errorf("%s: %+v, error %.3f", e.Tensor.Name, e.Layer, e.Distortion.Relative())
			continue
		}
		var d codebook.Distortion
		d.Add(e.Tensor.Restored(l.Dense()), src.Values[e.Tensor.Name])
		if d.Noise != e.Distortion.Noise && math.Abs(d.Noise-e.Distortion.Noise) > 1e-9*d.Noise {
			t.Errorf("%s: noise %v in the order of the file, %v in that of the layer",
				e.Tensor.Name, d.Noise, e.Distortion.Noise)
		}
		read := func(context.Context) (*codebook.Layer, error) { return l, nil }
		layers = append(layers, verify.Layer{Tensor: e.Tensor, Bytes: 1000, Read: read})
	}
	v, err := verify.Run(context.Background(), layers, verify.Options{Truth: src})
	if err != nil || *v.Total.WeightError > 0.08 || v.Total.OutputError > 0.08 {
		t.Errorf("%+v, %v", v, err)
	}
	opts.Transposed = []string{"nothing*"}
	_, err = Compress(context.Background(), dst, src, opts)
	if err == nil || !strings.Contains(err.Error(), `"nothing*" matches none`) {
		t.Error(err)
	}
}

// reasonOf returns why a tensor of a model passes through.
func reasonOf(t *testing.T, tensors []codebook.Tensor, name string, opts Options) string {
	t.Helper()
	c, err := newFilter(tensors, opts)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tensors, func(t codebook.Tensor) bool { return t.Name == name })
	return c.reason(tensors[i])
}

func TestVectorsPassThrough(t *testing.T) {
	for text, want := range map[string]string{
		"w F32 4096": "a vector", "w F32 1 4096": "a vector", "w F32 4096 1": "a vector",
		"w F32 1 4096 1": "a vector", "w F32 4096 1 1": "a vector", "w F32 1 1 1 4096": "a vector",
		"w F32": "a single value", "w F32 1": "a single value", "w F32 1 1": "a single value",
		"w F32 0 4": "empty", "w F32 64 64": "",
	} {
		if got := reasonOf(t, described(text), "w", Options{}); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// described returns tensors of four bytes a value: "name dtype dimensions".
func described(texts ...string) []codebook.Tensor {
	var tensors []codebook.Tensor
	for _, text := range texts {
		fields := strings.Fields(text)
		t := codebook.Tensor{Name: fields[0], DType: fields[1]}
		for _, f := range fields[2:] {
			n, err := strconv.Atoi(f)
			if err != nil {
				panic(err)
			}
			t.Shape = append(t.Shape, n)
		}
		t.Bytes = 4 * t.Elements()
		tensors = append(tensors, t)
	}
	return tensors
}

func TestQuantisedCheckpoints(t *testing.T) {
	for _, c := range []struct {
		kind    string
		packed  []string
		through []string // matrices of floats that pass through
	}{
		{"FP8 with block scales", nil,
			[]string{"q.weight F8_E4M3 4096 7168", "q.weight_scale_inv F32 32 56"}},
		{"FP8 with scales", nil,
			[]string{"q.weight F8_E4M3 4096 4096", "q.weight_scale BF16 4096 2"}},
		{"FP8 with scales", []string{"q.weight_scale F32", "q.input_scale F32"},
			[]string{"q.weight F8_E4M3 4096 4096"}},
		{"FP8 with scales", []string{"q.scale_weight F32"}, []string{"q.weight F8_E5M2 4096 4096"}},
		{"FP8 with scales", []string{"q.scale F8_E8M0 32 32"},
			[]string{"q.weight F8_E4M3 4096 4096"}},
		{"F8_E4M3 with scales", []string{"q.steps F8_E8M0 4096 128"},
			[]string{"q.values F8_E4M3 4096 4096"}},
		{"quanto", nil, []string{"q.weight._data F8_E4M3 4096 4096",
			"q.weight._scale BF16 4096 2"}},
		{"GPTQ", []string{"q.qweight I32 512 4096", "q.qzeros I32 32 512", "q.g_idx I32 4096"},
			[]string{"q.scales F16 32 4096"}},
		{"AWQ", []string{"q.qweight I32 4096 512", "q.qzeros I32 32 512"},
			[]string{"q.scales F16 32 4096"}},
		{"compressed-tensors, packed",
			[]string{"q.weight_packed I32 4096 512", "q.weight_shape I64 2"},
			[]string{"q.weight_scale BF16 4096 32"}},
		{"INT8 with scales", []string{"q.weight I8 4096 4096"},
			[]string{"q.weight_scale F32 4096 32"}},
		{"bitsandbytes, 4 bits",
			[]string{"q.weight U8 1048576 1", "q.weight.quant_state.bitsandbytes__nf4 U8 90"},
			[]string{"q.weight.absmax F32 256 128"}},
		{"bitsandbytes, 8 bits", []string{"q.weight I8 4096 4096"}, []string{"q.SCB F32 64 64"}},
		{"MLX", []string{"q.weight U32 4096 512"},
			[]string{"q.scales F16 4096 64", "q.biases F16 4096 64"}},
		{"MLX", []string{"switch_mlp.up.weight U32 64 1024 256"},
			[]string{"switch_mlp.up.scales F16 64 1024 32", "switch_mlp.up.biases F16 64 1024 32"}},
		{"MLX", []string{"switch_mlp.up.weight U32 2 1024 512"},
			[]string{"switch_mlp.up.scales[0] F16 1024 64", "switch_mlp.up.scales[1] F16 1024 64",
				"switch_mlp.up.biases[0] F16 1024 64", "switch_mlp.up.biases[1] F16 1024 64"}},
		{"NVFP4", []string{"q.weight U8 4096 2048", "q.weight_scale_2 F32"},
			[]string{"q.weight_scale F8_E4M3 4096 256"}},
		{"compressed-tensors, packed", []string{"q.weight_packed U8 4096 2048",
			"q.weight_global_scale F32 1"}, []string{"q.weight_scale F8_E4M3 4096 256"}},
		{"MXFP4", []string{"down_blocks U8 32 2880 90 16", "down_scales U8 32 2880 90"}, nil},
		{"HQQ", []string{"q.W_q U8 2048 64"}, []string{"q.scale F16 2048 2", "q.zero F16 2048 2"}},
		{"AQLM", []string{"q.codes I16 4096 512 1"}, []string{"q.codebooks F16 1 65536 1 8"}},
		{"I8 with scales", []string{"q.values I8 4096 4096"}, []string{"q.steps F32 4096 32"}},
		{"U8 with scales", []string{"q U8 4096 512"}, []string{"q_step F32 4096 32"}},
	} {
		others := described("embed.weight BF16 32000 4096", "o.weight F32 512 512",
			"v.up F8_E4M3 1024 512", "v.down F8_E4M3 512 512")
		through := described(c.through...)
		tensors := slices.Concat(described(c.packed...), through, others)
		if got := Quantisation(tensors); got != c.kind {
			t.Errorf("%s: found %q", c.kind, got)
		}
		opts := Options{Include: []string{"*"}}
		for _, s := range through {
			if got := reasonOf(t, tensors, s.Name, opts); got != partOf(c.kind) {
				t.Errorf("%s %s: reason %q", s.Name, s.DType, got)
			}
		}
		for _, o := range others {
			if got := reasonOf(t, tensors, o.Name, opts); got != "" {
				t.Errorf("%s: %s passes through: %q", c.kind, o.Name, got)
			}
		}
	}
}

// Scales whose weights are in another file are known by their names, and what stands beside
// integers is not thereby scales.
func TestNotQuantised(t *testing.T) {
	for _, name := range []string{"q.weight_scale_inv", "q.scales", "q.weight.absmax", "q.zeros"} {
		tensors := described(name + " F32 512 512")
		got := reasonOf(t, tensors, name, Options{})
		if got != "named like a part of quantised weights" {
			t.Errorf("%s: %q", name, got)
		}
		if got := Quantisation(tensors); got != "" {
			t.Errorf("%s: the model is %q", name, got)
		}
	}
	tensors := described("attn.relative_position_bias_table F32 529 16",
		"attn.relative_position_index I32 144 144", "embed.position_ids I32 1 512",
		"embed.weight F32 512 768", "vq.embedding F32 1024 64", "vq.used I32 1024",
		"h.bias U8 1 1 1024 1024", "h.weight F32 768 768", "lm.biases F32 512 512")
	if got := Quantisation(tensors); got != "" {
		t.Errorf("the model is %q", got)
	}
	for _, s := range tensors {
		if got := reasonOf(t, tensors, s.Name, Options{}); s.Float() && got != "" {
			t.Errorf("%s: %q", s.Name, got)
		}
	}
}

// Floats of 8 bits are weights like others where the source multiplies them by their scales, or
// they have none.
func TestFloatsOf8Bits(t *testing.T) {
	src, dst := new(memory.Model), new(memory.Model)
	src.Add("q.weight", "F8_E4M3", samples.Gaussian(1, 256*256), 256, 256)
	src.Add("k.weight", "F8_E5M2", samples.Gaussian(2, 256*256), 256, 256)
	src.All[0].Scaled = true
	report, err := Compress(context.Background(), dst, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Quantised != "" || len(dst.Layers) != 2 {
		t.Errorf("quantised %q, %d layers", report.Quantised, len(dst.Layers))
	}
}

func TestReportNamesQuantisation(t *testing.T) {
	src := new(memory.Model)
	src.Add("q.weight", "F8_E4M3", make([]float32, 256*256), 256, 256)
	src.Add("q.weight_scale_inv", "F32", samples.Gaussian(1, 64*64), 64, 64)
	src.Add("head", "F32", samples.Gaussian(2, 64*64), 64, 64)
	dst := new(memory.Model)
	report, err := Compress(context.Background(), dst, src, Options{})
	want := []string{"q.weight", "q.weight_scale_inv"}
	if err != nil {
		t.Fatal(err)
	}
	if report.Quantised != "FP8 with block scales" || !slices.Equal(dst.Passed, want) {
		t.Errorf("%+v, passed %q", report, dst.Passed)
	}
}

func TestRouters(t *testing.T) {
	for _, c := range []struct {
		router string
		rows   int
		beside []string
	}{
		{"model.Layers.0.mlp.gate.weight", 64,
			[]string{"model.Layers.0.mlp.experts.0.up_proj.weight"}},
		{"model.Layers.0.block_sparse_moe.gate.weight", 8,
			[]string{"model.Layers.0.block_sparse_moe.experts.0.w1.weight"}},
		{"model.Layers.0.block_sparse_moe.router.layer.weight", 32,
			[]string{"model.Layers.0.block_sparse_moe.input_linear.weight"}},
		{"transformer.blocks.0.ffn.router.layer.weight", 16,
			[]string{"transformer.blocks.0.ffn.experts.mlp.w1"}},
		{"model.Layers.0.mlp.gate.wg.weight", 16,
			[]string{"model.Layers.0.mlp.experts.0.up_proj.weight"}},
		{"encoder.block.1.layer.1.mlp.router.classifier.weight", 8,
			[]string{"encoder.block.1.layer.1.mlp.experts.expert_0.wi.weight"}},
		{"model.Layers.0.mlp.router.weight", 32, nil},
		{"model.Layers.0.mlp.gate.weight", 64,
			[]string{"model.Layers.0.mlp.switch_mlp.up_proj.weight"}},
	} {
		tensors := described(fmt.Sprintf("%s F32 %d 512", c.router, c.rows))
		for _, name := range c.beside {
			tensors = append(tensors, described(name+" F32 1024 512")...)
		}
		if got := reasonOf(t, tensors, c.router, Options{}); got != routerReason {
			t.Errorf("%s: %q", c.router, got)
		}
		for _, name := range c.beside {
			if got := reasonOf(t, tensors, name, Options{}); got != "" {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	// The gates of a graph net, of another network, of an expert and of a mixture that are as large
	// as its matrices.
	for _, names := range [][]string{
		{"convs.3.gate.weight", "convs.3.lin.weight"}, {"mlp.gate.weight"},
		{"mlp.experts.0.gate.weight", "mlp.experts.0.up.weight"},
	} {
		var tensors []codebook.Tensor
		for _, name := range names {
			tensors = append(tensors, described(name+" F32 256 512")...)
		}
		if got := reasonOf(t, tensors, names[0], Options{}); got != "" {
			t.Errorf("%s: %q", names[0], got)
		}
	}
	tensors := described("l.gate.weight F32 512 512", "l.experts.0.up.weight F32 512 512")
	if got := reasonOf(t, tensors, "l.gate.weight", Options{}); got != "" {
		t.Errorf("a gate as large as other matrices: %q", got)
	}
}

func TestHowFragileTensorsAreReached(t *testing.T) {
	const name = "decoder.embed_positions.weight"
	tensors := described(name+" F32 512 512", "decoder.fc.weight F32 512 512")
	override := func(glob string) []Override { return []Override{{glob, Settings{Bits: 5}}} }
	for _, c := range []struct {
		what string
		opts Options
		want string
	}{
		{"nothing", Options{}, "added to every token's input"},
		{"its name", Options{Include: []string{name}}, ""},
		{"everything", Options{Include: []string{"*"}}, ""},
		{"a pattern", Options{Include: []string{"decoder.*"}},
			"added to every token's input (include it by its full name)"},
		{"an override", Options{Overrides: override("*embed*")}, ""},
		{"an override of others", Options{Overrides: override("*fc*")},
			"added to every token's input"},
		{"an override that is excluded",
			Options{Overrides: override("*embed*"), Exclude: []string{"*embed*"}},
			"excluded by *embed*"},
	} {
		got := reasonOf(t, tensors, name, c.opts)
		if !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestGlobsOfStacksMatchTheirSlices: and names of slices no others.
func TestGlobsOfStacksMatchTheirSlices(t *testing.T) {
	const a, b, pos = "l.experts.up[0]", "l.experts.up[1]", "l.embed_positions[0]"
	tensors := described(a+" F32 512 512", b+" F32 512 512", pos+" F32 512 512",
		"l.experts.up0 F32 512 512")
	for glob, want := range map[string][]string{
		"l.experts.up": {a, b}, "*.up": {a, b}, "l.experts.up[0]": {a, "l.experts.up0"},
		"l.embed_positions": {pos}, "l.embed_positions[0]": {pos}, `*.up\[1\]`: {b}, "*1]": {b},
		"*": {a, b, pos, "l.experts.up0"}, "l.*": {a, b, "l.experts.up0"},
	} {
		c, err := newFilter(tensors, Options{Include: []string{glob}})
		if err != nil {
			t.Errorf("%s: %v", glob, err)
			continue
		}
		for _, tensor := range tensors {
			if included := c.reason(tensor) == ""; included != slices.Contains(want, tensor.Name) {
				t.Errorf("%s includes %s: %v", glob, tensor.Name, included)
			}
		}
	}
	opts := Options{
		Exclude: []string{"*.up"}, Transposed: []string{"l.experts.up"},
		Overrides: []Override{{"l.experts.up", Settings{Bits: 2}}},
	}
	c, err := newFilter(tensors, opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, of := range []bool{true, true, false, false} {
		x := tensors[i]
		if got := c.excluded(x) != ""; got != of {
			t.Errorf("%s is excluded: %v", x.Name, got)
		}
		if got := c.fold(x) == codebook.FoldTransposed; got != of {
			t.Errorf("%s is transposed: %v", x.Name, got)
		}
		if got := opts.group(x.Name) == 1; got != of {
			t.Errorf("%s has settings of its own: %v", x.Name, got)
		}
	}
}

func TestNamesMatchThemselves(t *testing.T) {
	tensors := described("layers[0].w F32 512 512", "layers0.w F32 512 512", "[ F32 512 512")
	for glob, want := range map[string][]string{
		"layers[0].w": {"layers[0].w", "layers0.w"}, "layers?0?.w": {"layers[0].w"}, "[": {"["},
		"*": {"layers[0].w", "layers0.w", "["},
	} {
		c, err := newFilter(tensors, Options{Include: []string{glob}})
		if err != nil {
			t.Errorf("%s: %v", glob, err)
			continue
		}
		for _, tensor := range tensors {
			if included := c.reason(tensor) == ""; included != slices.Contains(want, tensor.Name) {
				t.Errorf("%s includes %s: %v", glob, tensor.Name, included)
			}
		}
	}
	_, err := newFilter(tensors[:2], Options{Exclude: []string{"["}})
	if err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Error(err)
	}
}

// byPosition gives a value to each row and column of a matrix.
type byPosition func(r, c int) float64

// fill returns the matrix of such values.
func (f byPosition) fill(rows, cols int) []float32 {
	w := make([]float32, 0, rows*cols)
	for r := range rows {
		for c := range cols {
			w = append(w, float32(f(r, c)))
		}
	}
	return w
}

// causal is a mask that hides what comes later.
func causal(hidden float64) byPosition {
	return func(r, c int) float64 {
		if c > r {
			return hidden
		}
		return 0
	}
}

// choose takes values in no order.
func choose(values ...float64) byPosition {
	random := samples.Gaussian(5, 1<<16)
	return func(r, c int) float64 {
		return values[int(math.Abs(1000*float64(random[r<<8+c])))%len(values)]
	}
}

func TestWhatIsNoWeights(t *testing.T) {
	long(t)
	random := samples.Gaussian(5, 128*96)
	eight := choose(-0.3, -0.1, 0.2, 0.7, 0.9, 1.1, 1.3, 1.7)
	inBits := func(bits float64) Options { return Options{Settings: Settings{Bits: bits}} }
	const positions = "a table of positions: its values go up or down in equal steps"
	for _, c := range []struct {
		what   string
		values byPosition
		opts   Options
		reason string // "": it becomes a layer
		scheme string // of the layer
	}{
		{"weights", func(r, c int) float64 { return float64(random[r*96+c]) },
			Options{}, "", "trellis"},
		{"a mask of 0 and 1", causal(1),
			Options{}, "a mask or an index: it has 2 different values", ""},
		{"a mask of 0 and -10000", causal(-10000),
			Options{}, "a mask or an index: it has 2 different values", ""},
		{"a mask of the lowest value", causal(-math.MaxFloat32),
			Options{}, "a mask: it holds -3.4028235e+38", ""},
		{"a mask of the lowest value of float16", causal(-65504),
			Options{}, "a mask: it holds -65504", ""},
		{"a mask of infinities", causal(math.Inf(-1)),
			Options{}, "a mask: it has 2 different values, infinities among them", ""},
		{"positions in a row", func(r, c int) float64 { return float64(r*96 + c) },
			Options{}, positions, ""},
		{"distances", func(r, c int) float64 { return float64(r - c) },
			Options{}, positions, ""},
		{"slopes", func(r, c int) float64 { return -float64(c) / float64(int(1)<<(r%8)) },
			Options{}, positions, ""},
		{"positions in columns", func(r, _ int) float64 { return 3 * float64(r) },
			Options{}, positions, ""},
		{"eight values", eight,
			Options{}, "a mask or an index: it has 8 different values", ""},
		{"eight values in 3 bits", eight, inBits(3), "", "trellis"},
		{"nine values", choose(-0.3, -0.1, 0.2, 0.7, 0.9, 1.1, 1.3, 1.7, 2),
			Options{}, "", "trellis"},
		{"three weights", choose(-0.013, 0, 0.013), Options{}, "", "scalar"},
		{"two weights", choose(-0.7, 0.7), inBits(2), "", "scalar"},
		{"weights beside a grid", choose(-0.7, -0.2013, 0, 0.1),
			Options{}, "a mask or an index: it has 4 different values", ""},
		{"weights on a grid", choose(-0.75, -0.5, 0, 0.25, 1), Options{}, "", "scalar"},
		{"zeros", choose(0), Options{}, "", "trellis"},
		{"one value", choose(0.37), Options{}, "", "rows"},
		{"rows that repeat", func(r, c int) float64 { return float64((r%3*7 + c*c*5) % 4) },
			Options{}, "", "rows"},
	} {
		src, dst, w := new(memory.Model), new(memory.Model), c.values.fill(128, 96)
		src.Add("w", "F32", w, 128, 96)
		src.Add("v", "F32", samples.Gaussian(6, 128*96), 128, 96)
		report, err := Compress(context.Background(), dst, src, c.opts)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		e := report.Entries[0]
		switch {
		case c.reason != "":
			if e.Reason != c.reason || dst.Layers["w"] != nil {
				t.Errorf("%s: reason %q, want %q", c.what, e.Reason, c.reason)
			}
		case e.Layer == nil || e.Layer.Name != c.scheme:
			t.Errorf("%s: reason %q, %+v, want scheme %s", c.what, e.Reason, e.Layer, c.scheme)
		case c.scheme == "scalar" && !slices.Equal(dst.Layers["w"].Dense(), w):
			t.Errorf("%s: noise %v, want none", c.what, e.Distortion.Noise)
		}
	}
}

// A size of the whole file counts layers that have a scheme of their own.
func TestSizeCountsExactLayers(t *testing.T) {
	src, dst := new(memory.Model), new(memory.Model)
	src.Add("ternary", "F32", choose(-1, 0, 1).fill(256, 256), 256, 256)
	src.Add("w", "F32", samples.Gaussian(6, 256*256), 256, 256)
	report, err := Compress(context.Background(), dst, src, Options{Size: 40000})
	if err != nil {
		t.Fatal(err)
	}
	ternary, w := dst.Layers["ternary"], dst.Layers["w"]
	if ternary.Scheme().Name != "scalar" || report.Entries[0].Distortion.Noise != 0 {
		t.Errorf("%+v", report.Entries[0])
	}
	if size := ternary.BytesStored() + w.BytesStored(); size > 40000 || size < 38000 {
		t.Errorf("%d bytes, want up to 40000", size)
	}
}
