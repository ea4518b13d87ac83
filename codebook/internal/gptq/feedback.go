package gptq

import (
	"context"

	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// feedbackColumns is the number of columns whose errors are carried over to all behind them at
// once. For a panel of 64 rows they take 32 KiB, which stay in the first cache.
const feedbackColumns = 128

// Feedback quantises the columns of w [rows, cols] from the first to the last and makes up for the
// error of each in the columns behind it, so that what goes wrong with w*x is small for inputs x of
// the moments that f comes from rather than the error of w itself. It replaces w by what quantise
// makes of it. (Frantar et al. 2022, GPTQ; with columns in their own order.)
//
// quantise gets column j as it is to be represented and writes what became of it to rebuilt; both
// hold rows values, and neither is kept. It is called from one goroutine, in the order of the
// columns. The result does not depend on threads (0: all processors) or on the kernels (nil:
// kernels.Best).
func (f *Factor) Feedback(ctx context.Context, w []float32, rows, threads int, set *kernels.Set,
	quantise func(j int, column, rebuilt []float32) error) error {
	if set == nil {
		best, err := kernels.Best()
		if err != nil {
			return err
		}
		set = best
	}
	p := NewPanels(w, rows, f.cols, set.UpdateRows(), par.Threads(threads))
	column, rebuilt := make([]float32, rows), make([]float32, rows)
	for lo := 0; lo < f.cols; lo += feedbackColumns {
		hi := min(lo+feedbackColumns, f.cols)
		for j := lo; j < hi; j++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			p.each(1, func(i int) { p.Update(set, f, i, lo, j, j, j+1) })
			p.gather(j, column)
			if err := quantise(j, column, rebuilt); err != nil {
				return err
			}
			p.put(j, j-lo, column, rebuilt, f.Scale(j))
		}
		p.each(p.threads, func(i int) { p.Update(set, f, i, lo, hi, hi, f.cols) })
	}
	p.store(w)
	return nil
}
