package verify

import (
	"fmt"
	"math"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/internal/samples"
)

func TestBeyond(t *testing.T) {
	layer := func(name string, weights float64) Check {
		return Check{Name: name, WeightError: &weights, OutputError: 1}
	}
	total := 0.05
	known := &Report{
		Layers: []Check{
			layer("a", 0.04), layer("b", 0.06), layer("c", 0.2), layer("d", 0.06), layer("e", 0.3),
		},
		Total: Total{WeightError: &total, OutputError: 0.07},
	}
	unknown := &Report{
		Layers: []Check{
			{Name: "a", OutputError: 0.01}, {Name: "b", OutputError: 0.02},
			{Name: "c", OutputError: math.NaN()},
		},
		Total: Total{OutputError: 0.015},
	}
	for _, c := range []struct {
		name     string
		r        *Report
		limit    float64
		together bool
		want     string
	}{
		{"all below", known, 0.3, false, "[]"},
		{"the worst first", known, 0.1, false, "[{e 0.3 weights} {c 0.2 weights}]"},
		{"in their order where equal", known, 0.05, false,
			"[{e 0.3 weights} {c 0.2 weights} {b 0.06 weights} {d 0.06 weights}]"},
		{"all together, below", known, 0.05, true, "[]"},
		{"all together", known, 0.04, true, "[{ 0.05 weights}]"},
		{"outputs, NaN too", unknown, 0.015, false, "[{b 0.02 output} {c NaN output}]"},
		{"outputs together, below", unknown, 0.015, true, "[]"},
		{"outputs together", unknown, 0.01, true, "[{ 0.015 output}]"},
		{"nothing", new(Report), 0, false, "[]"},
	} {
		if got := fmt.Sprint(c.r.Beyond(c.limit, c.together)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSizes follows the sizes of the files into the report.
func TestSizes(t *testing.T) {
	const rows, cols = 8, 4
	layer, err := compress.Build(t.Context(), samples.Gaussian(1, rows*cols), rows, cols,
		codebook.Scheme{Name: "rows", K: 4}, compress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layers := []Layer{{Read: reading(layer), Bytes: 16, Tensor: codebook.Tensor{
		Name: "w", DType: "F32", Shape: []int{rows, cols}, Bytes: 4 * rows * cols,
	}}}
	for _, c := range []struct {
		in, out int64
		ratio   float64
	}{{1000, 250, 4}, {1000, 0, 0}, {0, 0, 0}} {
		v, err := Run(t.Context(), layers, Options{BytesIn: c.in, BytesOut: c.out})
		if err != nil {
			t.Fatal(err)
		}
		got := v.Total
		if got.BytesIn != c.in || got.BytesOut != c.out || got.Ratio != c.ratio {
			t.Errorf("%d bytes in, %d out: %d, %d and %v, want %v",
				c.in, c.out, got.BytesIn, got.BytesOut, got.Ratio, c.ratio)
		}
		if got.BitsStored != 4 {
			t.Errorf("%v bits stored, want 4", got.BitsStored)
		}
	}
}
