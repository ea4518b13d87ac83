package kernels

import "fmt"

// transposeFunc is Transpose.
type transposeFunc func(dst, x []float32, rows, cols int)

// Transpose writes the columns of a matrix x [rows, cols] as rows, dst [cols, rows].
func (s *Set) Transpose(dst, x []float32, rows, cols int) {
	if rows < 0 || cols < 0 || len(x) < rows*cols || len(dst) < rows*cols {
		panic(fmt.Sprintf("kernels: Transpose: [%d, %d] of %d values, room for %d", rows, cols,
			len(x), len(dst)))
	}
	s.transpose(dst, x, rows, cols)
}
