//go:build !purego

package kernels

import "sync"

// tileVectors is the number of vectors in a tile.
const tileVectors = 4

// mulKernels are the kernels of one tier.
type mulKernels struct {
	u8Vec     func(*vecArgs)  // MulU8 for one vector and the given panels
	nibbleVec func(*vecArgs)  // MulNibble likewise
	u8Tile    func(*tileArgs) // one block of MulU8 for tiles of vectors and one panel; nil for none
	dots      func(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
	signed    bool // they sum up (weight - 128) * Q, and want starts that make up for it
}

var (
	mulI8MM = mulKernels{mulU8VecI8MM, mulNibbleVecI8MM, mulU8TileI8MM, tableDotsI8MM, false}
	mulSDOT = mulKernels{mulU8VecSDOT, mulNibbleVecSDOT, mulU8TileSDOT, tableDotsSDOT, true}
	mulNEON = mulKernels{mulU8VecNEON, mulNibbleVecNEON, nil, tableDotsNEON, true}
)

func (k *mulKernels) u8(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	k.panels(dst, ld, m, in, p0, p1, k.u8Vec, m.Quads*4*PanelRows, decodeU8)
}

func (k *mulKernels) nibble(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	k.panels(dst, ld, m, in, p0, p1, k.nibbleVec, ceilDiv(m.Quads, 2)*4*PanelRows, decodeNibble)
}

func (k *mulKernels) lookup(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	k.blocks(dst, ld, m, in, p0, p1, decodeLookup)
}

func (k *mulKernels) window(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	k.blocks(dst, ld, m, in, p0, p1, decodeWindow)
}

// maxBlockBytes is the size of a block of one panel in the layout of mul-u8: Block columns, and two
// quads more for a block that begins and ends in the middle of a pair of mul-nibble.
const maxBlockBytes = (Block + 8) * PanelRows

// mulScratch is the work space of one call. Arguments are in it because what is passed to a
// function value would not stay on the stack.
type mulScratch struct {
	product // with the starts that the kernels want
	input   Input
	vec     vecArgs
	tile    tileArgs
	init    []int32
	decoded [maxBlockBytes]byte
}

var mulPool = sync.Pool{New: func() any { return new(mulScratch) }}

// scratch returns a work space; release gives it back.
func (k *mulKernels) scratch(dst []float32, ld int, m *Matrix, in *Input) *mulScratch {
	s := mulPool.Get().(*mulScratch)
	s.input = *in
	s.product = product{m, dst, ld, &s.input}
	if k.signed {
		groups, d := m.Groups(), m.width()
		s.input.Init = s.starts(in.N * groups)
		for n := range in.N {
			mulU8StartsNEON(&s.input.Init[n*groups], &in.Init[n*groups], &in.Q[n*in.Stride],
				m.Quads*d, m.GroupQuads*d)
		}
	}
	return s
}

// starts returns room for n values.
func (s *mulScratch) starts(n int) []int32 {
	if cap(s.init) < n {
		s.init = make([]int32, n)
	}
	return s.init[:n]
}

func (s *mulScratch) release() {
	s.product, s.input, s.vec, s.tile = product{}, Input{}, vecArgs{}, tileArgs{}
	mulPool.Put(s)
}

// tiles is the number of tiles that a batch fills.
func (k *mulKernels) tiles(in *Input) int {
	if k.u8Tile == nil {
		return 0
	}
	return in.N / tileVectors
}

// panels multiplies tiles of vectors a block at a time, which decode turns into the layout of
// mul-u8, and the rest a vector at a time, for which vec decodes; size is the bytes of codes in a
// panel.
func (k *mulKernels) panels(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int,
	vec func(*vecArgs), size int, decode decodeFunc) {
	if in.N == 0 || p0 == p1 || m.Quads == 0 {
		(&product{m, dst, ld, in}).zeroRows(p0, p1)
		return
	}
	s := k.scratch(dst, ld, m, in)
	defer s.release()
	tiles := k.tiles(in)
	if tiles > 0 {
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				s.tile = s.tileArgs(0, p, b, b+1)
				s.tile.codes, s.tile.tiles = decode(&s.decoded, m, p, b), tiles
				k.u8Tile(&s.tile)
			}
		}
	}
	for n := tiles * tileVectors; n < in.N; n++ {
		s.vec = s.vecArgs(n, p0, p1, size)
		vec(&s.vec)
	}
}

