package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/kernels/internal/guard"
)

// forEachTier runs f for every row of an operation's table. A row that this machine cannot run is
// skipped, or fails when PALETTIZE_REQUIRE names it.
func forEachTier[F any](t *testing.T, op string, table []tier[F], f func(*testing.T, F)) {
	t.Helper()
	must := required()
	for _, tr := range table {
		t.Run(op+"/"+tr.name, func(t *testing.T) {
			if tr.need&^host != 0 {
				if slices.Contains(must, tr.name) {
					t.Fatalf("required tier cannot run: this machine lacks %s", lacks(tr.need, host, amxRefusal))
				}
				t.Skipf("this machine lacks %s", lacks(tr.need, host, amxRefusal))
			}
			f(t, tr.fn)
		})
	}
}

// required lists the tiers that PALETTIZE_REQUIRE names.
func required() []string {
	return strings.FieldsFunc(os.Getenv("PALETTIZE_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
}

// A misspelt name must not pass for a tier that ran.
func TestRequiredTiersExist(t *testing.T) {
	for _, name := range required() {
		if !slices.ContainsFunc(best.Tiers(), func(info TierInfo) bool { return info.Tier == name }) {
			t.Errorf("PALETTIZE_REQUIRE: no operation has a tier %q", name)
		}
	}
}

// place is where a test slice lies.
type place int

const (
	tail   place = iota // against a guard page behind it
	head                // against a guard page before it
	offset              // somewhere, aligned no better than its elements
	places
)

func (p place) String() string { return [...]string{"tail", "head", "offset"}[p] }

func alloc[T any](t testing.TB, p place, rng *rand.Rand, n int) []T {
	switch p {
	case tail:
		return guard.Tail[T](t, n)
	case head:
		return guard.Head[T](t, n)
	}
	at := rng.IntN(64)
	return make([]T, at+n)[at:]
}

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

const canary = 0x7fc0dead

// newMul makes a matrix and an input. codes is the number of bytes of the layout, lookup that of the lookup.
func newMul(t testing.TB, rng *rand.Rand, p place, x extreme, s mulShape, codes, lookup int) (*Matrix, *Input) {
	m := &Matrix{Panels: s.panels, Quads: s.quads, BlockQuads: s.blockQuads, GroupQuads: s.groupQuads}
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

// unsigned is the mode for an emulator that takes the signed bytes of AMX for unsigned ones, as Bochs 3.0 does: with
// PALETTIZE_TEST_UNSIGNED=1 no input of a multiplication is negative. Such a run does not test signs.
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

// checkMulTier holds one tier against scalar, all of dst: the rows that were asked for and the rest,
// which must be left alone.
func checkMulTier(t *testing.T, fn, scalar mulFunc, rng *rand.Rand, p place, s mulShape, m *Matrix, in *Input) {
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

func sameFloats(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
			t.Fatalf("%s: result %d is %v (%#x), want %v (%#x)", what, i, got[i], g, want[i], w)
		}
	}
}

// mulShapes are the cases for width d: every number of quads up to some, then block tails, groups of
// one quad to the whole block, batches and panel ranges.
func mulShapes(d int, groups bool) []mulShape {
	var shapes []mulShape
	largest := Block / 4 / d
	add := func(panels, quads, block, group, n int) {
		shapes = append(shapes, mulShape{panels: panels, quads: quads, blockQuads: block, groupQuads: group, n: n, d: d, p1: panels})
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

func testMul(t *testing.T, op string, table []tier[mulFunc], scalar mulFunc, d, lookup int, layout func(mulShape) int) {
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
				check(tail, x, mulShape{panels: 2, quads: 130 / d, blockQuads: 64 / d, groupQuads: 64 / d, n: n, d: d, p1: 2})
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

func fill(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// tableShape is one case of the table operation.
type tableShape struct{ segments, block, width, panels, p0, p1 int }

func TestTable(t *testing.T) {
	var shapes []tableShape
	for segments := range 10 {
		for block := 1; block <= 4; block++ {
			shapes = append(shapes, tableShape{segments, block, 8, 2, 0, 2})
		}
	}
	for panels := 1; panels <= 9; panels++ {
		shapes = append(shapes, tableShape{7, 3, 4, panels, 0, panels}, tableShape{33, 32, 8, panels, panels / 5 * TableTile, panels})
	}
	for _, width := range []int{4, 8, 12, 16, 20, 64, 128, 256} {
		block := 4 * Block / width
		shapes = append(shapes, tableShape{2*block + 1, block, width, 5, 0, 5}, tableShape{3, 1, width, 1, 0, 1}, tableShape{5, 2, width, 9, 4, 8})
	}
	forEachTier(t, "table", tableTiers, func(t *testing.T, fn tableKernel) {
		rng := rand.New(rand.NewPCG(3, 3))
		for i, s := range shapes {
			if testing.Short() && i%4 != 0 {
				continue
			}
			for x := range extremes {
				checkTable(t, fn, rng, place(i+int(x))%places, x, s)
			}
		}
	})
}

func checkTable(t *testing.T, fn tableKernel, rng *rand.Rand, p place, x extreme, s tableShape) {
	t.Helper()
	centroids := alloc[byte](t, p, rng, Centroids*s.width)
	for i := range centroids {
		centroids[i] = pickByte(rng, x, 0, 255, 255)
	}
	q := alloc[int8](t, p, rng, s.segments*s.width)
	for i := range q {
		q[i] = int8(pickByte(rng, x, 128, 128, 127))
		if x == random && s.segments%2 == 0 {
			q[i] /= 16 // tables that need no rounding
		}
	}
	blocks := ceilDiv(s.segments, s.block)
	scales := alloc[float32](t, p, rng, blocks)
	for i := range scales {
		scales[i] = float32(rng.NormFloat64())
	}
	init := alloc[int32](t, p, rng, s.segments)
	for i := range init {
		init[i] = int32(rng.IntN(128*s.width)) - int32(64*s.width)
	}
	codes := alloc[byte](t, p, rng, s.panels*s.segments*TablePanelRows)
	fill(rng, codes)
	scale := alloc[float32](t, p, rng, s.panels*TablePanelRows)
	for i := range scale {
		scale[i] = float32(rng.NormFloat64())
	}
	want, wantTables := make([]float32, s.panels*TablePanelRows), NewTables(s.segments, s.block)
	got := alloc[float32](t, p, rng, len(want))
	for i := range got {
		got[i], want[i] = math.Float32frombits(canary), math.Float32frombits(canary)
	}
	gotTables := &Tables{
		Segments: s.segments, BlockSegments: s.block,
		Data:   alloc[int16](t, p, rng, len(wantTables.Data)),
		Scales: alloc[float32](t, p, rng, blocks),
		Work:   alloc[int32](t, p, rng, len(wantTables.Work)),
	}
	if s.segments > 0 {
		tableBuildScalar(wantTables, centroids, s.width, q, scales, init)
		fn.build(gotTables, centroids, s.width, q, scales, init)
		sameFloats(t, fmt.Sprintf("%+v, %v, table scales", s, p), gotTables.Scales, wantTables.Scales)
	}
	tableSpreadScalar(want, wantTables, codes, scale, s.p0, s.p1)
	fn.spread(got, gotTables, codes, scale, s.p0, s.p1)
	sameFloats(t, fmt.Sprintf("%+v, %v, extreme %d", s, p, x), got, want)
}
