package gptq

import (
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// Panels is a matrix during error feedback, in panels as kernels has them: Height consecutive rows,
// stored column by column, the last panel filled up with zeros. Each panel has the errors of the
// last columns that were quantised.
type Panels struct {
	Height              int
	rows, cols, threads int

	values []float32 // [panel][column][height]
	errors []float32 // [panel][feedbackColumns][height], each divided by the diagonal of U
}

// NewPanels copies w [rows, cols] into panels of height rows. height is the UpdateRows of the
// kernels that [Panels.Update] will get.
func NewPanels(w []float32, rows, cols, height, threads int) *Panels {
	p := &Panels{Height: height, rows: rows, cols: cols, threads: threads}
	n := p.Count() * height
	p.values, p.errors = make([]float32, n*cols), make([]float32, n*feedbackColumns)
	p.load(w)
	return p
}

// Count is the number of panels.
func (p *Panels) Count() int { return (p.rows + p.Height - 1) / p.Height }

// each calls do for every panel, from so many goroutines.
func (p *Panels) each(threads int, do func(i int)) {
	par.Ranges(threads, p.Count(), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			do(i)
		}
	})
}

// Panel returns the values of panel i from column from on, Height values a column.
func (p *Panels) Panel(i, from int) []float32 {
	return p.values[i*p.cols*p.Height:][:p.cols*p.Height][from*p.Height:]
}

// Errors returns the errors of panel i, Height values a column, each to be divided by the column's
// [Factor.Scale]. There is room for 128 columns: the caller says which these are.
func (p *Panels) Errors(i int) []float32 {
	return p.errors[i*feedbackColumns*p.Height:][:feedbackColumns*p.Height]
}

// Update makes up for the errors of columns lo to hi in columns from to end of panel i. Errors has
// column lo first. An end does not belong to its range.
func (p *Panels) Update(set *kernels.Set, f *Factor, i, lo, hi, from, end int) {
	if lo < hi && from < end {
		set.Update(p.Panel(i, from), f.transposed[from*f.cols+lo:], f.cols, end-from, p.Errors(i),
			hi-lo)
	}
}

// gather copies column j of all panels to dst.
func (p *Panels) gather(j int, dst []float32) {
	for i := 0; i*p.Height < p.rows; i++ {
		copy(dst[i*p.Height:], p.Panel(i, j)[:p.Height])
	}
}

// put stores what became of column j, and its errors as the k-th column of Errors.
func (p *Panels) put(j, k int, column, rebuilt []float32, scale float32) {
	for i := 0; i*p.Height < p.rows; i++ {
		values, errors := p.Panel(i, j), p.Errors(i)[k*p.Height:]
		for r, v := range rebuilt[i*p.Height : min((i+1)*p.Height, p.rows)] {
			values[r] = v
			errors[r] = (column[i*p.Height+r] - v) / scale
		}
	}
}

// load copies w into the panels.
func (p *Panels) load(w []float32) {
	p.each(p.threads, func(i int) {
		values := p.Panel(i, 0)
		for r := i * p.Height; r < min((i+1)*p.Height, p.rows); r++ {
			for c, v := range w[r*p.cols:][:p.cols] {
				values[c*p.Height+r-i*p.Height] = v
			}
		}
	})
}

// store copies the panels back to w.
func (p *Panels) store(w []float32) {
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
