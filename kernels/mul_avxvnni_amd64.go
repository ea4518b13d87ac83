//go:build !purego

package kernels

func mulU8AVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	fours := in.N &^ 3
	if fours > 0 {
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				blockAVX(dst, ld, m, in, p, b, 0, fours, true, &m.Codes[(p*m.Quads+b*m.BlockQuads)*4*PanelRows])
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
				mulNibbleDecodeAVX2(&decoded[0], &m.Codes[(p*pairs+lo)*4*PanelRows], &m.Lookup[0], hi-lo)
				blockAVX(dst, ld, m, in, p, b, 0, fours, true, &decoded[q%2*4*PanelRows])
			}
		}
	}
	for n := fours; n < in.N; n++ {
		a := m.panels(dst, ld, in, n, p0, p1, pairs*4*PanelRows)
		mulNibbleVecAVXVNNI(&a)
	}
}

func mulLookupAVXVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulLookupBlocks(dst, ld, m, in, p0, p1, true)
}
