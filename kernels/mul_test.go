package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// mulShape is one case of the three multiplications; d is the width of mul-lookup, else 1.
type mulShape struct {
	panels, quads, blockQuads, groupQuads, n, d int
	p0, p1                                      int
}

// extreme says how the bytes of a case are chosen.
type extreme int

const (
	random  extreme = iota
	lowest          // weights 255, inputs -128, multipliers 127
	highest         // weights 255, inputs 127, multipliers -127
	mixed           // each byte is the smallest or the largest
	extremes
)

// newMul makes a matrix and an input. codes is the number of bytes of the layout, lookup that of
// the lookup.
func newMul(t testing.TB, rng *rand.Rand, p place, x extreme, s mulShape,
	codes, lookup int) (*Matrix, *Input) {
	m := &Matrix{Panels: s.panels, Quads: s.quads, BlockQuads: s.blockQuads,
		GroupQuads: s.groupQuads}
	rows := s.panels * PanelRows
	m.Codes = alloc[byte](t, p, rng, codes)
	for i := range m.Codes {
		m.Codes[i] = pickByte(rng, x, 0, 255, 255)
	}
	if lookup > 0 {
		m.Lookup = alloc[byte](t, p, rng, lookup)
		for i := range m.Lookup {
			m.Lookup[i] = pickByte(rng, x, 0, 255, 255)
		}
		for i := range m.Codes {
			m.Codes[i] = byte(rng.Uint32())
		}
	}
	if lookup < Centroids {
		m.Mult = alloc[int8](t, p, rng, rows*m.Groups())
		for i := range m.Mult {
			m.Mult[i] = int8(max(int(int8(pickByte(rng, x, 0x81, 127, 0x81))), -127))
		}
	}
	if lookup == 0 && rng.IntN(4) > 0 {
		m.measure(reachScalar)
	}
	m.Scale = alloc[float32](t, p, rng, rows)
	for i := range m.Scale {
		m.Scale[i] = float32(rng.NormFloat64())
	}
	in := &Input{N: s.n, Stride: inputLen(m, lookup)}
	if p == offset {
		in.Stride += rng.IntN(9)
	}
	in.Q = alloc[int8](t, p, rng, s.n*in.Stride)
	for n := range s.n {
		for i := range s.quads * 4 * s.d {
			in.Q[n*in.Stride+i] = signed(pickByte(rng, x, 128, 128, 127))
		}
	}
	in.Scales = alloc[float32](t, p, rng, s.n*m.Blocks())
	for i := range in.Scales {
		in.Scales[i] = float32(rng.NormFloat64())
	}
	in.Init = alloc[int32](t, p, rng, s.n*m.Groups())
	top := 255 * 128 * min(s.groupQuads, s.quads) * 4 * s.d
	for i := range in.Init {
		switch x {
		case lowest:
			in.Init[i] = int32(top)
		case highest:
			in.Init[i] = int32(-top)
		default:
			in.Init[i] = int32(rng.IntN(2*top+1) - top)
		}
	}
	return m, in
}

// unsigned is the mode for an emulator that takes the signed bytes of AMX for unsigned ones, as
// Bochs 3.0 does: with PALETTIZE_TEST_UNSIGNED=1 no input of a multiplication is negative. Such a
// run does not test signs.
var unsigned = os.Getenv("PALETTIZE_TEST_UNSIGNED") == "1"

// signed returns an input of these bits, or in that mode one that is not negative.
func signed(b byte) int8 {
	if v := int8(b); v >= 0 || !unsigned {
		return v
	}
	return int8(^b)
}

func pickByte(rng *rand.Rand, x extreme, lo, low, high byte) byte {
	switch x {
	case lowest:
		return low
	case highest:
		return high
	case mixed:
		return [2]byte{lo, high}[rng.IntN(2)]
	}
	return byte(rng.Uint32())
}

// checkMulTier holds one tier against scalar, all of dst: the rows that were asked for and the
// rest, which must be left alone.
func checkMulTier(t *testing.T, fn, scalar mulFunc, rng *rand.Rand, p place, s mulShape, m *Matrix,
	in *Input) {
	t.Helper()
	rows := m.Panels * PanelRows
	ld := rows
	if p == offset {
		ld += rng.IntN(20)
	}
	size := max(0, (in.N-1)*ld+rows)
	got, want := alloc[float32](t, p, rng, size), make([]float32, size)
	for i := range got {
		got[i], want[i] = math.Float32frombits(canary), math.Float32frombits(canary)
	}
	scalar(want, ld, m, in, s.p0, s.p1)
	if s.p0 < s.p1 && in.N > 0 { // the rows of a table are not asked for nothing
		fn(got, ld, m, in, s.p0, s.p1)
	}
	sameFloats(t, fmt.Sprintf("%+v, %v", s, p), got, want)
}

