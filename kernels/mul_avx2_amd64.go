//go:build !purego

package kernels

// blockAVX multiplies block b of panel p, which lies at codes in the layout of mul-u8, with vectors [0, n), by AVX-VNNI or
// AVX2. (A function value in place of vnni would make a, and what is decoded, escape.)
func blockAVX(dst []float32, ld int, m *Matrix, in *Input, p, b, d, n int, vnni bool, codes *byte) {
	fours := n &^ 3
	if fours > 0 {
		a := m.tile(dst, ld, in, 0, p, 0, b, b+1, d)
		a.codes, a.tiles = codes, fours/4
		if vnni {
			mulU8FourAVXVNNI(&a)
		} else {
			mulU8FourAVX2(&a)
		}
	}
	if fours < n {
		a := m.tile(dst, ld, in, fours, p, 0, b, b+1, d)
		a.codes, a.tiles = codes, n-fours
		if vnni {
			mulU8BlockAVXVNNI(&a)
		} else {
			mulU8BlockAVX2(&a)
		}
	}
}

func mulU8AVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			blockAVX(dst, ld, m, in, p, b, 0, in.N, false, &m.Codes[(p*m.Quads+b*m.BlockQuads)*4*PanelRows])
		}
	}
}

// mulNibbleAVX2 decodes a block at a time: the first-level cache hands it on to the multiplication.
func mulNibbleAVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	var decoded [maxBlockBytes]byte
	pairs := ceilDiv(m.Quads, 2)
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
			lo, hi := q/2, ceilDiv(end, 2)
			mulNibbleDecodeAVX2(&decoded[0], &m.Codes[(p*pairs+lo)*4*PanelRows], &m.Lookup[0], hi-lo)
			blockAVX(dst, ld, m, in, p, b, 0, in.N, false, &decoded[q%2*4*PanelRows])
		}
	}
}

func mulLookupAVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulLookupBlocks(dst, ld, m, in, p0, p1, false)
}

// mulLookupBlocks decodes a block at a time, like mulNibbleAVX2. AVX2 has no lookup of 256 bytes: it is
// slow, but spares the memory of the decoded matrix.
func mulLookupBlocks(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int, vnni bool) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	var decoded [maxBlockBytes]byte
	d := m.Width()
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
			mulLookupDecodeAVX2(&decoded[0], &m.Codes[(p*m.Quads+q)*4*PanelRows], &m.Lookup[0], d, end-q)
			blockAVX(dst, ld, m, in, p, b, d, in.N, vnni, &decoded[0])
		}
	}
}
