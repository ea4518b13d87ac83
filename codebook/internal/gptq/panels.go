package gptq

import (
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// Panels is a matrix cut into panels of Height rows, the last filled up with zeros, with the errors
// of some columns.
type Panels struct {
	Height              int
	rows, cols, threads int

	values []float32 // [panel][column][height]
	errors []float32 // [panel][feedbackColumns][height], each divided by the diagonal of U
}

// NewPanels cuts w [rows, cols].
func NewPanels(w []float32, rows, cols, height, threads int) *Panels {
	p := &Panels{Height: height, rows: rows, cols: cols, threads: threads}
	n := p.Count() * height
	p.values, p.errors = make([]float32, n*cols), make([]float32, n*feedbackColumns)
	p.take(w)
	return p
}

// Count is the number of panels.
func (p *Panels) Count() int { return (p.rows + p.Height - 1) / p.Height }

// each calls do for every panel.
func (p *Panels) each(threads int, do func(i int)) {
	par.Ranges(threads, p.Count(), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			do(i)
		}
	})
}

// Panel returns the columns of panel i from the one of this number on, Height values each.
func (p *Panels) Panel(i, from int) []float32 {
	return p.values[i*p.cols*p.Height:][:p.cols*p.Height][from*p.Height:]
}

// Errors returns the errors of panel i, Height values for each of the columns that are kept, each
// divided by the column's [Factor.Scale].
func (p *Panels) Errors(i int) []float32 {
	return p.errors[i*feedbackColumns*p.Height:][:feedbackColumns*p.Height]
}

// Update spreads the errors of columns lo to hi, the first that are kept, over columns from to end
// of panel i.
func (p *Panels) Update(set *kernels.Set, f *Factor, i, lo, hi, from, end int) {
	if lo < hi && from < end {
		set.Update(p.Panel(i, from), f.transposed[from*f.cols+lo:], f.cols, end-from, p.Errors(i),
			hi-lo)
	}
}

// column copies column j together.
func (p *Panels) column(j int, dst []float32) {
	for i := 0; i*p.Height < p.rows; i++ {
		copy(dst[i*p.Height:], p.Panel(i, j)[:p.Height])
	}
}

// put stores what became of column j and its error, the k-th of those that are kept.
func (p *Panels) put(j, k int, column, rebuilt []float32, scale float32) {
	for i := 0; i*p.Height < p.rows; i++ {
		values, errors := p.Panel(i, j), p.Errors(i)[k*p.Height:]
		for r, v := range rebuilt[i*p.Height : min((i+1)*p.Height, p.rows)] {
			values[r] = v
			errors[r] = (column[i*p.Height+r] - v) / scale
		}
	}
}

// take cuts w into panels.
func (p *Panels) take(w []float32) {
	p.each(p.threads, func(i int) {
		values := p.Panel(i, 0)
		for r := i * p.Height; r < min((i+1)*p.Height, p.rows); r++ {
			for c, v := range w[r*p.cols:][:p.cols] {
				values[c*p.Height+r-i*p.Height] = v
			}
		}
	})
}

// give writes the panels back to w.
func (p *Panels) give(w []float32) {
	p.each(p.threads, func(i int) {
		values := p.Panel(i, 0)
		for r := i * p.Height; r < min((i+1)*p.Height, p.rows); r++ {
			row := w[r*p.cols:][:p.cols]
			for c := range row {
				row[c] = values[c*p.Height+r-i*p.Height]
			}
		}
	})
}