// mulShapes are the cases for width d: every number of quads up to some, then block tails, groups
// of one quad to the whole block, batches and panel ranges.
func mulShapes(d int, groups bool) []mulShape {
	var shapes []mulShape
	largest := Block / 4 / d
	add := func(panels, quads, block, group, n int) {
		shapes = append(shapes, mulShape{panels: panels, quads: quads, blockQuads: block,
			groupQuads: group, n: n, d: d, p1: panels})
	}
	for quads := range 19 {
		add(1, quads, largest, largest, 1)
		add(2, quads, min(6, largest), min(6, largest), 9)
	}
	for n := range 18 {
		add(3, 2*largest+3, largest, largest, n)
		add(2, 7, 5, 5, n)
	}
	for panels := 1; panels <= 5; panels++ {
		for _, n := range []int{1, 8} {
			add(panels, 13, 4, 4, n)
		}
	}
	for _, block := range []int{1, 2, 3, 5, 8, 12, 15, largest - 1, largest} {
		if block > largest {
			continue
		}
		for group := 1; group <= block; group++ {
			if block%group != 0 || !groups && group != block {
				continue
			}
			for _, n := range []int{1, 3, 8, 17} {
				add(2, 2*block+max(1, block/2), block, group, n)
				add(1, block*3, block, group, n)
			}
		}
	}
	// What AMX divides: 16 and 32 vectors, steps of 16 quads.
	add(2, largest+max(1, largest/3), largest, largest, 19)
	for i, n := range []int{16, 36, 51, 64} {
		block := max(1, (16+i*3)/d)
		add(2+i%2, 2*block+1, block, block, n)
	}
	for i, group := range []int{16, 20, 21, 32} {
		if block := 2 * group; groups {
			add(2, block+group+group/2, block, group, 16+16*(i%2))
		}
	}
	// More columns than are decoded at a time for a batch.
	for _, block := range []int{5, largest} {
		for _, n := range []int{12, 48} {
			add(2, 4*largest+7, block, block, n)
		}
	}
	for p0 := range 6 {
		for p1 := p0; p1 <= 5; p1++ {
			for _, n := range []int{1, 8} {
				add(5, 9, 4, 4, n)
				shapes[len(shapes)-1].p0, shapes[len(shapes)-1].p1 = p0, p1
			}
		}
	}
	return shapes
}

func testMul(t *testing.T, op string, table []tier[mulFunc], scalar mulFunc, d, lookup int,
	layout func(mulShape) int) {
	shapes := mulShapes(d, lookup < Centroids)
	forEachTier(t, op, table, func(t *testing.T, fn mulFunc) {
		rng := rand.New(rand.NewPCG(1, uint64(d)))
		check := func(p place, x extreme, s mulShape) {
			m, in := newMul(t, rng, p, x, s, layout(s), lookup)
			checkMulTier(t, fn, scalar, rng, p, s, m, in)
		}
		for i, s := range shapes {
			if testing.Short() && i%4 != 0 {
				continue
			}
			check(place(i)%places, random, s)
			check(place(i+1)%places, extreme(i)%extremes, s)
		}
		for x := range extremes {
			for _, n := range []int{1, 8} {
				check(tail, x, mulShape{panels: 2, quads: 130 / d, blockQuads: 64 / d,
					groupQuads: 64 / d, n: n, d: d, p1: 2})
			}
		}
	})
}

func u8Layout(s mulShape) int     { return s.panels * s.quads * 4 * PanelRows }
func nibbleLayout(s mulShape) int { return s.panels * ceilDiv(s.quads, 2) * 4 * PanelRows }

func TestMulU8(t *testing.T) {
	testMul(t, "mul-u8", mulU8Tiers, mulU8Scalar, 1, 0, u8Layout)
}

func TestMulNibble(t *testing.T) {
	testMul(t, "mul-nibble", mulNibbleTiers, mulNibbleScalar, 1, 16, nibbleLayout)
}

func TestMulLookup(t *testing.T) {
	for d := 1; d <= MaxLookupWidth; d++ {
		t.Run(fmt.Sprintf("d=%d", d), func(t *testing.T) {
			testMul(t, "mul-lookup", mulLookupTiers, mulLookupScalar, d, d*Centroids, u8Layout)
		})
	}
}

