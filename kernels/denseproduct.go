package kernels

import "fmt"

// denseProductFunc is DenseProduct for m, k and n that are not 0.
type denseProductFunc func(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, k,
	n int)

// DenseProduct writes C = A*B in float32 (sgemm) for A [m, k] and B [k, n], row-major as C is: lda,
// ldb and ldc are the distances between rows. Value j of row i is, from 0 on, the sum of the
// products of a[i*lda+p] and b[p*ldb+j] for p from 0 to k-1 in this order, each product rounded
// before it is added. c must not overlap a or b.
func (s *Set) DenseProduct(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, k,
	n int) {
	short := func(x []float32, ld, rows, cols int) bool {
		return rows > 0 && cols > 0 && (ld < cols && rows > 1 || len(x) < (rows-1)*ld+cols)
	}
	if m < 0 || k < 0 || n < 0 || short(c, ldc, m, n) || short(a, lda, m, k) || short(b, ldb, k, n) {
		panic(fmt.Sprintf("kernels: DenseProduct: [%d, %d] times [%d, %d]: a short slice",
			m, k, k, n))
	}
	switch {
	case n == 0:
	case k == 0:
		for i := range m {
			clear(c[i*ldc:][:n])
		}
	case m > 0:
		s.denseProduct(c, ldc, a, lda, b, ldb, m, k, n)
	}
}
