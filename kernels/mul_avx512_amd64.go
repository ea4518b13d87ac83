//go:build !purego

package kernels

// tileVNNI is the number of vectors that mulU8TileVNNI takes at a time; it also takes half as many.
const tileVNNI = 8

// maxBlockBytes is the size of a block of one panel in the layout of mul-u8: Block columns, and two quads
// more for a block that begins and ends in the middle of a pair of mul-nibble.
const maxBlockBytes = (Block + 8) * PanelRows

// panels returns what a kernel for one vector needs to multiply panels [p0, p1) with vector n; size
// is the bytes of codes in a panel.
func (m *Matrix) panels(dst []float32, ld int, in *Input, n, p0, p1, size int) vecArgs {
	a := vecArgs{
		dst:        &dst[n*ld+p0*PanelRows],
		scale:      &m.Scale[p0*PanelRows],
		panels:     p1 - p0,
		quads:      m.Quads,
		blockQuads: m.BlockQuads,
		groupQuads: m.GroupQuads,
	}
	if m.Quads > 0 {
		a.codes = &m.Codes[p0*size]
		a.q = &in.Q[n*in.Stride]
		a.scales = &in.Scales[n*m.Blocks()]
		a.init = &in.Init[n*m.Groups()]
		if len(m.Mult) > 0 {
			a.mult = &m.Mult[p0*m.Groups()*PanelRows]
		}
		if len(m.Lookup) > 0 {
			a.lookup = &m.Lookup[0]
		}
	}
	return a
}

// tile returns what a kernel for several vectors needs for block b of panels p and p+second, from
// vector n on. The codes and the number of vectors are for the caller to set. d is the width of
// mul-lookup, which has no multipliers, and 0 for the others.
func (m *Matrix) tile(dst []float32, ld int, in *Input, n, p, second, b, d int) tileArgs {
	groups, blocks, lookup := m.Groups(), m.Blocks(), d > 0
	d = max(1, d)
	q := b * m.BlockQuads
	g := q / m.GroupQuads
	a := tileArgs{
		dst:        &dst[n*ld+p*PanelRows],
		ld:         ld,
		q:          &in.Q[n*in.Stride+4*q*d],
		stride:     in.Stride,
		scales:     &in.Scales[n*blocks+b],
		blocks:     blocks,
		init:       &in.Init[n*groups+g],
		groups:     groups,
		quads:      min(m.BlockQuads, m.Quads-q) * d,
		groupQuads: m.GroupQuads * d,
		first:      b == 0,
	}
	if !lookup {
		a.mult = &m.Mult[(p*groups+g)*PanelRows]
		a.mult2 = &m.Mult[((p+second)*groups+g)*PanelRows]
	}
	if b == blocks-1 {
		a.scale = &m.Scale[p*PanelRows]
	}
	return a
}

// zeroRows is the whole of a multiplication by a matrix without columns.
func zeroRows(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	for n := range in.N {
		for r := p0 * PanelRows; r < p1*PanelRows; r++ {
			dst[n*ld+r] = 0 * m.Scale[r]
		}
	}
}

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