func fuzzMul(f *testing.F, table []tier[mulFunc], scalar mulFunc, lookupSize func(d int) int,
	layout func(mulShape) int) {
	f.Add([]byte{2, 13, 3, 1, 1, 0, 0, 2, 0, 0})
	f.Add([]byte{3, 66, 63, 0, 9, 1, 1, 3, 1, 2, 255, 0, 127, 128})
	f.Add([]byte{2, 101, 0, 63, 51, 0, 0, 1, 0, 3})
	f.Add([]byte{4, 150, 2, 19, 63, 3, 1, 3, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := mulShape{
			panels: 1 + byteAt(data, 0)%5, quads: byteAt(data, 1),
			groupQuads: 1 + byteAt(data, 3)%64,
			n:          1 + byteAt(data, 4)%70, d: 1 + byteAt(data, 5)%MaxLookupWidth,
		}
		lookup := lookupSize(s.d)
		if lookup < Centroids {
			s.d = 1
		}
		largest := Block / 4 / s.d
		s.groupQuads = 1 + (s.groupQuads-1)%largest
		s.blockQuads = s.groupQuads
		if lookup < Centroids {
			s.blockQuads *= 1 + byteAt(data, 2)%(largest/s.groupQuads)
		}
		s.p0 = byteAt(data, 6) % s.panels
		s.p1 = s.p0 + 1 + byteAt(data, 7)%(s.panels-s.p0)
		p, x := place(byteAt(data, 8))%places, extreme(byteAt(data, 9))%extremes
		rng := fuzzRNG(data)
		m, in := newMul(t, rng, p, x, s, layout(s), lookup)
		if len(data) > 24 { // the weights, or their codes, are the fuzzer's
			for i := range m.Codes {
				m.Codes[i] = data[24+i%(len(data)-24)]
			}
		}
		for _, tr := range table {
			if tr.need != 0 && tr.need&^host == 0 {
				checkMulTier(t, tr.fn, scalar, rng, p, s, m, in)
			}
		}
	})
}

func FuzzMulU8(f *testing.F) {
	fuzzMul(f, mulU8Tiers, mulU8Scalar, func(int) int { return 0 }, u8Layout)
}

func FuzzMulNibble(f *testing.F) {
	fuzzMul(f, mulNibbleTiers, mulNibbleScalar, func(int) int { return 16 }, nibbleLayout)
}

func FuzzMulLookup(f *testing.F) {
	fuzzMul(f, mulLookupTiers, mulLookupScalar, func(d int) int { return d * Centroids }, u8Layout)
}

// benchMul measures a multiplication of a [rows, cols] matrix, where a code stands for d columns.
func benchMul(b *testing.B, table []tier[mulFunc], rows, cols, d, group, batch, lookup int,
	layout func(mulShape) int) {
	s := mulShape{panels: rows / PanelRows, quads: cols / 4 / d, blockQuads: Block / 4 / d,
		groupQuads: group / 4 / d, n: batch, d: d}
	s.p1 = s.panels
	rng := rand.New(rand.NewPCG(4, 4))
	m, in := newMul(b, rng, head, random, s, layout(s), lookup)
	name := fmt.Sprintf("rows=%d/cols=%d/batch=%d", rows, cols, batch)
	if d > 1 {
		name += fmt.Sprintf("/d=%d", d)
	}
	if group != Block {
		name += fmt.Sprintf("/group=%d", group)
	}
	dst := make([]float32, batch*rows)
	if batch > 1 {
		table = table[:len(table)-1] // scalar takes them one by one
	}
	benchEachTier(b, table, name, func(b *testing.B, fn mulFunc) {
		b.SetBytes(int64(len(m.Codes)))
		for b.Loop() {
			fn(dst, rows, m, in, 0, s.panels)
		}
		perMAC(b, rows*cols*batch)
	})
}

func BenchmarkMulU8(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		benchMul(b, mulU8Tiers, 3072, 1024, 1, Block, batch, 0, u8Layout)
		benchMul(b, mulU8Tiers, 3072, 1024, 1, 16, batch, 0, u8Layout)
		benchMul(b, mulU8Tiers, 256, 1024, 1, Block, batch, 0, u8Layout)
	}
}

func BenchmarkMulNibble(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		benchMul(b, mulNibbleTiers, 3072, 1024, 1, Block, batch, 16, nibbleLayout)
		benchMul(b, mulNibbleTiers, 3072, 1024, 1, 16, batch, 16, nibbleLayout)
	}
}

func BenchmarkMulLookup(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		for _, d := range []int{1, 2, 4} {
			benchMul(b, mulLookupTiers, 3072, 1024, d, Block, batch, d*Centroids, u8Layout)
		}
	}
}
