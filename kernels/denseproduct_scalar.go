package kernels

func denseProductScalar(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, k, n int) {
	for i := range m {
		row := c[i*ldc:][:n]
		clear(row)
		for p, v := range a[i*lda:][:k] {
			for j, w := range b[p*ldb:][:n] {
				row[j] += float32(v * w)
			}
		}
	}
}
