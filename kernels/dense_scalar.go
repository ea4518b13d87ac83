package kernels

func denseVectorScalar(y, w, x []float32) {
	for r := range y {
		y[r] = dotF32(w[r*len(x):][:len(x)], x)
	}
}

func denseMatrixScalar(y []float32, ld int, w, x []float32, rows, cols, n int) {
	for r := range rows {
		row := w[r*cols:][:cols]
		for i := range n {
			y[i*ld+r] = dotF32(row, x[i*cols:][:cols])
		}
	}
}

// dotF32 keeps four sums, so that one addition need not wait for the one before.
func dotF32(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
