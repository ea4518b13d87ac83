//go:build !purego

package kernels

// permuteEightsAVX2 is what permuteEights takes.
//
//go:noescape
func permuteEightsAVX2(dst, src *int8, d, n int)
