package kernels

// transposeStrip is how many rows are taken together: their values of a column fill a cache line.
// One by one they would drive each other out of the cache, where rows of dst are a power of two
// apart.
const transposeStrip = 16

func transposeScalar(dst, x []float32, rows, cols int) {
	for first := 0; first < rows; first += transposeStrip {
		transposePart(dst, x, rows, cols, first, min(first+transposeStrip, rows), 0)
	}
}

// transposePart is transposeScalar for rows lo to hi and columns from one on.
func transposePart(dst, x []float32, rows, cols, lo, hi, from int) {
	for c := from; c < cols; c++ {
		for r := lo; r < hi; r++ {
			dst[c*rows+r] = x[r*cols+c]
		}
	}
}
