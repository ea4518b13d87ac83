package compress

import (
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
)

func TestTotalErrors(t *testing.T) {
	layer := func(name string, noise, limit float64) Entry {
		d := codebook.Distortion{Signal: 1, Noise: noise}
		return Entry{
			Tensor: codebook.Tensor{Name: name}, Layer: &codebook.Scheme{},
			Distortion: d, Cap: limit,
		}
	}
	for _, c := range []struct {
		name           string
		entries        []Entry
		worst          string
		error          float64
		capped, beyond int
	}{
		{"nothing", nil, "", 0, 0, 0},
		{"no layer", []Entry{{Tensor: codebook.Tensor{Name: "bias"}, Reason: "a vector"}},
			"", 0, 0, 0},
		{"a layer without error", []Entry{layer("a", 0, 0)}, "a", 0, 0, 0},
		{"unknown caps", []Entry{layer("a", 0.01, 0), layer("b", 0.04, 0)}, "b", 0.2, 0, 0},
		{"one beyond its cap",
			[]Entry{layer("a", 0.01, 0.05), layer("b", 0.04, 0.5), layer("c", 0, 0)},
			"b", 0.2, 2, 1},
		{"at its cap", []Entry{layer("a", 0.25, 0.5)}, "a", 0.5, 1, 0},
		{"the first of two", []Entry{layer("a", 0.25, 0), layer("b", 0.25, 0)}, "a", 0.5, 0, 0},
	} {
		s := (&Report{Entries: c.entries}).Total(0, 0)
		if s.Capped != c.capped || s.Beyond != c.beyond {
			t.Errorf("%s: %d of %d beyond their cap, want %d of %d",
				c.name, s.Beyond, s.Capped, c.beyond, c.capped)
		}
		want := codebook.Worst{Tensor: c.worst, Error: c.error, Of: "weights"}
		if s.Worst == nil && c.worst != "" || s.Worst != nil && *s.Worst != want {
			t.Errorf("%s: worst is %+v, want %s at %v", c.name, s.Worst, c.worst, c.error)
		}
	}
	// Of a scheme that has no rate to choose nothing is known before it is built.
	a := &Allocation{Matrices: []Allotted{
		{Tensor: "fixed"}, {Tensor: "a", Error: 0.1, Cap: 0.05}, {Tensor: "b", Error: 0.3},
	}}
	s := a.Total()
	want := codebook.Worst{Tensor: "b", Error: 0.3, Of: "weights"}
	if s.Worst == nil || *s.Worst != want {
		t.Errorf("allocation: worst is %+v", s.Worst)
	}
	if s.Capped != 1 || s.Beyond != 1 {
		t.Errorf("allocation: %d of %d beyond their cap", s.Beyond, s.Capped)
	}
}

// TestTotal sums up a report of two layers, a tensor kept as F16 and one that passed through.
func TestTotal(t *testing.T) {
	matrix := func(rows, cols int) codebook.Tensor {
		bytes := int64(4 * rows * cols)
		return codebook.Tensor{DType: "F32", Shape: []int{rows, cols}, Bytes: bytes}
	}
	r := &Report{Entries: []Entry{
		{Tensor: matrix(10, 30), Layer: &codebook.Scheme{}, Bytes: 150,
			Distortion: codebook.Distortion{Signal: 3, Noise: 0.03}},
		{Tensor: matrix(5, 20), Layer: &codebook.Scheme{}, Bytes: 100,
			Distortion: codebook.Distortion{Signal: 1, Noise: 0.13}},
		{Tensor: matrix(2, 2), Narrowed: true, Reason: "small"},
		{Tensor: matrix(2, 2), Reason: "excluded"},
	}}
	got := r.Total(1000, 250)
	got.Worst = nil
	want := Total{
		Compressed: 2, Weights: 400, KeptAsF16: 1, BytesIn: 1000, BytesOut: 250, Ratio: 4,
		BitsStored: 5, WeightError: 0.2,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := new(Report).Total(8, 0); got != (Total{BytesIn: 8}) {
		t.Errorf("of nothing: %+v", got)
	}
	a := &Allocation{Matrices: []Allotted{
		{Tensor: "a", Weights: 300, Bits: 4}, {Tensor: "b", Weights: 100, Bits: 32},
	}}
	if got := a.Total(); got != (Total{Compressed: 2, Weights: 400, BitsStored: 11}) {
		t.Errorf("of an allocation: %+v", got)
	}
}

// TestCapIsKept follows a cap from the allocation to the report.
func TestCapIsKept(t *testing.T) {
	src := memory.Small()
	a, err := Allocate(t.Context(), new(memory.Model), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Matrices {
		a.Matrices[i].Cap = 1e-6
	}
	a.Matrices[0].Cap = 0.99
	report, err := Compress(t.Context(), new(memory.Model), src, Options{Allocation: a})
	if err != nil {
		t.Fatal(err)
	}
	n := len(a.Matrices)
	if s := report.Total(0, 0); s.Capped != n || s.Beyond != n-1 || s.Worst.Error < 0.01 {
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
		if got, _ := (codebook.Tensor{DType: c.dtype, Shape: c.shape}).Kind(); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.dtype, c.shape, got, c.want)
		}
	}
	// Of a tensor that is no matrix of floats, the report says what its kind does.
	report, err := Compress(t.Context(), new(memory.Model), memory.Small(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"encoder.0.bias": "vectors", "ids": "integers", "temperature": "single values",
		"none": "empty tensors", "column": "vectors",
	}
	for _, e := range report.Entries {
		kind, reason := e.Tensor.Kind()
		if kind != kinds[e.Tensor.Name] {
			t.Errorf("%s: %q, want %q", e.Tensor.Name, kind, kinds[e.Tensor.Name])
		}
		if kind != "" && e.Reason != reason {
			t.Errorf("%s: reason %q, want %q", e.Tensor.Name, e.Reason, reason)
		}
	}
}
