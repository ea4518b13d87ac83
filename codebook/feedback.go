package codebook

import (
	"context"

	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// feedbackColumns is the number of columns whose errors are spread over all others at once. For a panel of 64 rows
// they take 32 KiB, which stay in the first cache.
const feedbackColumns = 128

// Feedback quantises the columns of w [rows, cols] from the first to the last and makes up for the error of each in the columns
// behind it, so that what goes wrong with w*x is small for inputs x of the moments that f comes from rather than the
// error of w itself. It replaces w by what quantise makes of it. (Frantar et al. 2022, GPTQ; with columns in their
// own order.)
//
// quantise gets column j as it is to be represented and writes what became of it to rebuilt; both hold rows
// values, and neither is kept. It is called from one goroutine, in the order of the columns. The result does not depend on
// threads (0: all processors) or on the kernels (nil: kernels.Best).
func (f *Factor) Feedback(ctx context.Context, w []float32, rows, threads int, set *kernels.Set, quantise func(j int, column, rebuilt []float32) error) error {
	if set == nil {
		best, err := kernels.Best()
		if err != nil {
			return err
		}
		set = best
	}
	p := newPanels(rows, f.Cols, set.UpdateRows(), par.Threads(threads))
	p.take(w)
	column, rebuilt := make([]float32, rows), make([]float32, rows)
	for lo := 0; lo < f.Cols; lo += feedbackColumns {
		hi := min(lo+feedbackColumns, f.Cols)
		for j := lo; j < hi; j++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			p.each(1, func(i int) { p.update(set, f, i, lo, j, j, j+1) })
			p.column(j, column)
			if err := quantise(j, column, rebuilt); err != nil {
				return err
			}
			p.put(j, j-lo, column, rebuilt, f.column(j)[j])
		}
		p.each(p.threads, func(i int) { p.update(set, f, i, lo, hi, hi, f.Cols) })
	}
	p.give(w)
	return nil
}

// panels is a matrix cut into panels of height rows, the last filled up with zeros, with the errors of some columns.
type panels struct {
	rows, cols, height, threads int

	values []float32 // [panel][column][height]
	errors []float32 // [panel][feedbackColumns][height], each divided by the diagonal of U
}

func newPanels(rows, cols, height, threads int) *panels {
	n := ceilDiv(rows, height) * height
	return &panels{rows, cols, height, threads, make([]float32, n*cols), make([]float32, n*feedbackColumns)}
}

// each calls do for every panel.
func (p *panels) each(threads int, do func(i int)) {
	par.Ranges(threads, ceilDiv(p.rows, p.height), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			do(i)
		}
	})
}

// panel returns the columns of panel i from the one of this number on.
func (p *panels) panel(i, from int) []float32 {
	return p.values[i*p.cols*p.height:][:p.cols*p.height][from*p.height:]
}

// errorsOf returns the errors of panel i.
func (p *panels) errorsOf(i int) []float32 {
	return p.errors[i*feedbackColumns*p.height:][:feedbackColumns*p.height]
}

// update spreads the errors of columns lo to hi over columns from to end of panel i.
func (p *panels) update(set *kernels.Set, f *Factor, i, lo, hi, from, end int) {
	if lo < hi && from < end {
		set.Update(p.panel(i, from), f.transposed[from*f.Cols+lo:], f.Cols, end-from, p.errorsOf(i), hi-lo)
	}
}

// column copies column j together.
func (p *panels) column(j int, dst []float32) {
	for i := 0; i*p.height < p.rows; i++ {
		copy(dst[i*p.height:], p.panel(i, j)[:p.height])
	}
}

// put stores what became of column j and its error, the k-th of those that are kept.
func (p *panels) put(j, k int, column, rebuilt []float32, scale float32) {
	for i := 0; i*p.height < p.rows; i++ {
		values, errors := p.panel(i, j), p.errorsOf(i)[k*p.height:]
		for r, v := range rebuilt[i*p.height : min((i+1)*p.height, p.rows)] {
			values[r] = v
			errors[r] = (column[i*p.height+r] - v) / scale
		}
	}
}

// take cuts w into panels.
func (p *panels) take(w []float32) {
	p.each(p.threads, func(i int) {
		values := p.panel(i, 0)
		for r := i * p.height; r < min((i+1)*p.height, p.rows); r++ {
			for c, v := range w[r*p.cols:][:p.cols] {
				values[c*p.height+r-i*p.height] = v
			}
		}
	})
}

// give writes the panels back to w.
func (p *panels) give(w []float32) {
	p.each(p.threads, func(i int) {
		values := p.panel(i, 0)
		for r := i * p.height; r < min((i+1)*p.height, p.rows); r++ {
			row := w[r*p.cols:][:p.cols]
			for c := range row {
				row[c] = values[c*p.height+r-i*p.height]
			}
		}
	})
}
