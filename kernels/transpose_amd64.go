//go:build !purego

package kernels

// transposeTilesAVX2 transposes 8*tiles rows of 8*groups columns:
//
//	for c := range 8 * groups {
//		for r := range 8 * tiles {
//			dst[c*rows+r] = x[r*cols+c]
//		}
//	}
//
//go:noescape
func transposeTilesAVX2(dst, x *float32, rows, cols, groups, tiles int)

func transposeAVX2(dst, x []float32, rows, cols int) {
	const side = 8
	for lo := 0; lo < rows; {
		tiles, whole := min(transposeStrip, rows-lo)/side, cols/side
		if tiles == 0 || whole == 0 {
			transposePart(dst, x, rows, cols, lo, rows, 0)
			return
		}
		transposeTilesAVX2(&dst[lo], &x[lo*cols], rows, cols, whole, tiles)
		transposePart(dst, x, rows, cols, lo, lo+tiles*side, whole*side)
		lo += tiles * side
	}
}
