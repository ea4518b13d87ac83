package codebook

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestSummary(t *testing.T) {
	layer := func(name string, noise, limit float64) Entry {
		d := Distortion{Signal: 1, Noise: noise}
		return Entry{Tensor: Tensor{Name: name}, Layer: &Scheme{}, Distortion: d, Cap: limit}
	}
	for _, c := range []struct {
		name           string
		entries        []Entry
		worst          string
		error          float64
		capped, beyond int
	}{
		{"nothing", nil, "", 0, 0, 0},
		{"no layer", []Entry{{Tensor: Tensor{Name: "bias"}, Reason: "a vector"}}, "", 0, 0, 0},
		{"a layer without error", []Entry{layer("a", 0, 0)}, "a", 0, 0, 0},
		{"unknown caps", []Entry{layer("a", 0.01, 0), layer("b", 0.04, 0)}, "b", 0.2, 0, 0},
		{"one beyond its cap", []Entry{layer("a", 0.01, 0.05), layer("b", 0.04, 0.5), layer("c", 0, 0)},
			"b", 0.2, 2, 1},
		{"at its cap", []Entry{layer("a", 0.25, 0.5)}, "a", 0.5, 1, 0},
		{"the first of two", []Entry{layer("a", 0.25, 0), layer("b", 0.25, 0)}, "a", 0.5, 0, 0},
	} {
		s := (&Report{Entries: c.entries}).Summary()
		if s.Capped != c.capped || s.Beyond != c.beyond {
			t.Errorf("%s: %d of %d beyond their cap, want %d of %d",
				c.name, s.Beyond, s.Capped, c.beyond, c.capped)
		}
		want := Worst{c.worst, c.error, "weights"}
		if s.Worst == nil && c.worst != "" || s.Worst != nil && *s.Worst != want {
			t.Errorf("%s: worst is %+v, want %s at %v", c.name, s.Worst, c.worst, c.error)
		}
	}
	// Of a scheme that has no rate to choose nothing is known before it is built.
	a := &Allocation{Matrices: []Allotted{
		{Tensor: "fixed"}, {Tensor: "a", Error: 0.1, Cap: 0.05}, {Tensor: "b", Error: 0.3},
	}}
	s := a.Summary()
	if want := (Worst{"b", 0.3, "weights"}); s.Worst == nil || *s.Worst != want {
		t.Errorf("allocation: worst is %+v", s.Worst)
	}
	if s.Capped != 1 || s.Beyond != 1 {
		t.Errorf("allocation: %d of %d beyond their cap", s.Beyond, s.Capped)
	}
}

