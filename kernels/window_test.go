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
	start byte
	x, w  []float32
	table [Centroids]float32
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
}

func normal(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) }

func newWindowCase(t testing.TB, rng *rand.Rand, p place, kind, bits, n int) windowCase {
	k := windowKinds[kind]
	c := windowCase{bits: bits, start: byte(rng.Uint32()), x: alloc[float32](t, p, rng, n)}
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

func (c *windowCase) search(fn windowFunc, assignments []byte, work *WindowWork) float64 {
	return (&Set{window: fn}).SearchWindows(assignments, work, c.x, c.w, &c.table, c.bits, c.start)
}

// check holds a tier against scalar. Behind the assignments there is room in which nothing may be
// written, except where they end at a guard page.
func (c *windowCase) check(t *testing.T, fn windowFunc, rng *rand.Rand, p place, work *WindowWork,
	what string) {
	t.Helper()
	n := len(c.x)
	got, want := alloc[byte](t, p, rng, n), make([]byte, n)
	work.back = alloc[byte](t, p, rng, n*Centroids>>c.bits)
	sum, wantSum := c.search(fn, got, work), c.search(windowScalar, want, new(WindowWork))
	what = fmt.Sprintf("%s: %d values, %d bits, %v", what, n, c.bits, p)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s: assignment %d is %d, want %d", what, i, got[i], want[i])
	}
	if sum != wantSum {
		t.Fatalf("%s: the sum is %v, want %v", what, sum, wantSum)
	}
}

func TestSearchWindows(t *testing.T) {
	forEachTier(t, "window", windowTiers, func(t *testing.T, fn windowFunc) {
		rng := rand.New(rand.NewPCG(31, 32))
		var work WindowWork
		for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
			for kind, k := range windowKinds {
				for i, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 17, 255, 256, 257, 384, 600} {
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
		for kind, k := range windowKinds {
			c := newWindowCase(t, rng, offset, kind, s.bits, s.n)
			assignments := make([]byte, s.n)
			got := c.search(windowScalar, assignments, new(WindowWork))
			least := math.Inf(1)
			for row := range 1 << (s.bits * s.n) {
				least = min(least, c.sum(func(i int) byte { return byte(row >> (s.bits * (s.n - 1 - i))) }))
			}
			if sum := c.sum(func(i int) byte { return assignments[i] }); !near(sum, least) ||
				!near(got, least) {
				t.Errorf("%s: %d weights of %d bits: found %v, returned %v, want %v", k.name, s.n,
					s.bits, sum, got, least)
			}
		}
	}
}

// sum is what the search makes least, for windows with these lower bits.
func (c *windowCase) sum(bits func(i int) byte) float64 {
	var sum float64
	window := c.start
	for i, x := range c.x {
		window = window<<c.bits | bits(i)&(1<<c.bits-1)
		e, w := float64(x)-float64(c.table[window]), 1.0
		if c.w != nil {
			w = float64(c.w[i])
		}
		sum += w * e * e
	}
	return sum
}

// near allows for float32, and for its smallest numbers.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(a, b)+1e-44 }

// Assignments are windows over one stream: each is the one before it with new bits below.
func TestSearchWindowsOverlap(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		c := newWindowCase(t, rng, offset, 0, bits, 1000)
		assignments := make([]byte, len(c.x))
		got := c.search(best.window, assignments, new(WindowWork))
		before := c.start
		for _, a := range assignments {
			if a>>bits != before<<bits>>bits {
				t.Fatalf("%d bits: window %08b follows %08b", bits, a, before)
			}
			before = a
		}
		if want := c.sum(func(i int) byte { return assignments[i] }); math.Abs(got-want) > 1e-5*want {
			t.Errorf("%d bits: returned %v, want %v", bits, got, want)
		}
	}
}

// Windows have to beat the best quantiser of single weights (the figures: Max 1960) and not the
// rate-distortion bound.
func TestSearchWindowsGain(t *testing.T) {
	for _, c := range []struct {
		bits  int
		alone float64 // the error of the best 2^bits values
	}{{2, 0.1175}, {3, 0.03454}, {4, 0.009497}} {
		rng := rand.New(rand.NewPCG(37, 38))
		g := windowCase{bits: c.bits, x: normals(t, rng, offset, 20_000)}
		for i := range g.table {
			g.table[i] = normal(rng)
		}
		assignments, work := make([]byte, len(g.x)), new(WindowWork)
		var got float64
		for range 10 {
			got = g.search(best.window, assignments, work) / float64(len(g.x))
			g.centre(assignments)
		}
		if bound := math.Exp2(-2 * float64(c.bits)); !(got < 0.8*c.alone && got > bound) {
			t.Errorf("%d bits: error %.5f, want it between %.5f and %.5f", c.bits, got, bound,
				0.8*c.alone)
		}
	}
}

// centre moves each value of the table to the mean of what is assigned to it.
func (c *windowCase) centre(assignments []byte) {
	var sums, counts [Centroids]float64
	for i, a := range assignments {
		sums[a] += float64(c.x[i])
		counts[a]++
	}
	for s, n := range counts {
		if n > 0 {
			c.table[s] = float32(sums[s] / n)
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
				make([]float32, c.w), new([Centroids]float32), c.bits, 0)
		}) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func FuzzSearchWindows(f *testing.F) {
	f.Add(byte(0), byte(0), true, make([]byte, 40))
	f.Add(byte(1), byte(255), false, []byte("some values, and some more of them"))
	f.Add(byte(3), byte(1), true, []byte{255, 255, 0, 1, 128, 127})
	f.Fuzz(func(t *testing.T, bits, start byte, weighted bool, data []byte) {
		rng := rand.New(rand.NewPCG(uint64(len(data)), 2))
		c := windowCase{bits: MinWindowBits + int(bits)%4, start: start}
		for i, v := range data {
			c.x = append(c.x, float32(int8(v))/16)
			c.table[i%Centroids] = float32(int8(v^data[0])) / 32
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
