//go:build !purego

package kernels

import "sync"

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
		if vnni {
			x.mulAVXVNNI(c, p0, p1)
		} else {
			x.mulAVX2(c, p0, p1)
		}
	}
}

func (x *product) mulAVXVNNI(c coding, p0, p1 int) {
	n := x.in.N
	if c != codedLookup {
		n &^= 3 // there is a kernel for one vector and many panels
	}
	switch {
	case n == 0:
	case c == codedU8:
		x.blocks(c, p0, p1, n, nil)
	default:
		var decoded runs
		decoded.align()
		x.blocks(c, p0, p1, n, &decoded)
	}
	for ; n < x.in.N; n++ {
		a := x.vecArgs(n, p0, p1, c.panelBytes(x.Matrix))
		c.vecAVXVNNI(x.Matrix, &a)
	}
}

func (x *product) mulAVX2(c coding, p0, p1 int) {
	from := 0
	if c == codedU8 {
		if from = x.runs(p0, p1); from == x.in.N {
			return
		}
	}
	s := signedInputs.Get().(*signedInput)
	s.set(x.Matrix, x.in, from)
	signed := product{x.Matrix, x.dst[from*x.ld:], x.ld, &s.Input}
	n := s.N
	if c != codedLookup {
		n &^= 1 // there is a kernel for one vector and many panels
	}
	if n > 0 {
		signed.pairs(c, p0, p1, n, s)
	}
	if n < s.N {
		a := signed.vecArgs(n, p0, p1, c.panelBytes(x.Matrix))
		a.signs = s.signs
		c.vecAVX2(x.Matrix, &a)
	}
	s.Scales = nil
	signedInputs.Put(s)
}

func (c coding) vecAVX2(m *Matrix, a *vecArgs) {
	switch c {
	case codedU8:
		mulU8VecAVX2(a)
	case codedNibble:
		mulNibbleVecAVX2(a)
	case codedWindow:
		mulWindowVecAVX2(a)
	}
}

func (c coding) vecAVXVNNI(m *Matrix, a *vecArgs) {
	switch c {
	case codedU8:
		mulU8VecAVXVNNI(a)
	case codedNibble:
		mulNibbleVecAVXVNNI(a)
	case codedWindow:
		mulWindowVecAVXVNNI(a)
	}
}

// signedInput is a batch in the form that the tiles of AVX2 take, and with it the work space of a
// call.
type signedInput struct {
	Input        // Q has magnitudes, Init starts
	signs   int  // bytes from the magnitudes of a vector to its signs, and from these to large
	decoded runs // a block of two panels
}

var signedInputs = sync.Pool{New: func() any {
	s := new(signedInput)
	s.decoded.align()
	return s
}}

// set makes it what stands for the vectors of an input from one on.
func (s *signedInput) set(m *Matrix, in *Input, from int) {
	groups, d := m.Groups(), m.width()
	s.N, s.Stride, s.Scales = in.N-from, in.Stride, in.Scales[from*m.Blocks():]
	s.signs = s.N * s.Stride
	s.Q, s.Init = grown(s.Q, 3*s.signs), grown(s.Init, s.N*groups)
	for i := range s.N {
		at, g := i*s.Stride, i*groups
		mulU8SignsAVX2(&s.Q[at], s.signs, &s.Init[g], &in.Q[from*s.Stride+at],
			&in.Init[from*groups+g], m.Quads*d, m.GroupQuads*d)
	}
}

// grown returns room for n values, in s where they fit.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// twoArgs is tileArgs for two panels, which may be the same one. A tile is two vectors.
type twoArgs struct {
	tileArgs // of the first panel
	dst2     *float32
	codes2   *byte
	mult2    *int8
	scale2   *float32
	signs    int // bytes from the magnitudes, which q has, to the signs
}

// twoArgs returns what a kernel needs for block b of panels p and p2. The codes, the signs and the
// number of tiles are for the caller to set.
func (x *product) twoArgs(p, p2, b int) twoArgs {
	second := x.tileArgs(0, p2, b, b+1)
	return twoArgs{tileArgs: x.tileArgs(0, p, b, b+1), dst2: second.dst, mult2: second.mult,
		scale2: second.scale}
}

// pairs multiplies panels [p0, p1) with vectors [0, n), one block of two panels at a time, so that
// the first-level cache hands what is decoded on to the multiplication. A panel that is left over
// makes a pair with itself, and so does a vector. x has the signed input s.
func (x *product) pairs(c coding, p0, p1, n int, s *signedInput) {
	for p := p0; p < p1; p += 2 {
		p2 := min(p+1, p1-1)
		for b := range x.Blocks() {
			a := x.twoArgs(p, p2, b)
			a.codes = c.decodeAVX2(&s.decoded, 0, x.Matrix, p, b)
			a.codes2 = c.decodeAVX2(&s.decoded, 1, x.Matrix, p2, b)
			a.signs, a.tiles = s.signs, n/2
			if a.tiles > 0 {
				mulU8TileAVX2(&a)
			}
			if n%2 > 0 {
				a.ld, a.stride, a.blocks, a.groups, a.tiles = 0, 0, 0, 0, 1
				mulU8TileAVX2(&a)
			}
		}
	}
}

// blocks multiplies panels [p0, p1) with vectors [0, n), one block of one panel at a time, for the
// reason of pairs, with AVX-VNNI.
func (x *product) blocks(c coding, p0, p1, n int, decoded *runs) {
	for p := p0; p < p1; p++ {
		for b := range x.Blocks() {
			x.block(p, b, n, c.decodeAVX2(decoded, 0, x.Matrix, p, b))
		}
	}
}

// decodeAVX2 returns block b of panel p in the layout of mul-u8; all but mul-u8 take the place for
// panel i in decoded.
// AVX2 has no lookup of 256 bytes: it is slow, but spares the memory of the decoded matrix.
func (c coding) decodeAVX2(decoded *runs, i int, m *Matrix, p, b int) *byte {
	q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
	at := p * c.panelBytes(m)
	if c == codedU8 {
		return &m.Codes[at+q*4*PanelRows]
	}
	room := decoded.of(i)
	switch c {
	case codedNibble:
		lo, hi := q/2, ceilDiv(end, 2)
		mulNibbleDecodeAVX2(&room[0], &m.Codes[at+lo*4*PanelRows], &m.Lookup[0], hi-lo)
		return &room[q%2*4*PanelRows]
	case codedLookup:
		codes := &m.Codes[at+q*4*PanelRows]
		mulLookupDecodeAVX2(&room[0], codes, &m.Lookup[0], m.width(), end-q)
	case codedWindow:
		var ends [2 * windowVector]byte
		codes, before := m.windowBlock(&ends, p, b)
		mulWindowDecodeAVX2(&room[0], codes, before, &m.Lookup[0], m.Bits, end-q)
	}
	return &room[0]
}

// block multiplies block b of panel p, whose weights are at codes, with vectors [0, n).
func (x *product) block(p, b, n int, codes *byte) {
	fours := n &^ 3
	if fours > 0 {
		a := x.tileArgs(0, p, b, b+1)
		a.codes, a.tiles = codes, fours/4
		mulU8FourAVXVNNI(&a)
	}
	if fours < n {
		a := x.tileArgs(fours, p, b, b+1)
		a.codes, a.tiles = codes, n-fours
		mulU8BlockAVXVNNI(&a)
	}
}
