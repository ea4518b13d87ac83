//go:build !purego

package kernels

// transposeTilesNEON is what transposeTiled takes, of side 4.
//
//go:noescape
func transposeTilesNEON(dst, x *float32, rows, cols, groups, tiles int)
