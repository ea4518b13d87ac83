//go:build !purego

package kernels

// permuteEightsNEON is what permuteEights takes.
//
//go:noescape
func permuteEightsNEON(dst, src *int8, d, n int)
