//go:build (amd64 || arm64) && !purego

package kernels

// transposeTiled makes the operation of what transposes side*tiles rows of side*groups columns:
//
//	for c := range side * groups {
//		for r := range side * tiles {
//			dst[c*rows+r] = x[r*cols+c]
//		}
//	}
func transposeTiled(side int, tile func(dst, x *float32, rows, cols, groups, tiles int),
) transposeFunc {
	return func(dst, x []float32, rows, cols int) {
		for lo := 0; lo < rows; {
			tiles, whole := min(transposeStrip, rows-lo)/side, cols/side
			if tiles == 0 || whole == 0 {
				transposePart(dst, x, rows, cols, lo, rows, 0)
				return
			}
			tile(&dst[lo], &x[lo*cols], rows, cols, whole, tiles)
			transposePart(dst, x, rows, cols, lo, lo+tiles*side, whole*side)
			lo += tiles * side
		}
	}
}
