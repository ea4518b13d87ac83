package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// windowCase is one call of the search.
type windowCase struct {
	bits  int
	start uint16
	x, w  []float32
	table [WindowCentroids]float32
}

// windowKinds are kinds of input.
var windowKinds = []struct {
	name                string
	value, weight, cell func(rng *rand.Rand) float32
}{
	{"normal", normal, func(rng *rand.Rand) float32 { return rng.Float32() }, normal},
	{"unweighted", normal, nil, normal},
	// Few values, so that many costs are equal.
	{"ties", func(rng *rand.Rand) float32 { return float32(rng.IntN(5)) },
		func(rng *rand.Rand) float32 { return float32(rng.IntN(3)) },
		func(rng *rand.Rand) float32 { return float32(rng.IntN(3)) }},
	{"all the same", func(*rand.Rand) float32 { return 0 }, nil,
		func(*rand.Rand) float32 { return 0 }},
	{"huge", func(rng *rand.Rand) float32 { return 1e15 * normal(rng) },
		func(rng *rand.Rand) float32 { return 1e3 * rng.Float32() }, normal},
	{"denormal", func(rng *rand.Rand) float32 { return 1e-20 * normal(rng) }, nil,
		func(rng *rand.Rand) float32 { return 1e-20 * normal(rng) }},
	{"spikes", func(rng *rand.Rand) float32 { return []float32{0, 1, 1e10, -1e10}[rng.IntN(4)] },
		func(rng *rand.Rand) float32 { return []float32{0, 1e-10, 1, 1e10}[rng.IntN(4)] }, normal},
	{"as trained", func(rng *rand.Rand) float32 { return normal(rng) },
		func(rng *rand.Rand) float32 { return float32(math.Exp2(-10 * rng.Float64())) },
		func(rng *rand.Rand) float32 { return 0.7 * normal(rng) }},
}

func normal(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) }

func newWindowCase(t testing.TB, rng *rand.Rand, p place, kind, bits, n int) windowCase {
	k := windowKinds[kind]
	c := windowCase{bits: bits, start: uint16(rng.UintN(1 << windowLength)),
		x: alloc[float32](t, p, rng, n)}
	if rng.IntN(2) == 0 {
		c.start = RowStart
	}
	for i := range c.x {
		c.x[i] = k.value(rng)
	}
	if k.weight != nil {
		c.w = alloc[float32](t, p, rng, n)
		for i := range c.w {
			c.w[i] = k.weight(rng)
		}
	}
	for i := range c.table {
		c.table[i] = k.cell(rng)
	}
	return c
}

func (c *windowCase) search(fn windowFunc, assignments []byte, work *WindowWork) {
	(&Set{window: fn}).SearchWindows(assignments, work, c.x, c.w, &c.table, c.bits, c.start)
}

// check holds a tier against scalar. Behind the assignments there is room in which nothing may be
// written, except where they end at a guard page.
func (c *windowCase) check(t *testing.T, fn windowFunc, rng *rand.Rand, p place, work *WindowWork,
	what string) {
	t.Helper()
	n := len(c.x)
	got, want := alloc[byte](t, p, rng, n), make([]byte, n)
	behind := n
	if c.start == RowStart {
		behind -= min(n, firstCodes(c.bits))
	}
	work.back = alloc[byte](t, p, rng, behind*windowStates(c.bits))
	c.search(fn, got, work)
	c.search(windowScalar, want, new(WindowWork))
	what = fmt.Sprintf("%s: %d values, %d bits, %v", what, n, c.bits, p)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s: assignment %d is %d, want %d", what, i, got[i], want[i])
	}
}

func TestSearchWindows(t *testing.T) {
	forEachTier(t, "window", windowTiers, func(t *testing.T, fn windowFunc) {
		rng := rand.New(rand.NewPCG(31, 32))
		var work WindowWork
		for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
			for kind, k := range windowKinds {
				for i, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 17, 255, 256, 257, 384, 600} {
					if testing.Short() && n > 17 && (i+kind+bits)%4 != 0 {
						continue
					}
					p := place(i+kind) % places
					c := newWindowCase(t, rng, p, kind, bits, n)
					c.check(t, fn, rng, p, &work, k.name)
				}
			}
		}
	})
}

// All rows of a few weights are tried.
func TestSearchWindowsFindsTheLeastSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	for _, s := range []struct{ bits, n int }{{2, 1}, {2, 6}, {3, 4}, {4, 3}, {5, 2}} {
		for range 20 {
			c := newWindowCase(t, rng, offset, 0, s.bits, s.n)
			for i := range c.table { // no two values so far apart that errors count as equal
				c.table[i] /= 8
			}
			for i := range c.x {
				c.x[i] /= 8
			}
			assignments := make([]byte, s.n)
			c.search(windowScalar, assignments, new(WindowWork))
			least := math.Inf(1)
			for row := range 1 << (s.bits * s.n) {
				path := windowPath(c.start, s.bits, s.n, func(i int) int { return row >> (s.bits * i) })
				least = min(least, c.sum(path))
			}
			if sum := c.sum(assignments); sum > least+float64(s.n)/windowUnit {
				t.Errorf("%d weights of %d bits: found %v, want %v", s.n, s.bits, sum, least)
			}
		}
	}
}

