//go:build !purego

package kernels

import "unsafe"

// Vectors in a tile: the kernels also take half a tile, once.
const (
	tileAVX512 = 8
	tileAMX    = 32
)

// runBytes is the size of consecutive blocks of one panel in the layout of mul-u8: with as much of
// another panel and of the input of some vectors they stay in the first-level cache.
const runBytes = (4*Block + 8) * PanelRows

// runs is room for those of two panels.
type runs struct {
	room  [cacheLine + 2*runBytes]byte
	start int // of the first one in room
}

const cacheLine = 64

// align makes the runs start with a cache line: a register takes a whole one, or else parts of two
// (on a Zen 4 mul-lookup with d = 4 for 8 vectors takes 1.07 times as long then, and with AVX2
// mul-nibble for 128 vectors 1.05 times).
func (r *runs) align() { r.start = int(-uintptr(unsafe.Pointer(r)) & (cacheLine - 1)) }

// of is the place for panel i.
func (r *runs) of(i int) *[runBytes]byte {
	return (*[runBytes]byte)(r.room[r.start+i*runBytes:])
}

func mulAVX512(c coding) mulFunc { return mulPairs(c, false) }
func mulAMX(c coding) mulFunc    { return mulPairs(c, true) }

// mulPairs is MulU8 or one of its kin in AVX-512, with AMX tiles where useAMX is set: pairs of
// panels with tiles of vectors, then what is left, the last panel and the last vectors.
func mulPairs(c coding, useAMX bool) mulFunc {
	return func(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
		x := product{m, dst, ld, in}
		if m.Quads == 0 {
			x.zeroRows(p0, p1)
			return
		}
		tiled, paired, wide := in.N&^(tileAVX512/2-1), p0+(p1-p0)&^1, 0
		if useAMX {
			wide = vectorsAMX(m, in)
		}
		switch {
		case tiled == 0 || paired == p0:
		case c == codedU8:
			x.tiles(c, p0, paired, wide, tiled, nil)
		default:
			var decoded runs
			decoded.align()
			x.tiles(c, p0, paired, wide, tiled, &decoded)
		}
		size := c.panelBytes(m)
		for n := range in.N {
			lo := p0
			if n < tiled {
				lo = paired
			}
			if lo < p1 {
				a := x.vecArgs(n, lo, p1, size)
				c.vectorAVX512(m, &a)
			}
		}
	}
}

// vectorsAMX is the number of vectors of a batch that fill tiles of AMX, the first ones; the rest
// and small batches are for AVX-512. A group of fewer than 16 quads has no tile of weights, and
// leaves all vectors to AVX-512.
func vectorsAMX(m *Matrix, in *Input) int {
	if m.GroupQuads*m.width() < 16 {
		return 0
	}
	return in.N &^ (tileAMX/2 - 1)
}

// tiles multiplies pairs of panels [p0, p1) with vectors [0, tiled), the first wide of them by AMX,
// as many blocks at a time as fit a run.
func (x *product) tiles(c coding, p0, p1, wide, tiled int, decoded *runs) {
	step := x.Blocks()
	if c != codedU8 {
		step = Block / (x.BlockQuads * x.width())
	}
	for p := p0; p < p1; p += 2 {
		for b := 0; b < x.Blocks(); b += step {
			end := min(b+step, x.Blocks())
			codes := c.decodeAVX512(decoded, 0, x.Matrix, p, b, end)
			codes2 := c.decodeAVX512(decoded, 1, x.Matrix, p+1, b, end)
			if wide > 0 {
				a := x.pairArgs(0, p, b, end, wide, tileAMX)
				a.codes, a.codes2 = codes, codes2
				mulU8TileAMX(&a)
			}
			if wide < tiled {
				a := x.pairArgs(wide, p, b, end, tiled-wide, tileAVX512)
				a.codes, a.codes2 = codes, codes2
				mulU8TileAVX512VNNI(&a)
			}
		}
	}
}

// pairArgs is tileArgs for two neighbouring panels.
type pairArgs struct {
	tileArgs       // of the first panel
	codes2   *byte // and of the second
	mult2    *int8
	half     bool // half a group of vectors, after the others
}

// pairArgs returns what a kernel needs for blocks [b, end) of panels p and p+1 and n vectors from
// one on, which it takes in tiles and half tiles. The codes are for the caller to set.
func (x *product) pairArgs(vector, p, b, end, n, tile int) pairArgs {
	a := pairArgs{tileArgs: x.tileArgs(vector, p, b, end), half: n%tile > 0}
	a.tiles = n / tile
	if a.mult != nil {
		a.mult2 = &x.Mult[((p+1)*a.groups+b*x.BlockQuads/x.GroupQuads)*PanelRows]
	}
	return a
}

// decodeAVX512 returns blocks [b, end) of panel p in the layout of mul-u8; all but mul-u8 take the
// place for panel i in decoded.
func (c coding) decodeAVX512(decoded *runs, i int, m *Matrix, p, b, end int) *byte {
	q, stop := b*m.BlockQuads, min(end*m.BlockQuads, m.Quads)
	at := p * c.panelBytes(m)
	if c == codedU8 {
		return &m.Codes[at+q*4*PanelRows]
	}
	room := decoded.of(i)
	switch c {
	case codedNibble:
		lo, hi := q/2, ceilDiv(stop, 2)
		mulNibbleDecodeAVX512VNNI(&room[0], &m.Codes[at+lo*4*PanelRows], &m.Lookup[0], hi-lo)
		return &room[q%2*4*PanelRows]
	case codedLookup:
		codes := &m.Codes[at+q*4*PanelRows]
		mulLookupDecodeAVX512VBMI(&room[0], codes, &m.Lookup[0], m.width(), stop-q)
	case codedWindow, codedWindowVBMI:
		var ends [2 * windowVector]byte
		for ; b < end; b++ {
			codes, before := m.windowBlock(&ends, p, b)
			dst, quads := &room[4*PanelRows*(b*m.BlockQuads-q)], m.blockQuads(b)
			if c == codedWindow {
				mulWindowDecodeAVX512VNNI(dst, codes, before, &m.Lookup[0], m.Bits, quads)
			} else {
				mulWindowDecodeAVX512VBMI(dst, codes, before, &m.Lookup[0], m.Bits, quads)
			}
		}
	}
	return &room[0]
}

// vectorAVX512 multiplies consecutive panels with one vector.
func (c coding) vectorAVX512(m *Matrix, a *vecArgs) {
	switch c {
	case codedU8:
		mulU8VecAVX512VNNI(a)
	case codedNibble:
		mulNibbleVecAVX512VNNI(a)
	case codedLookup:
		mulLookupAVX512(m.width(), a)
	case codedWindow:
		mulWindowVecAVX512VNNI(a)
	case codedWindowVBMI:
		mulWindowVecAVX512VBMI(a)
	}
}
