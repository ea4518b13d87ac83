//go:build !purego

package kernels

// blockAVXVNNI multiplies block b of panel p, which lies at codes in the layout of mul-u8, with vectors
// [0, n).
func blockAVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p, b, d, n int, codes *byte) {
	fours := n &^ 3
	if fours > 0 {
		a := m.tile(dst, ld, in, 0, p, 0, b, b+1, d)
		a.codes, a.tiles = codes, fours/4
		mulU8Block4AVXVNNI(&a)
	}
	if fours < n {
		a := m.tile(dst, ld, in, fours, p, 0, b, b+1, d)
		a.codes, a.tiles = codes, n-fours
		mulU8BlockAVXVNNI(&a)
	}
}

func mulU8AVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	fours := in.N &^ 3
	if fours > 0 {
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				blockAVXVNNI(dst, ld, m, in, p, b, 0, fours, &m.Codes[(p*m.Quads+b*m.BlockQuads)*4*PanelRows])
			}
		}
	}
	for n := fours; n < in.N; n++ {
		a := m.panels(dst, ld, in, n, p0, p1, m.Quads*4*PanelRows)
		mulU8VecAVXVNNI(&a)
	}
}

func mulNibbleAVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	pairs, fours := ceilDiv(m.Quads, 2), in.N&^3
	if fours > 0 {
		var decoded [maxBlockBytes]byte
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
				lo, hi := q/2, ceilDiv(end, 2)
				decodeNibbleAVX2(&decoded[0], &m.Codes[(p*pairs+lo)*4*PanelRows], &m.Lookup[0], hi-lo)
				blockAVXVNNI(dst, ld, m, in, p, b, 0, fours, &decoded[q%2*4*PanelRows])
			}
		}
	}
	for n := fours; n < in.N; n++ {
		a := m.panels(dst, ld, in, n, p0, p1, pairs*4*PanelRows)
		mulNibbleVecAVXVNNI(&a)
	}
}

// mulLookupAVXVNNI decodes a block at a time, like mulLookupAVX2.
func mulLookupAVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	var decoded [maxBlockBytes]byte
	d := m.Width()
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
			decodeLookupAVX2(&decoded[0], &m.Codes[(p*m.Quads+q)*4*PanelRows], &m.Lookup[0], d, end-q)
			blockAVXVNNI(dst, ld, m, in, p, b, d, in.N, &decoded[0])
		}
	}
}
