package kernels

import "fmt"

type updateKernel struct {
	rows int // in a panel
	fn   func(dst, coefficients []float32, ld, n int, panel []float32, k int)
}

// UpdateRows is the number of rows in a panel of Update. It depends on the tier, the results do not
// depend on it.
func (s *Set) UpdateRows() int { return s.update.rows }

// Update subtracts from each of n columns of a matrix a linear combination of k other columns, as
// the lazy update of GPTQ does (sgemm in a fixed order, with minus). dst [n][UpdateRows()] and
// panel [k][UpdateRows()] have the same rows of these columns. For each column c < n and each row
// i, for p ascending,
//
//	dst[c][i] = dst[c][i] - float32(panel[p][i] * coefficients[c*ld+p])
//
// ld >= k is the distance between the coefficients of two columns.
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
