//go:build !purego

package kernels

func mulWindowI8MM(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulI8MM.decoded(dst, ld, m, in, p0, p1, decodeWindowNEON)
}

func mulWindowSDOT(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulSDOT.decoded(dst, ld, m, in, p0, p1, decodeWindowNEON)
}

func mulWindowNEON(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNEON.decoded(dst, ld, m, in, p0, p1, decodeWindowNEON)
}

// decodeWindowNEON turns block b of panel p into the layout of mul-u8.
func decodeWindowNEON(dst *byte, m *Matrix, p, b int) {
	codes, before, quads := m.windowBlock(p, b)
	mulWindowCutNEON(dst, codes, before, &windowCuts[m.Bits-MinWindowBits], quads)
	mulLookupDecodeNEON(dst, dst, &m.Lookup[0], 1, quads)
}

// mulWindowCutNEON writes the windows of quads of mul-window, whose 16 rows have the words before at before, where the
// layout of mul-u8 has their weights.
//
//go:noescape
func mulWindowCutNEON(dst, codes, before *byte, cut *windowCut, quads int)
