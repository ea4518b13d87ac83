//go:build !purego

package kernels

import (
	"slices"
	"sync"
)

// apart is a quad of an input whose products are added on their own: where its weights are in the
// block, in bytes, four magnitudes, four signs, and room.
type apart [4]uint32

// splitInput is a batch in the form that runs take.
type splitInput struct {
	Input                     // Q has 0 where quads stand apart, Init starts
	words  [][2]int16         // [N][runs]: what the words of a run start from
	apart  []apart            // of all vectors, group by group
	ends   []int32            // 0, and [N][groups]: where those of a group end
	order  []int32            // [blocks][N]: of vectors
	counts [Block/4 + 2]int32 // of vectors with so many quads apart in a block
}

var splitInputs = sync.Pool{New: func() any { return new(splitInput) }}

// put hands it back, without what is the caller's.
func (s *splitInput) put() {
	s.Scales = nil
	splitInputs.Put(s)
}

// splitArgs is what mulU8SplitAVX2 takes, for one vector.
type splitArgs struct {
	q, main                       *int8
	pairs, squares                *uint16 // the reach of the matrix
	init, starts                  *int32
	words                         *[2]int16
	apart                         *apart // the first of all vectors
	ends                          *int32 // the one before is where those of this vector go
	quads, groupQuads, blockQuads int
}

// set makes it what stands for the first n vectors of an input. It returns false if more than one
// quad in eight stands apart: mulU8TileAVX2 is faster then.
func (s *splitInput) set(m *Matrix, in *Input, n int) bool {
	groups, runs := m.Groups(), runsOf(m.Quads)
	s.N, s.Stride, s.Scales = n, in.Stride, in.Scales
	s.Q, s.Init = grown(s.Q, n*s.Stride), grown(s.Init, n*groups)
	s.words, s.ends, s.apart = grown(s.words, n*runs), grown(s.ends, n*groups+1), s.apart[:0]
	s.ends[0] = 0
	for i := range n {
		s.apart = slices.Grow(s.apart, m.Quads)
		a := splitArgs{
			q: &in.Q[i*s.Stride], main: &s.Q[i*s.Stride],
			pairs: &m.reach.pairs[0], squares: &m.reach.squares[0],
			init: &in.Init[i*groups], starts: &s.Init[i*groups],
			words: &s.words[i*runs], apart: &s.apart[:1][0], ends: &s.ends[i*groups+1],
			quads: m.Quads, groupQuads: m.GroupQuads, blockQuads: m.BlockQuads,
		}
		mulU8SplitAVX2(&a)
		s.apart = s.apart[:s.ends[(i+1)*groups]]
		if len(s.apart) > m.Quads*(i+8)/8 {
			return false
		}
	}
	s.sort(m)
	return true
}

// sort orders the vectors for each block by how many quads stand apart there: the kernel then goes
// round its loops about as often for a vector as for the one before, which the CPU expects.
func (s *splitInput) sort(m *Matrix) {
	groups, perBlock := m.Groups(), m.BlockQuads/m.GroupQuads
	s.order = grown(s.order, m.Blocks()*s.N)
	for b := range m.Blocks() {
		lo, hi := b*perBlock, min((b+1)*perBlock, groups)
		count := func(i int) int32 { return s.ends[i*groups+hi] - s.ends[i*groups+lo] }
		clear(s.counts[:])
		for i := range s.N {
			s.counts[count(i)+1]++
		}
		for c := range len(s.counts) - 1 {
			s.counts[c+1] += s.counts[c]
		}
		order := s.order[b*s.N:][:s.N]
		for i := range s.N {
			at := &s.counts[count(i)]
			order[*at] = int32(i)
			*at++
		}
	}
}

// runArgs is tileArgs for one panel and any vectors, two of which are a tile.
type runArgs struct {
	tileArgs         // of the vector 0
	order     *int32 // of vectors
	words     *[2]int16
	wordsSize int // bytes from one vector to the next in words
	ends      *int32
	apart     *apart
}

// runs multiplies panels [p0, p1) of mul-u8 with an even number of vectors, the first ones, one
// block of a panel at a time, and returns the number: 0 where mulU8TileAVX2 is faster.
func (x *product) runs(p0, p1 int) int {
	n := x.in.N &^ 1
	if x.reach == nil || n == 0 {
		return 0
	}
	s := splitInputs.Get().(*splitInput)
	defer s.put()
	if !s.set(x.Matrix, x.in, n) {
		return 0
	}
	split := product{x.Matrix, x.dst, x.ld, &s.Input}
	for p := p0; p < p1; p++ {
		for b := range x.Blocks() {
			q := b * x.BlockQuads
			a := runArgs{
				tileArgs: split.tileArgs(0, p, b, b+1),
				order:    &s.order[b*n],
				words:    &s.words[q/runQuads], wordsSize: 4 * runsOf(x.Quads),
				ends: &s.ends[q/x.GroupQuads+1], apart: &s.apart[:1][0],
			}
			a.codes, a.tiles = &x.Codes[(p*x.Quads+q)*4*PanelRows], n/2
			mulU8RunsAVX2(&a)
		}
	}
	return n
}
