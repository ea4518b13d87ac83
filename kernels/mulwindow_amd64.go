//go:build !purego

package kernels

func mulWindowAMX(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulWindowTiles(dst, ld, m, in, p0, p1, vectorsAMX(m, in))
}

func mulWindowVBMI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulWindowTiles(dst, ld, m, in, p0, p1, 0)
}

// mulWindowTiles is mulU8Tiles for mul-window.
func mulWindowTiles(dst []float32, ld int, m *Matrix, in *Input, p0, p1, wide int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	tiled, pairs := in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 && pairs > 0 {
		var decoded [2 * maxBlockBytes]byte
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := range m.Blocks() {
				for i := range 2 {
					codes, before, quads := m.windowBlock(p+i, b)
					decodeWindowVBMI(&decoded[i*maxBlockBytes], codes, before, &m.Lookup[0], m.Bits, quads)
				}
				tilesAMX(dst, ld, m, in, p, b, b+1, 1, wide, &decoded[0], &decoded[maxBlockBytes])
				tilesVNNI(dst, ld, m, in, p, b, b+1, 1, wide, tiled, &decoded[0], &decoded[maxBlockBytes])
			}
		}
	}
	for n := range in.N {
		lo := p0
		if n < tiled {
			lo += 2 * pairs
		}
		if lo == p1 {
			continue
		}
		a := m.panels(dst, ld, in, n, lo, p1, WindowBytes(1, m.Quads, m.Bits))
		switch m.Bits {
		case 2:
			mulWindow2AVX512VBMI(&a)
		case 3:
			mulWindow3AVX512VBMI(&a)
		case 4:
			mulWindow4AVX512VBMI(&a)
		case 5:
			mulWindow5AVX512VBMI(&a)
		}
	}
}

func decodeWindowVBMI(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindowDecode2AVX512VBMI(dst, codes, before, lookup, quads)
	case 3:
		mulWindowDecode3AVX512VBMI(dst, codes, before, lookup, quads)
	case 4:
		mulWindowDecode4AVX512VBMI(dst, codes, before, lookup, quads)
	case 5:
		mulWindowDecode5AVX512VBMI(dst, codes, before, lookup, quads)
	}
}

// decodeWindowAVX2 turns quads of mul-window, whose 16 rows have the words before at before, into the layout of mul-u8.
func decodeWindowAVX2(dst, codes, before, lookup *byte, bits, quads int) {
	mulWindowCutAVX2(dst, codes, before, &windowCuts[bits-MinWindowBits], quads)
	mulLookupDecodeAVX2(dst, dst, lookup, 1, quads)
}

func mulWindowAVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulWindowBlocks(dst, ld, m, in, p0, p1, false)
}

func mulWindowAVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulWindowBlocks(dst, ld, m, in, p0, p1, true)
}

// mulWindowBlocks decodes a block at a time, like mulLookupBlocks.
func mulWindowBlocks(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int, vnni bool) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	var decoded [maxBlockBytes]byte
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			codes, before, quads := m.windowBlock(p, b)
			decodeWindowAVX2(&decoded[0], codes, before, &m.Lookup[0], m.Bits, quads)
			blockAVX(dst, ld, m, in, p, b, 1, in.N, vnni, &decoded[0])
		}
	}
}

// mulWindow2AVX512VBMI is MulWindow for 2 bits, one vector and the given panels; the others likewise.
//
//go:noescape
func mulWindow2AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow3AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow4AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow5AVX512VBMI(a *vecArgs)

// mulWindowDecode2AVX512VBMI turns quads of mul-window with 2 bits, whose 16 rows have the words before at before, into the
// layout of mul-u8; the others likewise.
//
//go:noescape
func mulWindowDecode2AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode3AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode4AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode5AVX512VBMI(dst, codes, before, lookup *byte, quads int)

// mulWindowCutAVX2 writes the windows of quads of mul-window, as mulWindowDecode2AVX512VBMI writes the weights.
//
//go:noescape
func mulWindowCutAVX2(dst, codes, before *byte, cut *windowCut, quads int)
