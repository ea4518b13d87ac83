package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// newMulWindow is newMul for windows of these bits.
func newMulWindow(t testing.TB, rng *rand.Rand, p place, x extreme, s mulShape,
	bits int) (*Matrix, *Input) {
	m, in := newMul(t, rng, p, x, s, WindowBytes(s.panels, s.quads, bits), WindowCentroids)
	m.Bits = bits
	for i, c := range m.Lookup { // sums are at most 255
		if m.Lookup[i] = c / 2; i < windowHalf {
			m.Lookup[i] += c % 2
		}
	}
	return m, in
}

func windowShapes() []mulShape {
	var shapes []mulShape
	add := func(panels, quads, block, n int) {
		shapes = append(shapes, mulShape{panels: panels, quads: quads, blockQuads: block,
			groupQuads: block, n: n, d: 1, p1: panels})
	}
	for quads := 0; quads <= 144; quads += 8 {
		for block := 8; block <= 64; block += 8 {
			add(1, quads, block, 1)
			add(2, quads, block, 8)
		}
	}
	for n := range 18 {
		add(3, 80, 64, n)
		add(2, 40, 24, n)
	}
	for panels := 1; panels <= 5; panels++ {
		for _, n := range []int{1, 3, 8, 17, 36, 64} {
			add(panels, 80, 48, n)
		}
	}
	for p0 := range 5 {
		for p1 := p0; p1 <= 5; p1++ {
			for _, n := range []int{1, 9} {
				add(5, 48, 16, n)
				shapes[len(shapes)-1].p0, shapes[len(shapes)-1].p1 = p0, p1
			}
		}
	}
	return shapes
}

func TestMulWindow(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		t.Run(fmt.Sprintf("bits=%d", bits), func(t *testing.T) {
			forEachTier(t, "mul-window", mulWindowTiers, func(t *testing.T, fn mulFunc) {
				rng := rand.New(rand.NewPCG(41, uint64(bits)))
				for i, s := range windowShapes() {
					if testing.Short() && i%4 != 0 {
						continue
					}
					p, x := place(i)%places, extreme(i/int(places))%extremes
					m, in := newMulWindow(t, rng, p, x, s, bits)
					checkMulTier(t, fn, mulWindowScalar, rng, p, s, m, in)
				}
			})
		})
	}
}

// What is packed comes out as it was, in any blocks, and as the scalar tier multiplies it.
func TestPackWindows(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for block := WindowQuads; block <= Block/4; block += WindowQuads {
			const panels, quads, rows, cols = 2, 32, 29, 117
			m := &Matrix{Panels: panels, Quads: quads, BlockQuads: block, Bits: bits,
				Codes: make([]byte, WindowBytes(panels, quads, bits))}
			fill(rng, m.Codes)
			want, got := make([]byte, rows*cols), make([]byte, 4*quads)
			for r := range rows {
				row := windowPath(RowStart, bits, cols, func(int) int { return int(rng.Uint32()) })
				copy(want[r*cols:], row)
				m.PackWindows(r, row)
			}
			for r := range rows {
				m.UnpackWindows(got[:cols], r)
				if i := firstDifference(got[:cols], want[r*cols:][:cols]); i >= 0 {
					t.Fatalf("%d bits, blocks of %d quads: weight [%d, %d] is %#02x, want %#02x",
						bits, block, r, i, got[i], want[r*cols+i])
				}
			}
		}
	}
}

// A window holds what its assignment says, and the one behind another can be told from that alone.
func TestNextWindow(t *testing.T) {
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for before := range uint16(1 << windowLength) {
			for code := range uint16(1 << bits) {
				window := before<<bits&0xfff | code
				a := WindowAssignment(window)
				n0, n1, n2 := window&15, window>>4&15, window>>8
				if want := byte(n0 | (n1^n2)<<4); a != want {
					t.Fatalf("window %#03x: assignment %#02x, want %#02x", window, a, want)
				}
				if got := NextWindow(before, a, bits); got != window {
					t.Fatalf("%d bits: %#02x behind %#03x is %#03x, want %#03x", bits, a, before,
						got, window)
				}
			}
		}
	}
}

// windowPath returns the assignments of n windows with these codes, the lower bits of what code
// returns.
func windowPath(start uint16, bits, n int, code func(i int) int) []byte {
	codes := make([]uint16, n)
	for i := range codes {
		codes[i] = uint16(code(i)) & (1<<bits - 1)
	}
	window := start & 0xfff
	if start == RowStart {
		for i := range 8 {
			window <<= 1
			if i/bits < n {
				window |= codes[i/bits] >> (bits - 1 - i%bits) & 1
			}
		}
	}
	assignments := make([]byte, n)
	for i, c := range codes {
		window = window<<bits&0xfff | c
		assignments[i] = WindowAssignment(window)
	}
	return assignments
}

// Whatever the codes are, the window before the first can be told from the assignments.
func TestFirstWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(47, 48))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for range 1000 {
			var codes [5]int
			for i := range codes {
				codes[i] = int(rng.Uint32())
			}
			n := rng.IntN(len(codes) + 1)
			code := func(i int) int { return codes[i] }
			a := windowPath(RowStart, bits, n, code)
			if b := windowPath(FirstWindow(a, bits), bits, n, code); !slices.Equal(a, b) {
				t.Fatalf("%d bits: % x begins with window %#02x, or % x", bits, a,
					FirstWindow(a, bits), b)
			}
		}
	}
}

func TestMulWindowAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 46))
	s := mulShape{panels: 3, quads: 48, blockQuads: 32, groupQuads: 32, n: 16 + 4 + 1, d: 1, p1: 3}
	dst := make([]float32, s.n*s.panels*PanelRows)
	for _, tr := range mulWindowTiers {
		if tr.need&^host != 0 {
			continue
		}
		for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
			m, in := newMulWindow(t, rng, offset, random, s, bits)
			set := &Set{mulWindow: tr.fn}
			if n := allocations(
				func() { set.MulWindow(dst, s.panels*PanelRows, m, in, 0, 3) }); n != 0 {
				t.Errorf("%s MulWindow allocates %v times", tr.name, n)
			}
		}
	}
}

func TestMulWindowPanics(t *testing.T) {
	mul := func(change func(*Matrix, *Input)) func() {
		s := mulShape{panels: 2, quads: 32, blockQuads: 16, groupQuads: 16, n: 9, d: 1, p1: 2}
		m, in := newMulWindow(t, rand.New(rand.NewPCG(7, 7)), offset, random, s, 3)
		change(m, in)
		return func() { best.MulWindow(make([]float32, 9*2*PanelRows), 2*PanelRows, m, in, 0, m.Panels) }
	}
	pack := func(codes, quads, bits, row, n int) func() {
		m := &Matrix{Quads: quads, BlockQuads: 8, Bits: bits, Codes: make([]byte, codes)}
		return func() { m.PackWindows(row, make([]byte, n)) }
	}
	for name, f := range map[string]func(){
		"one bit":                       mul(func(m *Matrix, _ *Input) { m.Bits = 1 }),
		"six bits":                      mul(func(m *Matrix, _ *Input) { m.Bits = 6 }),
		"part of a unit":                mul(func(m *Matrix, _ *Input) { m.Quads = 31 }),
		"blocks of part of a unit":      mul(func(m *Matrix, _ *Input) { m.BlockQuads, m.GroupQuads = 4, 4 }),
		"groups":                        mul(func(m *Matrix, _ *Input) { m.GroupQuads = 8 }),
		"no centroids":                  mul(func(m *Matrix, _ *Input) { m.Lookup = nil }),
		"centroids of bytes":            mul(func(m *Matrix, _ *Input) { m.Lookup = make([]byte, Centroids) }),
		"a weight of 256":               mul(func(m *Matrix, _ *Input) { m.Lookup[0], m.Lookup[16] = 255, 1 }),
		"short codes":                   mul(func(m *Matrix, _ *Input) { m.Codes = m.Codes[1:] }),
		"a short input":                 mul(func(_ *Matrix, in *Input) { in.Q = in.Q[1:] }),
		"packing into half a unit":      pack(1<<12, 4, 2, 0, 4),
		"packing of one bit":            pack(1<<12, 16, 1, 0, 4),
		"packing of too long a row":     pack(1<<12, 16, 2, 0, 65),
		"packing into short codes":      pack(16*16-1, 16, 2, 0, 4),
		"packing of a row not there":    pack(16*16, 16, 2, 16, 4),
		"packing before the first row":  pack(1<<12, 16, 2, -1, 4),
		"packing of less than no quads": pack(1<<12, -16, 2, 0, 0),
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func FuzzMulWindow(f *testing.F) {
	f.Add([]byte{2, 1, 0, 0, 1, 0, 2, 0, 0, 0})
	f.Add([]byte{3, 4, 3, 1, 9, 1, 3, 1, 2, 255, 0, 127, 128})
	f.Add([]byte{4, 9, 2, 3, 63, 0, 5, 2, 0, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		block := WindowQuads * (1 + byteAt(data, 2)%8)
		s := mulShape{panels: 1 + byteAt(data, 0)%5, quads: WindowQuads * (byteAt(data, 1) % 24),
			blockQuads: block, groupQuads: block, n: 1 + byteAt(data, 4)%70, d: 1}
		s.p0 = byteAt(data, 5) % s.panels
		s.p1 = s.p0 + 1 + byteAt(data, 6)%(s.panels-s.p0)
		p, x := place(byteAt(data, 7))%places, extreme(byteAt(data, 8))%extremes
		rng := fuzzRNG(data)
		m, in := newMulWindow(t, rng, p, x, s, MinWindowBits+byteAt(data, 3)%4)
		for _, tr := range mulWindowTiers {
			if tr.need != 0 && tr.need&^host == 0 {
				checkMulTier(t, tr.fn, mulWindowScalar, rng, p, s, m, in)
			}
		}
	})
}

func BenchmarkMulWindow(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
			const rows, cols = 3072, 1024
			s := mulShape{panels: rows / PanelRows, quads: cols / 4, blockQuads: Block / 4,
				groupQuads: Block / 4, n: batch, d: 1}
			m, in := newMulWindow(b, rand.New(rand.NewPCG(4, 4)), head, random, s, bits)
			dst := make([]float32, batch*rows)
			table := mulWindowTiers
			if batch > 1 {
				table = table[:len(table)-1]
			}
			benchEachTier(b, table, fmt.Sprintf("rows=%d/cols=%d/batch=%d/bits=%d", rows, cols,
				batch, bits), func(b *testing.B, fn mulFunc) {
				b.SetBytes(int64(len(m.Codes)))
				for b.Loop() {
					fn(dst, rows, m, in, 0, s.panels)
				}
				perMAC(b, rows*cols*batch)
			})
		}
	}
}
