//go:build !purego

package kernels

import "sync"

// tileVectors is the number of vectors that the tiles of mul-u8 take at a time.
const tileVectors = 4

// maxBlockBytes is the size of a block of one panel in the layout of mul-u8: Block columns, and two quads
// more for a block that begins and ends in the middle of a pair of mul-nibble.
const maxBlockBytes = (Block + 8) * PanelRows

// mulKernels are the kernels of one tier.
type mulKernels struct {
	vec    func(*vecArgs)  // MulU8 for one vector and the given panels
	nibble func(*vecArgs)  // MulNibble likewise
	tile   func(*tileArgs) // one block of MulU8 for tileVectors*tiles vectors and one panel; nil for none
	dots   func(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
	signed bool // they sum up (weight - 128) * Q, and want starts that make up for it
}

var (
	mulI8MM = mulKernels{mulU8VecI8MM, mulNibbleVecI8MM, mulU8TileI8MM, tableDotsI8MM, false}
	mulSDOT = mulKernels{mulU8VecSDOT, mulNibbleVecSDOT, mulU8TileSDOT, tableDotsSDOT, true}
	mulNEON = mulKernels{mulU8VecNEON, mulNibbleVecNEON, nil, tableDotsNEON, true}
)

func mulU8I8MM(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulI8MM.u8(dst, ld, m, in, p0, p1)
}

func mulU8SDOT(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulSDOT.u8(dst, ld, m, in, p0, p1)
}

func mulU8NEON(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNEON.u8(dst, ld, m, in, p0, p1)
}

func mulNibbleI8MM(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulI8MM.nibbles(dst, ld, m, in, p0, p1)
}

func mulNibbleSDOT(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulSDOT.nibbles(dst, ld, m, in, p0, p1)
}

func mulNibbleNEON(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNEON.nibbles(dst, ld, m, in, p0, p1)
}

func mulLookupI8MM(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulI8MM.decoded(dst, ld, m, in, p0, p1, decodeLookupBlock)
}

func mulLookupSDOT(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulSDOT.decoded(dst, ld, m, in, p0, p1, decodeLookupBlock)
}

func mulLookupNEON(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNEON.decoded(dst, ld, m, in, p0, p1, decodeLookupBlock)
}

// mulScratch is the work space of one call. Arguments lie here because what is passed to a function
// value would not stay on the stack.
type mulScratch struct {
	vec     vecArgs
	tile    tileArgs
	in      Input // the caller's, with the starts that the kernels want
	init    []int32
	decoded [maxBlockBytes]byte
}

var mulPool = sync.Pool{New: func() any { return new(mulScratch) }}

// scratch returns a work space; release gives it back.
func (k *mulKernels) scratch(m *Matrix, in *Input) *mulScratch {
	s := mulPool.Get().(*mulScratch)
	s.in = *in
	if k.signed {
		groups, d := m.Groups(), m.Width()
		s.in.Init = s.starts(in.N * groups)
		for n := range in.N {
			mulU8StartsNEON(&s.in.Init[n*groups], &in.Init[n*groups], &in.Q[n*in.Stride], m.Quads*d, m.GroupQuads*d)
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
	s.vec, s.tile, s.in = vecArgs{}, tileArgs{}, Input{}
	mulPool.Put(s)
}

// panels sets up the kernels for one vector for panels [p0, p1) and vector n; size is the bytes of codes
// in a panel.
func (s *mulScratch) panels(dst []float32, ld int, m *Matrix, n, p0, p1, size int) {
	s.vec = vecArgs{
		dst:        &dst[n*ld+p0*PanelRows],
		codes:      &m.Codes[p0*size],
		mult:       &m.Mult[p0*m.Groups()*PanelRows],
		scale:      &m.Scale[p0*PanelRows],
		q:          &s.in.Q[n*s.in.Stride],
		scales:     &s.in.Scales[n*m.Blocks()],
		init:       &s.in.Init[n*m.Groups()],
		panels:     p1 - p0,
		quads:      m.Quads,
		blockQuads: m.BlockQuads,
		groupQuads: m.GroupQuads,
		first:      true,
	}
	if len(m.Lookup) > 0 {
		s.vec.lookup = &m.Lookup[0]
	}
}

// block sets up the tiles for block b of panel p, whose weights are at codes.
func (s *mulScratch) block(dst []float32, ld int, m *Matrix, codes *byte, p, b, tiles int) {
	groups, d := m.Groups(), m.Width()
	q := b * m.BlockQuads
	g := q / m.GroupQuads
	s.tile = tileArgs{
		dst:        &dst[p*PanelRows],
		ld:         ld,
		codes:      codes,
		q:          &s.in.Q[4*q*d],
		stride:     s.in.Stride,
		scales:     &s.in.Scales[b],
		blocks:     m.Blocks(),
		init:       &s.in.Init[g],
		groups:     groups,
		quads:      min(m.BlockQuads, m.Quads-q) * d,
		groupQuads: m.GroupQuads * d,
		first:      b == 0,
		tiles:      tiles,
	}
	if len(m.Lookup) < Centroids {
		s.tile.mult = &m.Mult[(p*groups+g)*PanelRows]
	}
	if b == m.Blocks()-1 {
		s.tile.scale = &m.Scale[p*PanelRows]
	}
}

// zeroRows is the whole of a multiplication by a matrix without columns.
func zeroRows(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	for n := range in.N {
		for r := p0 * PanelRows; r < p1*PanelRows; r++ {
			dst[n*ld+r] = 0 * m.Scale[r]
		}
	}
}

// tiles is the number of groups of vectors that go to the tiles.
func (k *mulKernels) tiles(in *Input) int {
	if k.tile == nil {
		return 0
	}
	return in.N / tileVectors
}

func (k *mulKernels) u8(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if in.N == 0 || p0 == p1 || m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	s := k.scratch(m, in)
	defer s.release()
	size, tiles := m.Quads*4*PanelRows, k.tiles(in)
	if tiles > 0 {
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				s.block(dst, ld, m, &m.Codes[p*size+b*m.BlockQuads*4*PanelRows], p, b, tiles)
				k.tile(&s.tile)
			}
		}
	}
	for n := tiles * tileVectors; n < in.N; n++ {
		s.panels(dst, ld, m, n, p0, p1, size)
		k.vec(&s.vec)
	}
}

func (k *mulKernels) nibbles(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if in.N == 0 || p0 == p1 || m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	s := k.scratch(m, in)
	defer s.release()
	size, tiles := ceilDiv(m.Quads, 2)*4*PanelRows, k.tiles(in)
	if tiles > 0 {
		for p := p0; p < p1; p++ {
			for b := range m.Blocks() {
				q := b * m.BlockQuads
				s.block(dst, ld, m, &s.decoded[q%2*4*PanelRows], p, b, tiles)
				lo, hi := q/2, ceilDiv(q+s.tile.quads, 2)
				mulNibbleDecodeNEON(&s.decoded[0], &m.Codes[p*size+lo*4*PanelRows], &m.Lookup[0], hi-lo)
				k.tile(&s.tile)
			}
		}
	}
	for n := tiles * tileVectors; n < in.N; n++ {
		s.panels(dst, ld, m, n, p0, p1, size)
		k.nibble(&s.vec)
	}
}

func decodeLookupBlock(dst *byte, m *Matrix, p, b int) {
	q := b * m.BlockQuads
	mulLookupDecodeNEON(dst, &m.Codes[(p*m.Quads+q)*4*PanelRows], &m.Lookup[0], m.Width(), min(m.BlockQuads, m.Quads-q))
}

// decoded decodes a block at a time, 4 KiB that stay in the first cache, for all vectors: a lookup among
// 256 takes too many registers to multiply in the same loop. decode turns block b of panel p into the layout
// of mul-u8.
func (k *mulKernels) decoded(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int, decode func(dst *byte, m *Matrix, p, b int)) {
	if in.N == 0 || p0 == p1 || m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	s := k.scratch(m, in)
	defer s.release()
	d, tiles := m.Width(), k.tiles(in)
	for p := p0; p < p1; p++ {
		for b := range m.Blocks() {
			s.block(dst, ld, m, &s.decoded[0], p, b, tiles)
			t := &s.tile
			decode(&s.decoded[0], m, p, b)
			if tiles > 0 {
				k.tile(t)
			}
			for n := tiles * tileVectors; n < in.N; n++ {
				s.vec = vecArgs{
					dst:        &dst[n*ld+p*PanelRows],
					codes:      t.codes,
					scale:      t.scale,
					q:          &s.in.Q[n*s.in.Stride+4*b*m.BlockQuads*d],
					scales:     &s.in.Scales[n*t.blocks+b],
					init:       &s.in.Init[n*t.groups+b],
					panels:     1,
					quads:      t.quads,
					blockQuads: t.quads,
					groupQuads: t.quads,
					first:      t.first,
				}
				k.vec(&s.vec)
			}
		}
	}
}
