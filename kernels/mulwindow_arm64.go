//go:build !purego

package kernels

// mulWindowCutNEON writes the windows of quads of mul-window, whose 16 rows have the words before
// at before, where the layout of mul-u8 has their weights.
//
//go:noescape
func mulWindowCutNEON(dst, codes, before *byte, cut *windowCut, quads int)
