package quant

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/internal/gptq"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// windowCoding is a matrix on its way to windows.
type windowCoding struct {
	w          []float32 // as Matrix.raised returns it
	exponent   int       // of what it was divided by
	rows, cols int
	bits       int // new ones a weight
	threads    par.Share
	set        *kernels.Set
	importance []float64    // of the squared errors in a column
	factor     *gptq.Factor // for error feedback; nil: none

	// What a search goes by: a weight is about base * rowScales[r] * colScales[c] * value(assignment).
	base                 float64
	rowCodes, colCodes   []byte
	rowScales, colScales []float64
	grid                 grid
	centroids            []byte // by assignment
	table                [kernels.WindowCentroids]float32

	// What it finds.
	// the weights, as feedback leaves them, over their scales; outlying where there are outliers
	scaled      []float32
	assignments []byte
	windows     []uint16 // the last one of each row
	outliers    []outlier
}

// outlying stands for a weight that is stored apart.
var outlying = float32(math.Inf(1))

func (c *windowCoding) scale(r, col int) float64 {
	return c.base * c.rowScales[r] * c.colScales[col]
}

// value is what an assignment stands for, in units of the scales.
func (c *windowCoding) value(a byte) float32 { return c.table[a&15] + c.table[windowHalf+a>>4] }

// searchRows finds the windows of each row for itself.
func (c *windowCoding) searchRows(ctx context.Context) error {
	jobs := make([][]outlier, c.rows)
	par.Ranges(c.threads(), c.rows, func(lo, hi int) {
		s := c.newSearch()
		for r := lo; r < hi && ctx.Err() == nil; r++ {
			row := c.w[r*c.cols:][:c.cols]
			s.part(r, 0, c.cols, row)
			for i, x := range c.scaled[r*c.cols:][:c.cols] {
				if x == outlying {
					s.found = append(s.found, outlier{r*c.cols + i, row[i]})
				}
			}
		}
		jobs[lo] = s.found
	})
	c.outliers = slices.Concat(jobs...)
	return ctx.Err()
}

// windowSearch is the work space of a goroutine that searches rows.
type windowSearch struct {
	*windowCoding
	columns []float32 // weights of errors in the columns
	found   []outlier

	x, weights []float32
	assigned   []byte
	work       kernels.WindowWork
}

func (c *windowCoding) newSearch() *windowSearch {
	return &windowSearch{windowCoding: c, columns: c.columnWeights()}
}

// columnWeights says how much errors in the columns count in units of their scales. The largest
// weight is 1.
func (c *windowCoding) columnWeights() []float32 {
	weights := make([]float64, c.cols)
	for i, scale := range c.colScales {
		weights[i] = c.importance[i] * scale * scale
	}
	inverse := reciprocal(slices.Max(weights))
	relative := make([]float32, c.cols)
	for i, w := range weights {
		relative[i] = float32(w * inverse)
	}
	return relative
}

// part searches row r from column lo on, as far as there are values, and keeps what it finds before
// column hi. Feedback can take values far from the weights; only what was far off before is stored
// apart, which takes much.
func (s *windowSearch) part(r, lo, hi int, values []float32) {
	n, first := len(values), r*s.cols+lo
	s.x, s.weights, s.assigned = grow(s.x, n), grow(s.weights, n), grow(s.assigned, n)
	for i, v := range values {
		scale := s.scale(r, lo+i)
		x, weight := float32(min(max(float64(v)*reciprocal(scale), -far), far)), s.columns[lo+i]
		kept := x
		if math.Abs(float64(s.w[first+i])) > far*scale {
			x, weight, kept = 0, 0, outlying
		}
		if s.x[i], s.weights[i] = x, weight; lo+i < hi {
			s.scaled[first+i] = kept
		}
	}
	if lo == 0 {
		s.windows[r] = kernels.RowStart
	}
	s.set.SearchWindows(s.assigned, &s.work, s.x, s.weights, &s.table, s.bits, s.windows[r])
	if lo == 0 {
		s.windows[r] = kernels.FirstWindow(s.assigned, s.bits)
	}
	for i, a := range s.assigned[:hi-lo] {
		s.assignments[first+i] = a
		s.windows[r] = kernels.NextWindow(s.windows[r], a, s.bits)
	}
}
