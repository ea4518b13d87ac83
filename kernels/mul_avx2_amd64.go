//go:build !purego

package kernels

func mulU8AVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			a := m.tile(dst, ld, in, p, 0, b, in.N, 0)
			a.codes = &m.Codes[(p*m.Quads+b*m.BlockQuads)*4*PanelRows]
			mulU8BlockAVX2(&a)
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
			a := m.tile(dst, ld, in, p, 0, b, in.N, 0)
			q := b * m.BlockQuads
			lo, hi := q/2, ceilDiv(q+a.quads, 2)
			decodeNibbleAVX2(&decoded[0], &m.Codes[(p*pairs+lo)*4*PanelRows], &m.Lookup[0], hi-lo)
			a.codes = &decoded[q%2*4*PanelRows]
			mulU8BlockAVX2(&a)
		}
	}
}

// mulLookupAVX2 decodes a block at a time with plain loads: AVX2 has no lookup of 256 bytes.
func mulLookupAVX2(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	var decoded [maxBlockBytes]byte
	d := m.Width()
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			a := m.tile(dst, ld, in, p, 0, b, in.N, d)
			at := (p*m.Quads + b*m.BlockQuads) * 4 * PanelRows
			decodeLookupLoads(decoded[:], m.Codes[at:at+a.quads/d*4*PanelRows], m.Lookup, d)
			a.codes = &decoded[0]
			mulU8BlockAVX2(&a)
		}
	}
}

// decodeLookupLoads is decodeLookupScalar without checks in its inner loop.
func decodeLookupLoads(dst, codes, lookup []byte, d int) {
	for j := range d {
		column := (*[Centroids]byte)(lookup[j*Centroids:])
		for at := 0; at < len(codes); at += 64 {
			from, to := (*[64]byte)(codes[at:]), (*[64]byte)(dst[at*d+64*j:])
			for i, c := range from {
				to[i] = column[c]
			}
		}
	}
}
