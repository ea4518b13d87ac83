package kernels

import "fmt"

type (
	denseVectorFunc func(y, w, x []float32)
	denseMatrixFunc func(y []float32, ld int, w, x []float32, rows, cols, n int)
)

// DenseVec writes y = W*x in float32: the matrix-vector product of BLAS (sgemv) as the baseline. w
// is W [len(y), len(x)], row-major. Additions are in any order, with fused multiply-add where there
// is one, so that results differ between tiers in their last bits.
func (s *Set) DenseVec(y, w, x []float32) {
	if len(w) < len(y)*len(x) {
		panic(fmt.Sprintf("kernels: DenseVec: %d weights for [%d, %d]", len(w), len(y), len(x)))
	}
	if len(y) > 0 {
		s.denseVector(y, w, x)
	}
}

// DenseMat writes Y = X*transpose(W) in float32 (sgemm) for W [rows, cols] and X [n, cols], both
// row-major: y[i*ld+r] is the dot product of vector i < n with row r. ld >= rows is the distance
// between the results of two vectors. Additions are those of DenseVec.
func (s *Set) DenseMat(y []float32, ld int, w, x []float32, rows, cols, n int) {
	if n < 0 || rows < 0 || cols < 0 || len(w) < rows*cols || len(x) < n*cols ||
		n > 0 && (ld < rows || len(y) < (n-1)*ld+rows) {
		panic(fmt.Sprintf("kernels: DenseMat: [%d, %d] times %d vectors: a short slice",
			rows, cols, n))
	}
	if rows > 0 && n > 0 {
		s.denseMatrix(y, ld, w, x, rows, cols, n)
	}
}
