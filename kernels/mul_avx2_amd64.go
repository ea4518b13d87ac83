//go:build !purego

package kernels

import "slices"

func mulAVX2(c coding) mulFunc    { return mulBlocks(c, false) }
func mulAVXVNNI(c coding) mulFunc { return mulBlocks(c, true) }

// mulBlocks is MulU8 or one of its kin in AVX2, or in AVX-VNNI where vnni is set.
func mulBlocks(c coding, vnni bool) mulFunc {
	return func(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
		x := product{m, dst, ld, in}
		if m.Quads == 0 {
			x.zeroRows(p0, p1)
			return
		}
		n := in.N
		if vnni && c != codedLookup || !vnni && c.signed(m) {
			n &^= 3 // there is a kernel for one vector and many panels
		}
		switch {
		case n == 0:
		case c == codedU8:
			x.blocks(c, p0, p1, n, vnni, nil)
		default:
			var decoded [maxBlockBytes]byte
			x.blocks(c, p0, p1, n, vnni, &decoded)
		}
		var starts [maxStarts]int32
		for ; n < in.N; n++ {
			a := x.vecArgs(n, p0, p1, c.panelBytes(m))
			switch {
			case vnni:
				c.vecAVXVNNI(m, &a)
			default:
				a.init = x.signedStarts(&starts, n)
				c.vecAVX2(m, &a)
			}
		}
	}
}

// maxStarts is how many groups a row may have for signed weights: 8,192 columns in groups of 8.
const maxStarts = 1024

// signed says whether weights less 128 are signed bytes above -128, which AVX2 multiplies faster.
func (c coding) signed(m *Matrix) bool {
	switch {
	case m.Groups() > maxStarts:
		return false
	case c == codedNibble:
		return !slices.Contains(m.Lookup, 0)
	}
	return c == codedU8 && m.Positive || c == codedWindow
}

// signedStarts returns what the sums of the groups of vector n start from where weights are less
// 128.
func (x *product) signedStarts(room *[maxStarts]int32, n int) *int32 {
	groups := x.Groups()
	init, sums := x.in.Init[n*groups:][:groups], x.in.Sums[n*groups:][:groups]
	for g, v := range init {
		room[g] = v + 128*sums[g]
	}
	return &room[0]
}

func (c coding) vecAVX2(m *Matrix, a *vecArgs) {
	switch c {
	case codedU8:
		mulU8VecAVX2(a)
	case codedNibble:
		mulNibbleVecAVX2(a)
	case codedWindow:
		mulWindowVecAVX2(m.Bits, a)
	}
}

func (c coding) vecAVXVNNI(m *Matrix, a *vecArgs) {
	switch c {
	case codedU8:
		mulU8VecAVXVNNI(a)
	case codedNibble:
		mulNibbleVecAVXVNNI(a)
	case codedWindow:
		mulWindowVecAVXVNNI(m.Bits, a)
	}
}

// blocks multiplies panels [p0, p1) with vectors [0, n), one block of one panel at a time, so that
// the first-level cache hands what is decoded on to the multiplication.
func (x *product) blocks(c coding, p0, p1, n int, vnni bool, decoded *[maxBlockBytes]byte) {
	for p := p0; p < p1; p++ {
		for b := range x.Blocks() {
			x.block(p, b, n, vnni, c.decodeAVX2(decoded, x.Matrix, p, b))
		}
	}
}

// decodeAVX2 returns block b of panel p in the layout of mul-u8; all but mul-u8 take room for it.
// AVX2 has no lookup of 256 bytes: it is slow, but spares the memory of the decoded matrix.
func (c coding) decodeAVX2(room *[maxBlockBytes]byte, m *Matrix, p, b int) *byte {
	q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
	at := p * c.panelBytes(m)
	switch c {
	case codedNibble:
		lo, hi := q/2, ceilDiv(end, 2)
		mulNibbleDecodeAVX2(&room[0], &m.Codes[at+lo*4*PanelRows], &m.Lookup[0], hi-lo)
		return &room[q%2*4*PanelRows]
	case codedLookup:
		codes := &m.Codes[at+q*4*PanelRows]
		mulLookupDecodeAVX2(&room[0], codes, &m.Lookup[0], m.width(), end-q)
		return &room[0]
	case codedWindow:
		var ends [2 * windowVector]byte
		codes, before := m.windowBlock(&ends, p, b)
		mulWindowDecodeAVX2(&room[0], codes, before, &m.Lookup[0], m.Bits, end-q)
		return &room[0]
	}
	return &m.Codes[at+q*4*PanelRows]
}

// block multiplies block b of panel p, whose weights are at codes, with vectors [0, n).
func (x *product) block(p, b, n int, vnni bool, codes *byte) {
	fours := n &^ 3
	if fours > 0 {
		a := x.tileArgs(0, p, b, b+1)
		a.codes, a.tiles = codes, fours/4
		if vnni {
			mulU8FourAVXVNNI(&a)
		} else {
			mulU8FourAVX2(&a)
		}
	}
	if fours < n {
		a := x.tileArgs(fours, p, b, b+1)
		a.codes, a.tiles = codes, n-fours
		if vnni {
			mulU8BlockAVXVNNI(&a)
		} else {
			mulU8BlockAVX2(&a)
		}
	}
}
