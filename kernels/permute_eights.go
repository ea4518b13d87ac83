//go:build (amd64 || arm64) && !purego

package kernels

// permuteEights makes the operation of what is permuteScalar for n times 4*d values and a d that is
// a multiple of 8. n > 0.
func permuteEights(eights func(dst, src *int8, d, n int)) permuteFunc {
	return func(dst, src []int8, d int) {
		if d%8 != 0 || len(src) == 0 {
			permuteScalar(dst, src, d)
			return
		}
		eights(&dst[0], &src[0], d, len(src)/(4*d))
	}
}
