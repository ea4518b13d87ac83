package verify

import (
	"errors"
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/internal/samples"
)

func TestHistogram(t *testing.T) {
	const rows, cols = 64, 96
	w := samples.Gaussian(1, rows*cols)
	w[0], w[1] = 9, -9 // beyond the span
	two := codebook.Scheme{Name: "scalar", Width: 1, K: 2}
	l, err := compress.Build(t.Context(), w, rows, cols, two, compress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := l.Distortion(w, 1)
	layer := &Layer{Recorded: &d}
	h, err := layer.Histogram(l, w, 1)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(bins []int64) (n int64) {
		for _, b := range bins {
			n += b
		}
		return n
	}
	if sum(h.Before) != rows*cols || sum(h.After) != rows*cols {
		t.Errorf("%d weights before, %d after, want %d", sum(h.Before), sum(h.After), rows*cols)
	}
	if h.RMS < 0.98 || h.RMS > 1.03 {
		t.Errorf("root mean square %v of Gaussian weights", h.RMS)
	}
	// Within one of 64 bins that cover 8 deviations are 5 % of Gaussian weights, in the middle.
	middle := float64(h.Before[31]+h.Before[32]) / (rows * cols)
	if middle < 0.085 || middle > 0.115 || slices.Min(h.Before[8:56]) == 0 {
		t.Errorf("%.3f of the weights in the two middle bins: %d", middle, h.Before)
	}
	if h.Before[0] == 0 || h.Before[63] == 0 {
		t.Errorf("weights beyond the span are not counted: %d", h.Before)
	}
	other := slices.Clone(w)
	slices.Reverse(other)
	if _, err := layer.Histogram(l, other, 1); !errors.As(err, new(*MismatchError)) {
		t.Errorf("other weights: %v", err)
	}
}

func TestHistogramOfZeros(t *testing.T) {
	w := make([]float32, 16*16)
	l, err := compress.Build(t.Context(), w, 16, 16, codebook.Scheme{Name: "rows", K: 1},
		compress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := new(Layer).Histogram(l, w, 1)
	if err != nil || h.RMS != 0 || h.Before[32] != 256 || h.After[32] != 256 {
		t.Errorf("%+v, %v", h, err)
	}
}
