package codebook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// memory is a model in memory, both Source and Sink.
type memory struct {
	tensors []Tensor
	values  map[string][]float32
	layers  map[string]*Layer
	passed  []string
	halves  []string
}

func (m *memory) add(name, dtype string, values []float32, shape ...int) {
	if m.values == nil {
		m.values = map[string][]float32{}
	}
	m.tensors = append(m.tensors, Tensor{Name: name, DType: dtype, Shape: shape, Bytes: int64(4 * len(values))})
	m.values[name] = values
}

func (m *memory) Tensors() []Tensor { return m.tensors }

func (m *memory) Floats(name string) ([]float32, error) {
	if w, ok := m.values[name]; ok {
		return w, nil
	}
	return nil, errors.New("not there")
}

func (m *memory) PutLayer(t Tensor, l *Layer, _ Distortion) (int64, error) {
	if m.layers == nil {
		m.layers = map[string]*Layer{}
	}
	m.layers[t.Name] = l
	return int64(len(l.Centroids) + len(l.Assignments)), l.Validate()
}

func (m *memory) Overhead(Tensor) int64 { return 0 }

func (m *memory) Rest([]string) int64 { return 0 }

func (m *memory) PutTensor(t Tensor) error {
	m.passed = append(m.passed, t.Name)
	return nil
}

func (m *memory) HalfOverhead(Tensor) int64 { return 0 }

func (m *memory) PutHalf(t Tensor) error {
	m.halves = append(m.halves, t.Name)
	return nil
}

func smallModel() *memory {
	m := new(memory)
	m.add("encoder.0.weight", "F32", gaussian(1, 64*96), 64, 96)
	m.add("encoder.0.bias", "F32", gaussian(2, 64), 64)
	m.add("encoder/1/weight", "BF16", gaussian(3, 64*97), 64, 97)
	m.add("conv.weight", "F16", gaussian(4, 32*8*9), 32, 8, 3, 3)
	m.add("ids", "I64", make([]float32, 64), 8, 8)
	m.add("temperature", "F32", make([]float32, 1))
	m.add("layers.0.mlp.router.weight", "F32", gaussian(5, 32*64), 32, 64)
	m.add("embeddings.position_embeddings.weight", "F32", gaussian(6, 64*64), 64, 64)
	m.add("tiny", "F32", gaussian(7, 16), 4, 4)
	m.add("none", "F32", nil, 0, 4)
	m.add("column", "F32", gaussian(8, 64), 64, 1)
	return m
}

func TestCompress(t *testing.T) {
	for _, c := range []struct {
		name string
		opts Options
		kept map[string]string // name to a part of the reason
	}{
		{"default", Options{}, nil},
		{"include", Options{Include: []string{"encoder*"}}, map[string]string{
			"conv.weight": "not included",
		}},
		{"exclude", Options{Exclude: []string{"*conv*"}}, map[string]string{"conv.weight": "excluded by *conv*"}},
		{"include by full name", Options{Include: []string{"*e*", "layers.0.mlp.router.weight"}},
			map[string]string{
				"layers.0.mlp.router.weight":            "",
				"embeddings.position_embeddings.weight": "input (include it by its full name)",
			}},
		{"include everything", Options{Include: []string{"*"}}, map[string]string{
			"layers.0.mlp.router.weight": "", "embeddings.position_embeddings.weight": "",
		}},
		{"an override", Options{Overrides: []Override{{"*embed*", Settings{Bits: 3}}}},
			map[string]string{
				"embeddings.position_embeddings.weight": "",
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := map[string]string{
				"encoder.0.bias": "a vector", "ids": "I64 values", "temperature": "a single value",
				"layers.0.mlp.router.weight":            "router",
				"embeddings.position_embeddings.weight": "position table",
				"tiny":                                  "a codebook would take", "none": "empty", "column": "a vector",
			}
			for name, reason := range c.kept {
				want[name] = reason
			}
			src, dst := smallModel(), new(memory)
			report, err := Compress(context.Background(), dst, src, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Entries) != len(src.tensors) {
				t.Fatalf("%d entries for %d tensors", len(report.Entries), len(src.tensors))
			}
			for i, e := range report.Entries {
				name := src.tensors[i].Name
				compressed := dst.layers[name] != nil
				passed := slices.Contains(dst.passed, name)
				narrowed := slices.Contains(dst.halves, name)
				switch {
				case e.Tensor.Name != name:
					t.Errorf("entry %d is %s, want %s", i, e.Tensor.Name, name)
				case compressed == (passed != narrowed) || passed && narrowed:
					t.Errorf("%s: compressed %v, passed through %v, kept as F16 %v",
						name, compressed, passed, narrowed)
				case narrowed != e.Narrowed || narrowed != (name == "tiny" && e.Reason != "not included"):
					t.Errorf("%s: kept as F16 %v, reported as %v, reason %q", name, narrowed, e.Narrowed, e.Reason)
				case compressed != (e.Layer != nil) || compressed != (e.Reason == ""):
					t.Errorf("%s: the report says %+v, reason %q", name, e.Layer, e.Reason)
				case c.opts.Include == nil || !strings.Contains(e.Reason, "not included"):
					if !strings.Contains(e.Reason, want[name]) || (want[name] == "") != compressed {
						t.Errorf("%s: reason %q, want %q", name, e.Reason, want[name])
					}
				}
			}
		})
	}
}

