//go:build !purego

package kernels

// tileVNNI is the number of vectors that mulU8TileVNNI takes at a time; it also takes half as many.
const tileVNNI = 8

func mulU8VNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	// Pairs of panels with tiles of vectors, then what is left: the last panel, the last vectors.
	size, tiled, pairs := m.Quads*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 {
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := range m.Blocks() {
				a := m.tile(dst, ld, in, 0, p, 1, b, 0)
				a.tiles, a.half = tiled/tileVNNI, tiled%tileVNNI > 0
				at := p*size + b*m.BlockQuads*4*PanelRows
				a.codes, a.codes2 = &m.Codes[at], &m.Codes[at+size]
				mulU8TileVNNI(&a)
			}
		}
	}
	for n := range in.N {
		lo := p0
		if n < tiled {
			lo += 2 * pairs
		}
		if lo < p1 {
			a := m.panels(dst, ld, in, n, lo, p1, size)
			mulU8VecVNNI(&a)
		}
	}
}

func mulNibbleVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	size, tiled, pairs := ceilDiv(m.Quads, 2)*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 && pairs > 0 {
		var decoded [2 * maxBlockBytes]byte
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := range m.Blocks() {
				a := m.tile(dst, ld, in, 0, p, 1, b, 0)
				a.tiles, a.half = tiled/tileVNNI, tiled%tileVNNI > 0
				q := b * m.BlockQuads
				lo, hi, skip := q/2, ceilDiv(q+a.quads, 2), q%2*4*PanelRows
				for i := range 2 {
					decodeNibbleAVX512(&decoded[i*maxBlockBytes], &m.Codes[(p+i)*size+lo*4*PanelRows], &m.Lookup[0], hi-lo)
				}
				a.codes, a.codes2 = &decoded[skip], &decoded[maxBlockBytes+skip]
				mulU8TileVNNI(&a)
			}
		}
	}
	for n := range in.N {
		lo := p0
		if n < tiled {
			lo += 2 * pairs
		}
		if lo < p1 {
			a := m.panels(dst, ld, in, n, lo, p1, size)
			mulNibbleVecVNNI(&a)
		}
	}
}

func mulLookupVBMI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	d := m.Width()
	size, tiled, pairs := m.Quads*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 && pairs > 0 {
		var decoded [2 * maxBlockBytes]byte
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := range m.Blocks() {
				a := m.tile(dst, ld, in, 0, p, 1, b, d)
				a.tiles, a.half = tiled/tileVNNI, tiled%tileVNNI > 0
				at := p*size + b*m.BlockQuads*4*PanelRows
				for i := range 2 {
					decodeLookupVBMI(&decoded[i*maxBlockBytes], &m.Codes[at+i*size], &m.Lookup[0], d, a.quads/d)
				}
				a.codes, a.codes2 = &decoded[0], &decoded[maxBlockBytes]
				mulU8TileVNNI(&a)
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
		a := m.panels(dst, ld, in, n, lo, p1, size)
		switch d {
		case 1:
			mulLookup1VBMI(&a)
		case 2:
			mulLookup2VBMI(&a)
		case 3:
			mulLookup3VBMI(&a)
		case 4:
			mulLookup4VBMI(&a)
		}
	}
}
