//go:build !purego

package kernels

// permuteEightsAVX2 is permuteScalar for n times 4*d values and a d that is a multiple of 8. n > 0.
//
//go:noescape
func permuteEightsAVX2(dst, src *int8, d, n int)

func permuteAVX2(dst, src []int8, d int) {
	if d%8 != 0 || len(src) == 0 {
		permuteScalar(dst, src, d)
		return
	}
	permuteEightsAVX2(&dst[0], &src[0], d, len(src)/(4*d))
}
