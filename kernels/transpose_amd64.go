//go:build !purego

package kernels

// transposeTilesAVX2 is what transposeTiled takes, of side 8.
//
//go:noescape
func transposeTilesAVX2(dst, x *float32, rows, cols, groups, tiles int)
