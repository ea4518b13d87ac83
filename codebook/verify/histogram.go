package verify

import (
	"math"

	"github.com/palettize/palettize/codebook"
)

// Histogram says how the weights of a matrix are distributed, before and after it became a layer.
// Bins are of equal width, and cover HistogramSpan root mean squares of the original weights on
// either side of 0; what lies beyond counts in the outermost.
type Histogram struct {
	RMS    float64 `json:"rms"`    // root mean square of the original weights
	Before []int64 `json:"before"` // weights in each bin
	After  []int64 `json:"after"`
}

const (
	// HistogramSpan is how many root mean squares a histogram shows of either side.
	HistogramSpan    = 4
	histogramBins    = 64      // even, so that 0 is between two of them
	histogramWeights = 1 << 20 // about as many are counted
)

// Histogram counts the weights of rows all over the original w [Rows, Cols] and over the layer that
// Read has returned, all of them where these are few. Weights that the layer was not made from, as
// far as its Recorded distortion tells, are a [MismatchError]. Threads is how many to compare them
// with.
func (l *Layer) Histogram(layer *codebook.Layer, w []float32, threads int) (
	*Histogram, error) {
	d := layer.Distortion(w, threads)
	if err := l.matches(d); err != nil {
		return nil, err
	}
	h := &Histogram{
		RMS:    math.Sqrt(d.Signal / float64(len(w))),
		Before: make([]int64, histogramBins), After: make([]int64, histogramBins),
	}
	rebuilt := make([]float32, layer.Cols)
	step := max(1, len(w)/histogramWeights)
	for r := 0; r < layer.Rows; r += step {
		layer.Row(rebuilt, r)
		h.count(h.Before, w[r*layer.Cols:][:layer.Cols])
		h.count(h.After, rebuilt)
	}
	return h, nil
}

// count counts weights in bins.
func (h *Histogram) count(bins []int64, weights []float32) {
	half := float64(len(bins) / 2)
	perWeight := 0.0 // of a matrix of zeros
	if h.RMS > 0 {
		perWeight = half / HistogramSpan / h.RMS
	}
	for _, v := range weights {
		at := math.Floor(half + float64(v)*perWeight)
		bins[int(min(max(at, 0), 2*half-1))]++
	}
}
