//go:build !purego

package kernels

// updateNEON is the middle of nearest: the columns stand for centroids, and all that is wanted are
// the sums.
func updateNEON(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesNEON(nil, nil, nil, &dst[0], &panel[0], updateRows, k, &coefficients[0], ld, nil, n,
		false, false)
}