// sum is what the search makes least.
func (c *windowCase) sum(assignments []byte) float64 {
	var sum float64
	for i, a := range assignments {
		e, w := float64(c.x[i])-float64(c.table[16+a>>4])-float64(c.table[a&15]), 1.0
		if c.w != nil {
			w = float64(c.w[i])
		}
		sum += w * e * e
	}
	return sum
}

// Assignments are those of windows over one stream, whatever the values are.
func TestSearchWindowsFollow(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for kind, k := range windowKinds {
			c := newWindowCase(t, rng, offset, kind, bits, 1000)
			assignments := make([]byte, len(c.x))
			c.search(best.window, assignments, new(WindowWork))
			window := c.start
			if window == RowStart {
				window = FirstWindow(assignments, bits)
			}
			for i, a := range assignments {
				next := NextWindow(window, a, bits)
				if WindowAssignment(next) != a {
					t.Fatalf("%s: %d bits: assignment %d is %#02x, behind window %#03x", k.name,
						bits, i, a, window)
				}
				window = next
			}
		}
	}
}

// Windows have to beat the best quantiser of single weights (the figures: Max 1960) and not the
// rate-distortion bound.
func TestSearchWindowsGain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; every tier finds the same")
	}
	for _, c := range []struct {
		bits  int
		alone float64 // the error of the best 2^bits values
	}{{2, 0.1175}, {3, 0.03454}, {4, 0.009497}} {
		rng := rand.New(rand.NewPCG(37, 38))
		g := windowCase{bits: c.bits, x: normals(t, rng, offset, 20_000)}
		for i := range g.table {
			g.table[i] = 0.7 * normal(rng)
		}
		assignments, work := make([]byte, len(g.x)), new(WindowWork)
		var got float64
		for range 10 {
			g.search(best.window, assignments, work)
			got = g.sum(assignments) / float64(len(g.x))
			g.centre(assignments)
		}
		if bound := math.Exp2(-2 * float64(c.bits)); !(got < 0.9*c.alone && got > bound) {
			t.Errorf("%d bits: error %.5f, want it between %.5f and %.5f", c.bits, got, bound,
				0.9*c.alone)
		}
	}
}

// centre moves each centroid to the mean of what the others leave to it.
func (c *windowCase) centre(assignments []byte) {
	for range 10 {
		for half := range 2 {
			var sums, counts [windowHalf]float64
			for i, a := range assignments {
				at := [2]byte{a & 15, a >> 4}
				sums[at[half]] += float64(c.x[i]) - float64(c.table[16*(1-half)+int(at[1-half])])
				counts[at[half]]++
			}
			for k, n := range counts {
				if n > 0 {
					c.table[16*half+k] = float32(sums[k] / n)
				}
			}
		}
	}
}

func TestSearchWindowsAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(39, 40))
	c := newWindowCase(t, rng, offset, 0, 2, 700)
	assignments, work := make([]byte, len(c.x)), new(WindowWork)
	c.search(best.window, assignments, work)
	if n := testing.AllocsPerRun(10,
		func() { best.SearchWindows(assignments, work, c.x, c.w, &c.table, c.bits, c.start) }); n != 0 {
		t.Errorf("SearchWindows allocates %v times", n)
	}
}

func TestSearchWindowsPanics(t *testing.T) {
	for name, c := range map[string]struct{ bits, assignments, w int }{
		"a bit":                    {1, 4, 4},
		"six bits":                 {6, 4, 4},
		"too few assignments":      {3, 3, 4},
		"too few weights":          {3, 4, 3},
		"no assignments at all":    {3, 0, 4},
		"more weights than values": {3, 4, 5},
	} {
		if !panics(func() {
			best.SearchWindows(make([]byte, c.assignments), new(WindowWork), make([]float32, 4),
				make([]float32, c.w), new([WindowCentroids]float32), c.bits, 0)
		}) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func FuzzSearchWindows(f *testing.F) {
	f.Add(byte(0), uint16(0), true, make([]byte, 40))
	f.Add(byte(1), uint16(RowStart), false, []byte("some values, and some more of them"))
	f.Add(byte(3), uint16(1), true, []byte{255, 255, 0, 1, 128, 127})
	f.Fuzz(func(t *testing.T, bits byte, start uint16, weighted bool, data []byte) {
		rng := rand.New(rand.NewPCG(uint64(len(data)), 2))
		c := windowCase{bits: MinWindowBits + int(bits)%4, start: start % (RowStart + 1)}
		for i, v := range data {
			c.x = append(c.x, float32(int8(v))/16)
			c.table[i%WindowCentroids] = float32(int8(v^data[0])) / 32
			if weighted {
				c.w = append(c.w, float32(v%16))
			}
		}
		for _, tr := range windowTiers {
			if tr.need != 0 && tr.need&^host == 0 {
				c.check(t, tr.fn, rng, offset, new(WindowWork), tr.name)
			}
		}
	})
}

func BenchmarkSearchWindows(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for kind := range 2 {
			c := newWindowCase(b, rng, offset, kind, bits, 1024)
			assignments, work := make([]byte, len(c.x)), new(WindowWork)
			benchEachTier(b, windowTiers, fmt.Sprintf("bits=%d/weighted=%v", bits, c.w != nil),
				func(b *testing.B, fn windowFunc) {
					s := &Set{window: fn}
					for b.Loop() {
						s.SearchWindows(assignments, work, c.x, c.w, &c.table, c.bits, c.start)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(c.x)),
						"ns/weight")
				})
		}
	}
}