func TestCompressRefuses(t *testing.T) {
	bad := func(v float64) *memory {
		m := smallModel()
		m.values["conv.weight"][100] = float32(v)
		return m
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		src  *memory
		opts Options
		want string
	}{
		{"a NaN", context.Background(), bad(math.NaN()), Options{}, `tensor "conv.weight": value 100 is NaN`},
		{"an infinity", context.Background(), bad(math.Inf(-1)), Options{}, `tensor "conv.weight": value 100 is -Inf`},
		{"a glob that matches nothing", context.Background(), smallModel(), Options{Include: []string{"decoder.*"}}, `"decoder.*" matches none`},
		{"a malformed glob", context.Background(), smallModel(), Options{Exclude: []string{"[a"}}, `pattern "[a"`},
		{"an unknown scheme", context.Background(), smallModel(), Options{Settings: Settings{Scheme: Scheme{Name: "magic", K: 3}}}, `unknown scheme "magic"`},
		{"bits of an override that there cannot be", context.Background(), smallModel(),
			Options{Overrides: []Override{{"conv.*", Settings{Bits: 10}}}}, `tensors "conv.*": 10 bits a weight: there can be`},
		{"bits of an override that nothing meets", context.Background(), smallModel(),
			Options{Overrides: []Override{{"conv.*", Settings{Bits: 0.5, For: ForMemory}}}}, `tensors "conv.*": no choice among`},
		{"a cancelled context", cancelled, smallModel(), Options{}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compress(c.ctx, new(memory), c.src, c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	_, err := Compress(context.Background(), new(memory), bad(math.Inf(1)), Options{})
	var notFinite *NotFiniteError
	if !errors.As(err, &notFinite) || notFinite.Index != 100 || !math.IsInf(float64(notFinite.Value), 1) {
		t.Errorf("%v is no error of value 100, +Inf", err)
	}
	dst := new(memory)
	report, err := Compress(context.Background(), dst, bad(math.NaN()), Options{PassNonfinite: true})
	if err != nil {
		t.Fatal(err)
	}
	if e := report.Entries[3]; e.Reason != "value 100 is NaN" || !slices.Contains(dst.passed, "conv.weight") {
		t.Errorf("allowed to pass through: %+v", e)
	}
}

func TestSchemeValidate(t *testing.T) {
	for _, s := range Schemes() {
		if err := s.Validate(); err != nil {
			t.Errorf("default %+v: %v", s, err)
		}
	}
	for _, s := range []Scheme{
		{Name: "segments", Width: 2, K: 0}, {Name: "segments", Width: 2, K: 257}, {Name: "segments", Width: 1, K: 9},
		{Name: "segments", Width: 65, K: 9}, {Name: "rows", Width: 2, K: 9}, {Name: "scalar", Width: 2, K: 9},
		{Name: "segments", Width: 2, K: 9, Group: 16}, {Name: "scalar", Width: 1, K: 9, Group: 12}, {Name: "", K: 9},
	} {
		if s.Validate() == nil {
			t.Errorf("no error for %+v", s)
		}
	}
}

func TestLayerValidate(t *testing.T) {
	good := func() *Layer {
		return &Layer{
			Rows: 2, Cols: 16, Width: 1, Group: 8, Scale: 1, Centroids: []byte{0, 255},
			Assignments: make([]byte, 32), RowScales: make([]byte, 2), Multipliers: make([]int8, 4),
		}
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func(*Layer){
		func(l *Layer) { l.Rows = 0 },
		func(l *Layer) { l.Cols = 0 },
		func(l *Layer) { l.Width = 0 },
		func(l *Layer) { l.Width = 65 },
		func(l *Layer) { l.Width = 2 },
		func(l *Layer) { l.Centroids = nil },
		func(l *Layer) { l.Centroids = make([]byte, 257) },
		func(l *Layer) { l.Assignments = l.Assignments[1:] },
		func(l *Layer) { l.Assignments[31] = 2 },
		func(l *Layer) { l.RowScales = l.RowScales[1:] },
		func(l *Layer) { l.Group = 12 },
		func(l *Layer) { l.Multipliers = nil },
		func(l *Layer) { l.Multipliers[3] = 64 },
		func(l *Layer) { l.Multipliers[3] = -64 },
		func(l *Layer) { l.Scale = -1 },
		func(l *Layer) { l.Scale = float32(math.NaN()) },
		func(l *Layer) { l.Scale = float32(math.Inf(1)) },
	} {
		l := good()
		spoil(l)
		if l.Validate() == nil {
			t.Errorf("no error for spoilt layer %d", i)
		}
	}
}

func TestVerify(t *testing.T) {
	src, dst := smallModel(), new(memory)
	if _, err := Compress(context.Background(), dst, src, Options{}); err != nil {
		t.Fatal(err)
	}
	var layers []NamedLayer
	for _, tensor := range src.tensors {
		if l := dst.layers[tensor.Name]; l != nil {
			layers = append(layers, NamedLayer{Tensor: tensor, Layer: l, Bytes: int64(len(l.Assignments))})
		}
	}
	given := new(memory)
	given.add("encoder.0.weight", "F32", gaussian(11, 3*96), 3, 96)
	for _, opts := range []VerifyOptions{{Truth: src}, {}, {Truth: src, Batch: 5, Threads: 2}, {Truth: src, Inputs: given}} {
		v, err := Verify(context.Background(), layers, opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Layers) != len(layers) {
			t.Fatalf("%d layers, want %d", len(v.Layers), len(layers))
		}
		for _, l := range v.Layers {
			if (l.WeightError != nil) != (opts.Truth != nil) {
				t.Errorf("%s: weight error %v with truth %v", l.Name, l.WeightError, opts.Truth != nil)
			}
			if l.KernelError > 0.01 || l.Plan == "" || l.Tier == "" || l.DenseUs <= 0 || l.CompiledUs <= 0 || l.Speedup <= 0 {
				t.Errorf("%s: %+v", l.Name, l)
			}
			// Without the original the rebuilt weights stand in: only the kernel's error is left.
			if opts.Truth == nil && l.OutputError > 0.01 || opts.Truth != nil && (l.OutputError < 0.01 || l.OutputError > 0.2) {
				t.Errorf("%s: output error %v with truth %v", l.Name, l.OutputError, opts.Truth != nil)
			}
		}
		if v.Total.Weights != 64*96+64*97+32*72 {
			t.Errorf("%d weights in total", v.Total.Weights)
		}
	}
	other := smallModel()
	other.tensors[0].Shape = []int{96, 64}
	wrong := new(memory)
	wrong.add("encoder.0.weight", "F32", gaussian(11, 95), 1, 95)
	for want, opts := range map[string]VerifyOptions{
		"shape [96 64] in the original model": {Truth: other},
		"no such tensor":                      {Truth: new(memory)},
		"want floats [n, 96]":                 {Truth: src, Inputs: wrong},
	} {
		if _, err := Verify(context.Background(), layers, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestModelFallsThrough(t *testing.T) {
	src := smallModel()
	l := build(t, src.values["encoder.0.weight"], 64, 96, pairs, Options{})
	m := NewModel(map[string]*Layer{"encoder.0.weight": l}, src)
	for _, name := range []string{"encoder.0.weight", "conv.weight"} {
		w, err := m.Matrix(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, cols := w.Dims()
		x, y, row := gaussian(12, 2*cols), make([]float32, 2*rows), make([]float32, cols)
		if err := w.MulMat(y, x, 2); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			w.Row(row, r)
			var want, size float64
			for c, v := range row {
				want += float64(v) * float64(x[cols+c])
				size += math.Abs(float64(v) * float64(x[cols+c]))
			}
			if math.Abs(float64(y[rows+r])-want) > 0.01*size {
				t.Fatalf("%s: row %d is %v, want %v", name, r, y[rows+r], want)
			}
		}
	}
	if m.Layer("conv.weight") != nil {
		t.Error("a layer for a tensor that was passed through")
	}
	for _, name := range []string{"ids", "encoder.0.bias", "nowhere"} {
		if _, err := m.Matrix(name); err == nil {
			t.Errorf("no error for %s", name)
		}
	}
}

func ExampleBuild() {
	w := gaussian(1, 512*256) // a matrix [512, 256]
	layer, err := Build(context.Background(), w, 512, 256, Scheme{Name: "segments", Width: 2, K: 256}, Options{})
	if err != nil {
		panic(err)
	}
	y, x := make([]float32, 512), gaussian(2, 256)
	if err := layer.MulVec(y, x); err != nil {
		panic(err)
	}
	var d Distortion
	d.Add(layer.Dense(), w)
	fmt.Printf("%d centroids of width %d, error %.2f\n", layer.K(), layer.Width, d.Relative())
	// Output: 256 centroids of width 2, error 0.09
}

// Where rows repeat, storing each once is found to be better without being asked for.
func TestCompressFindsRepeatedRows(t *testing.T) {
	const rows, cols, different = 2000, 96, 200
	w := make([]float32, 0, rows*cols)
	some := gaussian(1, different*cols)
	for r := range rows {
		i := r * 7919 % different
		w = append(w, some[i*cols:][:cols]...)
	}
	src, dst := new(memory), new(memory)
	src.add("repeated", "F32", w, rows, cols)
	src.add("other", "F32", gaussian(2, 512*96), 512, 96)
	report, err := Compress(context.Background(), dst, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"rows", "trellis"} {
		e := report.Entries[i]
		if e.Layer.Name != want || e.Distortion.Relative() > 0.07 {
			t.Errorf("%s: scheme %s, error %.4f; want %s", e.Tensor.Name, e.Layer.Name, e.Distortion.Relative(), want)
		}
	}
}