// TestCapIsKept follows a cap from the allocation to the report.
func TestCapIsKept(t *testing.T) {
	src := smallModel()
	a, err := Allocate(t.Context(), new(memory), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Matrices {
		a.Matrices[i].Cap = 1e-6
	}
	a.Matrices[0].Cap = 0.99
	report, err := Compress(t.Context(), new(memory), src, Options{Allocation: a})
	if err != nil {
		t.Fatal(err)
	}
	n := len(a.Matrices)
	if s := report.Summary(); s.Capped != n || s.Beyond != n-1 || s.Worst.Error < 0.01 {
		t.Errorf("%+v of %d matrices", s, n)
	}
}

func TestKind(t *testing.T) {
	for _, c := range []struct {
		dtype string
		shape []int
		want  string
	}{
		{"F32", nil, "single values"},
		{"F32", []int{8}, "vectors"},
		{"I64", []int{8}, "vectors"},
		{"F8_E4M3", []int{8}, "vectors"},
		{"F32", []int{8, 0}, "empty tensors"},
		{"BOOL", []int{8, 8}, "integers"},
		{"I64", []int{8, 8}, "integers"},
		{"F8_E4M3", []int{8, 8}, ""},
		{"BF16", []int{8, 8}, ""},
	} {
		if got := (Tensor{DType: c.dtype, Shape: c.shape}).Kind(); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.dtype, c.shape, got, c.want)
		}
	}
	// What Compress says of each tensor decides: a matrix, or a tensor with a reason of its own, is
	// of no kind.
	opts := Options{Exclude: []string{"encoder.0.weight"}}
	report, err := Compress(t.Context(), new(memory), smallModel(), opts)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"encoder.0.bias": "vectors", "ids": "integers", "temperature": "single values", "none": "empty tensors",
		"column": "vectors",
	}
	for _, e := range report.Entries {
		if got, want := e.Kind(), kinds[e.Tensor.Name]; got != want {
			t.Errorf("%s (%s): %q, want %q", e.Tensor.Name, e.Reason, got, want)
		}
	}
	packed := Tensor{DType: "I32", Shape: []int{8, 8}}
	if e := (Entry{Tensor: packed, Reason: "packed weights"}); e.Kind() != "" {
		t.Errorf("integers with a reason of their own: %q", e.Kind())
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
	layersOf := func(opts Options) (*memory, []NamedLayer) {
		src, dst := smallModel(), new(memory)
		report, err := Compress(t.Context(), dst, src, opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range report.Entries {
			if e.Tensor.Name == name {
				d := e.Distortion
				for _, sum := range []*float64{&d.Signal, &d.Noise, &d.Approx, &d.Dot} {
					*sum = rounded(*sum)
				}
				l := NamedLayer{Tensor: e.Tensor, Layer: dst.layers[name], Bytes: e.Bytes, Recorded: &d}
				return src, []NamedLayer{l}
			}
		}
		panic("no " + name)
	}
	for _, bits := range []float64{1, 4, 6.5} {
		src, layers := layersOf(Options{Settings: Settings{Bits: bits}})
		w := src.values[name]
		for _, c := range []struct {
			name, differs string
			change        func(i int, v float32) float32
		}{
			{"the original", "", func(_ int, v float32) float32 { return v }},
			{"scaled", "squares", func(_ int, v float32) float32 { return 1.001 * v }},
			{"negated", "squared differences from the layer", func(_ int, v float32) float32 { return -v }},
			{"reversed", "squared differences from the layer",
				func(i int, _ float32) float32 { return w[len(w)-1-i] }},
		} {
			other := new(memory)
			values := slices.Clone(w)
			for i := range values {
				values[i] = c.change(i, w[i])
			}
			other.add(name, "F32", values, 64, 96)
			v, err := Verify(t.Context(), layers, VerifyOptions{Truth: other})
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
	src, layers := layersOf(Options{})
	layers[0].Recorded = nil
	slices.Reverse(src.values[name])
	if _, err := Verify(t.Context(), layers, VerifyOptions{Truth: src}); err != nil {
		t.Error(err)
	}
}

// TestMatches holds sums against a record at the edge of what six digits allow.
func TestMatches(t *testing.T) {
	record := Distortion{Signal: 100, Noise: 1, Approx: 99, Dot: 99}
	for _, c := range []struct {
		name string
		d    Distortion
		want string
	}{
		{"the last digit rounded", Distortion{Signal: 100.0005, Noise: 1.000005, Dot: 99.0005}, ""},
		{"another signal", Distortion{Signal: 100.002, Noise: 1, Dot: 99}, "squares"},
		{"another noise", Distortion{Signal: 100, Noise: 1.00002, Dot: 99},
			"squared differences from the layer"},
		{"another dot", Distortion{Signal: 100, Noise: 1, Dot: 98.99}, "products with the layer's"},
		{"NaN", Distortion{Signal: math.NaN(), Noise: 1, Dot: 99}, "squares"},
	} {
		var mismatch *MismatchError
		err := (&NamedLayer{Recorded: &record}).matches(c.d)
		got := ""
		if errors.As(err, &mismatch) {
			got = mismatch.Sum
		}
		if got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	zero := new(Distortion)
	if err := (&NamedLayer{Recorded: zero}).matches(*zero); err != nil {
		t.Errorf("zeros: %v", err)
	}
	if err := (&NamedLayer{Recorded: zero}).matches(record); err == nil {
		t.Error("weights where the record has zeros: no error")
	}
}

// TestWorstOfVerify checks what stands in for the weight error, and the count of slow layers.
func TestWorstOfVerify(t *testing.T) {
	half, tenth := 0.5, 0.1
	for _, c := range []struct {
		layer LayerCheck
		want  float64
		of    string
	}{
		{LayerCheck{WeightError: &half, Recorded: &tenth, OutputError: 0.2}, 0.5, "weights"},
		{LayerCheck{Recorded: &tenth, OutputError: 0.2}, 0.1, "weights, as recorded"},
		{LayerCheck{OutputError: 0.2}, 0.2, "output"},
	} {
		if got := c.layer.worst(); got != (Worst{"", c.want, c.of}) {
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
