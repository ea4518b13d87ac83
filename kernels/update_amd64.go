//go:build !purego

package kernels

// update is the middle of nearest: the columns stand for centroids, and all that is wanted are the
// sums.

func updateAVX512(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesAVX512(nil, nil, nil, &dst[0], &panel[0], 64, k, &coefficients[0], ld, nil, n,
		false, false)
}

func updateAVX2(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesAVX2(nil, nil, nil, &dst[0], &panel[0], updateRows, k, &coefficients[0], ld, nil, n,
		false, false)
}
