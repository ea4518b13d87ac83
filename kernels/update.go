package kernels

import "fmt"

type updateKernel struct {
	rows int // in a panel
	fn   func(dst, coefficients []float32, ld, n int, panel []float32, k int)
}

// UpdateRows is the number of rows in a panel of Update. It belongs to the tier, the results do not
// depend on it.
func (s *Set) UpdateRows() int { return s.update.rows }

// Update subtracts from n columns the products of k others with coefficients. dst and panel hold
// the same UpdateRows() rows of the columns, one column after the other; for each column c < n and
// each of its rows i, for p ascending,
//
//	dst[c][i] = dst[c][i] - float32(panel[p][i] * coefficients[c*ld+p])
func (s *Set) Update(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	if n < 1 || k < 1 {
		return
	}
	if ld < k || len(dst) < n*s.update.rows || len(coefficients) < (n-1)*ld+k ||
		len(panel) < k*s.update.rows {
		panic(fmt.Sprintf("kernels: Update: %d columns less %d: a short slice", n, k))
	}
	s.update.fn(dst, coefficients, ld, n, panel, k)
}
