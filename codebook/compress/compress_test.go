package compress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

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
		{"exclude", Options{Exclude: []string{"*conv*"}},
			map[string]string{"conv.weight": "excluded by *conv*"}},
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
				"tiny":                                  "a codebook would take", "none": "empty",
				"column": "a vector",
			}
			for name, reason := range c.kept {
				want[name] = reason
			}
			src, dst := memory.Small(), new(memory.Model)
			report, err := Compress(context.Background(), dst, src, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Entries) != len(src.All) {
				t.Fatalf("%d entries for %d tensors", len(report.Entries), len(src.All))
			}
			for i, e := range report.Entries {
				name := src.All[i].Name
				compressed := dst.Layers[name] != nil
				passed := slices.Contains(dst.Passed, name)
				narrowed := slices.Contains(dst.Halves, name)
				switch {
				case e.Tensor.Name != name:
					t.Errorf("entry %d is %s, want %s", i, e.Tensor.Name, name)
				case compressed == (passed != narrowed) || passed && narrowed:
					t.Errorf("%s: compressed %v, passed through %v, kept as F16 %v",
						name, compressed, passed, narrowed)
				case narrowed != e.Narrowed ||
					narrowed != (name == "tiny" && e.Reason != "not included"):
					t.Errorf("%s: kept as F16 %v, reported as %v, reason %q", name, narrowed,
						e.Narrowed, e.Reason)
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
	bad := func(v float64) *memory.Model {
		m := memory.Small()
		m.Values["conv.weight"][100] = float32(v)
		return m
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		src  *memory.Model
		opts Options
		want string
	}{
		{"a NaN", context.Background(), bad(math.NaN()), Options{},
			`tensor "conv.weight": value 100 is NaN`},
		{"an infinity", context.Background(), bad(math.Inf(-1)), Options{},
			`tensor "conv.weight": value 100 is -Inf`},
		{"a glob that matches nothing", context.Background(), memory.Small(),
			Options{Include: []string{"decoder.*"}}, `"decoder.*" matches none`},
		{"a malformed glob", context.Background(), memory.Small(), Options{Exclude: []string{"[a"}},
			`pattern "[a"`},
		{"an unknown scheme", context.Background(), memory.Small(),
			Options{Settings: Settings{Scheme: codebook.Scheme{Name: "magic", K: 3}}},
			`unknown scheme "magic"`},
		{"bits of an override that there cannot be", context.Background(), memory.Small(),
			Options{Overrides: []Override{{"conv.*", Settings{Bits: 10}}}},
			`tensors "conv.*": 10 bits a weight: there can be`},
		{"bits of an override that nothing meets", context.Background(), memory.Small(),
			Options{Overrides: []Override{{"conv.*", Settings{Bits: 0.5, For: ForMemory}}}},
			`tensors "conv.*": 0.5 bits a weight cannot be met`},
		{"a cancelled context", cancelled, memory.Small(), Options{}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compress(c.ctx, new(memory.Model), c.src, c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	_, err := Compress(context.Background(), new(memory.Model), bad(math.Inf(1)), Options{})
	var notFinite *codebook.NotFiniteError
	if !errors.As(err, &notFinite) || notFinite.Index != 100 ||
		!math.IsInf(float64(notFinite.Value), 1) {
		t.Errorf("%v is no error of value 100, +Inf", err)
	}
	dst := new(memory.Model)
	report, err := Compress(context.Background(), dst, bad(math.NaN()),
		Options{PassNonfinite: true})
	if err != nil {
		t.Fatal(err)
	}
	if e := report.Entries[3]; e.Reason != "value 100 is NaN" ||
		!slices.Contains(dst.Passed, "conv.weight") {
		t.Errorf("allowed to pass through: %+v", e)
	}
}

func ExampleBuild() {
	w := samples.Gaussian(1, 512*256) // a matrix [512, 256]
	layer, err := Build(context.Background(), w, 512, 256,
		codebook.Scheme{Name: "segments", Width: 2, K: 256}, Options{})
	if err != nil {
		panic(err)
	}
	plan, err := layer.Plan(codebook.RunOptions{})
	if err != nil {
		panic(err)
	}
	y, x := make([]float32, 512), samples.Gaussian(2, 256)
	if err := plan.MulVec(y, x); err != nil { // y = W*x, straight from the codebook
		panic(err)
	}
	var d codebook.Distortion
	d.Add(layer.Dense(), w)
	fmt.Printf("%d centroids of width %d, error %.2f\n", layer.K(), layer.Width, d.Relative())
	// Output: 256 centroids of width 2, error 0.09
}

// Where rows repeat, storing each once is found to be better without being asked for.
func TestCompressFindsRepeatedRows(t *testing.T) {
	const rows, cols, different = 2000, 96, 200
	w := make([]float32, 0, rows*cols)
	some := samples.Gaussian(1, different*cols)
	for r := range rows {
		i := r * 7919 % different
		w = append(w, some[i*cols:][:cols]...)
	}
	src, dst := new(memory.Model), new(memory.Model)
	src.Add("repeated", "F32", w, rows, cols)
	src.Add("other", "F32", samples.Gaussian(2, 512*96), 512, 96)
	report, err := Compress(context.Background(), dst, src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"rows", "trellis"} {
		e := report.Entries[i]
		if e.Layer.Name != want || e.Distortion.Relative() > 0.07 {
			t.Errorf("%s: scheme %s, error %.4f; want %s", e.Tensor.Name, e.Layer.Name,
				e.Distortion.Relative(), want)
		}
	}
}
