//go:build !purego

package kernels

// tileVNNI is the number of vectors that mulU8TileAVX512VNNI takes at a time; it also takes half as many.
const tileVNNI = 8

// tilesVNNI multiplies blocks [b, end) of panels p and p+1, which lie at codes and codes2 in the layout of mul-u8, with
// vectors [n, tiled), whole or half tiles of them.
func tilesVNNI(dst []float32, ld int, m *Matrix, in *Input, p, b, end, d, n, tiled int, codes, codes2 *byte) {
	if n == tiled {
		return
	}
	a := m.tile(dst, ld, in, n, p, 1, b, end, d)
	a.tiles, a.half = (tiled-n)/tileVNNI, (tiled-n)%tileVNNI > 0
	a.codes, a.codes2 = codes, codes2
	mulU8TileAVX512VNNI(&a)
}

func mulU8VNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulU8Tiles(dst, ld, m, in, p0, p1, 0)
}

func mulNibbleVNNI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNibbleTiles(dst, ld, m, in, p0, p1, 0)
}

func mulLookupVBMI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulLookupTiles(dst, ld, m, in, p0, p1, 0)
}

// mulU8Tiles leaves the first wide vectors to tiles of AMX, except with an odd panel.
func mulU8Tiles(dst []float32, ld int, m *Matrix, in *Input, p0, p1, wide int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	// Pairs of panels with tiles of vectors, then what is left: the last panel, the last vectors.
	size, tiled, pairs := m.Quads*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 {
		for p := p0; p < p0+2*pairs; p += 2 {
			tilesAMX(dst, ld, m, in, p, 0, m.Blocks(), 0, wide, &m.Codes[p*size], &m.Codes[(p+1)*size])
			tilesVNNI(dst, ld, m, in, p, 0, m.Blocks(), 0, wide, tiled, &m.Codes[p*size], &m.Codes[(p+1)*size])
		}
	}
	for n := range in.N {
		lo := p0
		if n < tiled {
			lo += 2 * pairs
		}
		if lo < p1 {
			a := m.panels(dst, ld, in, n, lo, p1, size)
			mulU8VecAVX512VNNI(&a)
		}
	}
}

// mulNibbleTiles is mulU8Tiles for mul-nibble.
func mulNibbleTiles(dst []float32, ld int, m *Matrix, in *Input, p0, p1, wide int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	size, tiled, pairs := ceilDiv(m.Quads, 2)*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 && pairs > 0 {
		var decoded [2 * maxRunBytes]byte
		run := Block / m.BlockQuads
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := 0; b < m.Blocks(); b += run {
				end := min(b+run, m.Blocks())
				q := b * m.BlockQuads
				lo, hi, skip := q/2, ceilDiv(min(end*m.BlockQuads, m.Quads), 2), q%2*4*PanelRows
				for i := range 2 {
					mulNibbleDecodeAVX512VNNI(&decoded[i*maxRunBytes], &m.Codes[(p+i)*size+lo*4*PanelRows], &m.Lookup[0], hi-lo)
				}
				tilesAMX(dst, ld, m, in, p, b, end, 0, wide, &decoded[skip], &decoded[maxRunBytes+skip])
				tilesVNNI(dst, ld, m, in, p, b, end, 0, wide, tiled, &decoded[skip], &decoded[maxRunBytes+skip])
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
			mulNibbleVecAVX512VNNI(&a)
		}
	}
}

// mulLookupTiles is mulU8Tiles for mul-lookup.
func mulLookupTiles(dst []float32, ld int, m *Matrix, in *Input, p0, p1, wide int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	d := m.Width()
	size, tiled, pairs := m.Quads*4*PanelRows, in.N&^(tileVNNI/2-1), (p1-p0)/2
	if tiled > 0 && pairs > 0 {
		var decoded [2 * maxRunBytes]byte
		run := Block / (m.BlockQuads * d)
		for p := p0; p < p0+2*pairs; p += 2 {
			for b := 0; b < m.Blocks(); b += run {
				end := min(b+run, m.Blocks())
				q := b * m.BlockQuads
				at := p*size + q*4*PanelRows
				for i := range 2 {
					mulLookupDecodeAVX512VBMI(&decoded[i*maxRunBytes], &m.Codes[at+i*size], &m.Lookup[0], d, min(end*m.BlockQuads, m.Quads)-q)
				}
				tilesAMX(dst, ld, m, in, p, b, end, d, wide, &decoded[0], &decoded[maxRunBytes])
				tilesVNNI(dst, ld, m, in, p, b, end, d, wide, tiled, &decoded[0], &decoded[maxRunBytes])
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
			mulLookup1AVX512VBMI(&a)
		case 2:
			mulLookup2AVX512VBMI(&a)
		case 3:
			mulLookup3AVX512VBMI(&a)
		case 4:
			mulLookup4AVX512VBMI(&a)
		}
	}
}
