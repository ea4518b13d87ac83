package kernels

// updateRows is the number of rows in a panel of all tiers but avx512.
const updateRows = 16

func updateScalar(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	for c := range n {
		d := (*[updateRows]float32)(dst[c*updateRows:])
		for p, u := range coefficients[c*ld:][:k] {
			for i, v := range (*[updateRows]float32)(panel[p*updateRows:]) {
				d[i] -= float32(v * u)
			}
		}
	}
}