// blocks decodes a block at a time, 4 KiB that stay in the first cache, for all vectors: a lookup
// among 256 takes too many registers to multiply in the same loop, and windows are cut out for a
// quarter of the rows at a time.
func (k *mulKernels) blocks(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int,
	decode decodeFunc) {
	if in.N == 0 || p0 == p1 || m.Quads == 0 {
		(&product{m, dst, ld, in}).zeroRows(p0, p1)
		return
	}
	s := k.scratch(dst, ld, m, in)
	defer s.release()
	d, tiles := m.width(), k.tiles(in)
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			t := &s.tile
			*t = s.tileArgs(0, p, b, b+1)
			t.codes, t.tiles = decode(&s.decoded, m, p, b), tiles
			if tiles > 0 {
				k.u8Tile(t)
			}
			for n := tiles * tileVectors; n < in.N; n++ {
				s.vec = vecArgs{
					dst:        &dst[n*ld+p*PanelRows],
					codes:      t.codes,
					scale:      t.scale,
					q:          &s.input.Q[n*s.input.Stride+4*b*m.BlockQuads*d],
					scales:     &s.input.Scales[n*t.blocks+b],
					init:       &s.input.Init[n*t.groups+b],
					panels:     1,
					quads:      t.quads,
					blockQuads: t.quads,
					groupQuads: t.quads,
					first:      t.first,
				}
				k.u8Vec(&s.vec)
			}
		}
	}
}

// decodeFunc returns block b of panel p in the layout of mul-u8; all but decodeU8 take room for it.
type decodeFunc func(room *[maxBlockBytes]byte, m *Matrix, p, b int) *byte

func decodeU8(_ *[maxBlockBytes]byte, m *Matrix, p, b int) *byte {
	return &m.Codes[(p*m.Quads+b*m.BlockQuads)*4*PanelRows]
}

func decodeNibble(room *[maxBlockBytes]byte, m *Matrix, p, b int) *byte {
	q, end := b*m.BlockQuads, min((b+1)*m.BlockQuads, m.Quads)
	lo, hi := q/2, ceilDiv(end, 2)
	codes := &m.Codes[(p*ceilDiv(m.Quads, 2)+lo)*4*PanelRows]
	mulNibbleDecodeNEON(&room[0], codes, &m.Lookup[0], hi-lo)
	return &room[q%2*4*PanelRows]
}

func decodeLookup(room *[maxBlockBytes]byte, m *Matrix, p, b int) *byte {
	q := b * m.BlockQuads
	codes, n := &m.Codes[(p*m.Quads+q)*4*PanelRows], min(m.BlockQuads, m.Quads-q)
	mulLookupDecodeNEON(&room[0], codes, &m.Lookup[0], m.width(), n)
	return &room[0]
}

func decodeWindow(room *[maxBlockBytes]byte, m *Matrix, p, b int) *byte {
	var ends [2 * windowVector]byte
	codes, before := m.windowBlock(&ends, p, b)
	mulWindowDecodeNEON(&room[0], codes, before, &m.Lookup[0], m.Bits, m.blockQuads(b))
	return &room[0]
}

// mulU8VecI8MM is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecI8MM(a *vecArgs)

// mulU8VecSDOT is mulU8VecI8MM for starts from mulU8StartsNEON, and so are the others whose tier is
// not i8mm.
//
//go:noescape
func mulU8VecSDOT(a *vecArgs)

//go:noescape
func mulU8VecNEON(a *vecArgs)

// mulU8TileI8MM is the loop over one block of MulU8 for 4*tiles vectors and one panel:
//
//	y = dst, or 0 in the first block
//	y = y + float32(scales * float32(t))
//	dst = y, or y * scale in the last block
//
//go:noescape
func mulU8TileI8MM(a *tileArgs)

//go:noescape
func mulU8TileSDOT(a *tileArgs)

// mulNibbleVecI8MM is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecI8MM(a *vecArgs)

//go:noescape
func mulNibbleVecSDOT(a *vecArgs)

//go:noescape
func mulNibbleVecNEON(a *vecArgs)

// mulU8StartsNEON writes what the sums of (weight - 128) * q start from, for quads that fall into
// groups of groupQuads:
//
//	for g := range groups {
//		dst[g] = init[g] + 128*(sum of the q of g)
//	}
//
// 128 times the sum is at most 128*128*256 = 2^22. Sums of (weight - 128) * q from there pass
// through other values than those of weight * q and end at the same ones, modulo 2^32 and so
// exactly.
//
//go:noescape
func mulU8StartsNEON(dst, init *int32, q *int8, quads, groupQuads int)

// mulNibbleDecodeNEON writes n times 64 codes of mul-nibble in the layout of mul-u8:
//
//	for i := range 64 * n {
//		at := i/64*128 + i%64
//		dst[at] = lookup[codes[i]&15]
//		dst[at+64] = lookup[codes[i]>>4]
//	}
//
//go:noescape
func mulNibbleDecodeNEON(dst, codes, lookup *byte, n int)

// mulLookupDecodeNEON writes n times 64 codes of mul-lookup in the layout of mul-u8:
//
//	for i := range 64 * n {
//		for j := range d {
//			dst[i/64*64*d+64*j+i%64] = lookup[j*256+int(codes[i])]
//		}
//	}
//
//go:noescape
func mulLookupDecodeNEON(dst, codes, lookup *byte, d, n int)
