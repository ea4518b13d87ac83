package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestTrellis(t *testing.T) {
	for _, c := range []struct{ memory, g0, g1 int }{{3, 1, 2}, {3, 2, 5}, {5, 8, 23}, {5, 31, 17},
		{3, 0, 0}} {
		tr := newTrellis(c.memory, c.g0, c.g1)
		if tr.States() != 1<<c.memory {
			t.Errorf("%v: %d states", c, tr.States())
		}
		for s := range tr.States() {
			if got := tr.Parity(s); got != parity(s&c.g0) {
				t.Errorf("%v: levels of state %d have parity %d", c, s, got)
			}
			for b := range 2 {
				subset := 2*(b^parity(s&c.g1)) + parity(s&c.g0)
				for level := subset; level < 256; level += 4 {
					if got, want := tr.Next(s, byte(level)), (s<<1|b)%tr.States(); got != want {
						t.Errorf("%v: level %d leads from state %d to %d, want %d", c, level-128, s,
							got, want)
					}
				}
			}
		}
	}
	for _, c := range [][3]int{{4, 1, 2}, {2, 1, 2}, {3, 8, 1}, {3, 1, 8}, {5, -1, 1}, {5, 1, 32}} {
		if !panics(func() { newTrellis(c[0], c[1], c[2]) }) {
			t.Errorf("newTrellis%v did not panic", c)
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return
}

// The gains are those that the masks were chosen for.
func TestTrellisGain(t *testing.T) {
	for _, c := range []struct {
		t    *Trellis
		gain float64
	}{{Trellis4, 0.98}, {Trellis8, 1.07}, {Trellis32, 1.21}} {
		const n = 200_000
		rng := rand.New(rand.NewPCG(21, 22))
		q := newSequence(n, anyState)
		for i := range q.X {
			q.X[i] = float32(10 * rng.NormFloat64())
		}
		var work TrellisWork
		best.SearchTrellis(c.t, make([][256]float32, 1), []Sequence{q}, &work)
		var sum float64
		for i, x := range q.X {
			e := float64(x) - float64(q.Levels[i]) + 128
			sum += e * e
		}
		// A uniform quantiser has steps of 2, as a state allows every other level.
		if gain := 10 * math.Log10(4./12/(sum/n)); !(gain > c.gain) {
			t.Errorf("%d states gain %.3f dB, want %v", c.t.States(), gain, c.gain)
		}
	}
}

func newSequence(n, start int) Sequence {
	return Sequence{X: make([]float32, n), Class: make([]byte, n), Levels: make([]byte, n),
		Start: start}
}

// trellisCase is one call of the search.
type trellisCase struct {
	name string
	t    *Trellis
	cost [][256]float32
	seqs []Sequence
}

// copySequences returns sequences to search with nothing found yet.
func copySequences(t testing.TB, p place, rng *rand.Rand, seqs []Sequence) []Sequence {
	var out []Sequence
	for _, q := range seqs {
		n := len(q.X)
		c := Sequence{Start: q.Start, End: -1}
		c.X, c.Class, c.Levels = alloc[float32](t, p, rng, n), alloc[byte](t, p, rng, n),
			alloc[byte](t, p, rng, n)
		copy(c.X, q.X)
		copy(c.Class, q.Class)
		out = append(out, c)
	}
	return out
}

// check holds a tier against scalar.
func (c trellisCase) check(t *testing.T, fn trellisFunc, rng *rand.Rand, p place) {
	t.Helper()
	var work TrellisWork
	want, got := copySequences(t, p, rng, c.seqs), copySequences(t, p, rng, c.seqs)
	cost := alloc[[256]float32](t, p, rng, len(c.cost))
	copy(cost, c.cost)
	(&Set{trellis: trellisScalar}).SearchTrellis(c.t, cost, want, &work)
	(&Set{trellis: fn}).SearchTrellis(c.t, cost, got, new(TrellisWork))
	for i := range want {
		what := fmt.Sprintf("%s: %d states, sequence %d of %d, length %d from state %d, %v",
			c.name, c.t.States(), i, len(want), len(want[i].X), want[i].Start, p)
		if at := firstDifference(got[i].Levels, want[i].Levels); at >= 0 {
			t.Fatalf("%s: level %d is %d, want %d", what, at, int(got[i].Levels[at])-128,
				int(want[i].Levels[at])-128)
		}
		if got[i].End != want[i].End {
			t.Fatalf("%s: ends in state %d, want %d", what, got[i].End, want[i].End)
		}
	}
}

func gaussian(deviation float64) func(*rand.Rand) float32 {
	return func(rng *rand.Rand) float32 { return float32(deviation * rng.NormFloat64()) }
}

func oneOf(values ...float32) func(*rand.Rand) float32 {
	return func(rng *rand.Rand) float32 { return values[rng.IntN(len(values))] }
}

// nextTo returns the values, their negatives and the neighbours of all.
func nextTo(values ...float32) func(*rand.Rand) float32 {
	var all []float32
	for _, x := range values {
		all = append(all, x, -x, math.Nextafter32(x, -1e9), math.Nextafter32(x, 1e9),
			math.Nextafter32(-x, 1e9))
	}
	return oneOf(all...)
}

// trellisKinds are kinds of input.
var trellisKinds = []struct {
	name        string
	value, cost func(rng *rand.Rand) float32
}{
	{"normal", gaussian(8), (*rand.Rand).Float32},
	{"no costs", gaussian(40), oneOf(0)},
	{"forbidden levels", gaussian(8), oneOf(0.5, 1e30)},
	{"all forbidden", gaussian(8), oneOf(1e30)},
	{"ties", func(rng *rand.Rand) float32 { return float32(rng.IntN(41)-20) / 2 },
		oneOf(0, 0.25, 0.5)},
	{"edges", nextTo(0, 123, 124, 125, 127, 128, 1024), (*rand.Rand).Float32},
	{"huge", oneOf(1e30, -1e30, math.MaxFloat32, 5, 2000), (*rand.Rand).Float32},
	{"any bits", func(rng *rand.Rand) float32 { return math.Float32frombits(rng.Uint32()) },
		oneOf(0, 1, 9.5)},
}

var testTrellises = []*Trellis{Trellis8, Trellis32, Trellis4, newTrellis(3, 7, 3),
	newTrellis(5, 31, 17)}

// newTrellisCase makes sequences of these lengths.
func newTrellisCase(rng *rand.Rand, t *Trellis, kind, classes int, lengths ...int) trellisCase {
	k := trellisKinds[kind]
	c := trellisCase{name: k.name, t: t, cost: make([][256]float32, classes)}
	for i := range c.cost {
		for j := range c.cost[i] {
			c.cost[i][j] = k.cost(rng)
		}
	}
	for _, n := range lengths {
		q := newSequence(n, rng.IntN(t.States()+1)-1)
		for i := range n {
			q.X[i], q.Class[i] = k.value(rng), byte(rng.IntN(classes))
		}
		c.seqs = append(c.seqs, q)
	}
	return c
}

func TestSearchTrellis(t *testing.T) {
	forEachTier(t, "trellis", trellisTiers, func(t *testing.T, fn trellisFunc) {
		rng := rand.New(rand.NewPCG(31, 32))
		for kind := range trellisKinds {
			for i, tr := range testTrellises {
				for n := range 71 {
					newTrellisCase(rng, tr, kind, 1+n%5, n).check(t, fn, rng, place(n)%places)
				}
				if testing.Short() && (i+kind)%4 != 0 {
					continue
				}
				newTrellisCase(rng, tr, kind, 256, 1024, 1024, 0, 129, 500, 70, 63).check(t, fn,
					rng, tail)
				newTrellisCase(rng, tr, kind, 13, 200, 200, 64, 64, 128, 128).check(t, fn, rng,
					head)
			}
		}
	})
}

// leastCost tries every path from a state that keeps near the values, and returns the cost of the
// best, in float64.
func leastCost(c *trellisCase, q *Sequence, s, i int) float64 {
	if i == len(q.X) {
		return 0
	}
	least := math.Inf(1)
	near := 128 + int(q.X[i])
	for level := max(near-4, 0); level <= min(near+4, 255); level++ {
		if level&1 == c.t.Parity(s) {
			e := float64(q.X[i]) - float64(level-128)
			least = min(least, e*e+float64(c.cost[q.Class[i]][level])+leastCost(c, q,
				c.t.Next(s, byte(level)), i+1))
		}
	}
	return least
}

// The path found obeys the trellis, ends where it says and costs no more than any other.
func TestSearchTrellisFindsTheBestPath(t *testing.T) {
	forEachTier(t, "trellis", trellisTiers, func(t *testing.T, fn trellisFunc) {
		rng := rand.New(rand.NewPCG(41, 42))
		for round := range 60 {
			c := newTrellisCase(rng, testTrellises[round%len(testTrellises)], 0, 3, 6)
			q := &c.seqs[0]
			q.Start = max(q.Start, 0)
			want := leastCost(&c, q, q.Start, 0)
			(&Set{trellis: fn}).SearchTrellis(c.t, c.cost, c.seqs, new(TrellisWork))
			var got float64
			s := q.Start
			for i, level := range q.Levels {
				if int(level)&1 != c.t.Parity(s) {
					t.Fatalf("round %d: level %d is %d in state %d", round, i, int(level)-128, s)
				}
				e := float64(q.X[i]) - float64(int(level)-128)
				got += e*e + float64(c.cost[q.Class[i]][level])
				s = c.t.Next(s, level)
			}
			if s != q.End {
				t.Fatalf("round %d: the levels lead to state %d, End is %d", round, s, q.End)
			}
			if math.Abs(got-want) > 1e-4 {
				t.Fatalf("round %d: the path costs %v, the best %v", round, got, want)
			}
		}
	})
}

// FuzzSearchTrellis takes values of any kind.
func FuzzSearchTrellis(f *testing.F) {
	f.Add(byte(0), byte(1), uint64(1),
		[]byte("\x00\x00\x80\x3f\x00\x00\xc0\x7f\x00\x00\x80\xff\x00\x00\x00\x3f"))
	f.Add(byte(1), byte(3), uint64(2), make([]byte, 4*300))
	f.Fuzz(func(t *testing.T, trellis, kind byte, seed uint64, data []byte) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tr := testTrellises[int(trellis)%len(testTrellises)]
		x := floats(data)
		n := rng.IntN(len(x) + 1)
		c := newTrellisCase(rng, tr, int(kind)%len(trellisKinds), 1+rng.IntN(8), n, len(x)-n)
		copy(c.seqs[0].X, x)
		copy(c.seqs[1].X, x[n:])
		for _, row := range trellisTiers {
			if row.need&^host == 0 {
				c.check(t, row.fn, rng, offset)
			}
		}
	})
}

func TestSearchTrellisPanics(t *testing.T) {
	cost := make([][256]float32, 3)
	for name, change := range map[string]func(*Sequence){
		"short classes":           func(q *Sequence) { q.Class = q.Class[1:] },
		"short levels":            func(q *Sequence) { q.Levels = q.Levels[1:] },
		"a class without a table": func(q *Sequence) { q.Class[4] = 3 },
		"a start below -1":        func(q *Sequence) { q.Start = -2 },
		"a start behind the last": func(q *Sequence) { q.Start = 8 },
	} {
		q := newSequence(5, anyState)
		change(&q)
		if !panics(func() { best.SearchTrellis(Trellis8, cost, []Sequence{q}, new(TrellisWork)) }) {
			t.Errorf("%s passed", name)
		}
	}
}

func TestSearchTrellisAllocations(t *testing.T) {
	c := newTrellisCase(rand.New(rand.NewPCG(51, 52)), Trellis32, 0, 3, 200, 300, 100)
	var work TrellisWork
	for _, tr := range trellisTiers {
		if tr.need&^host != 0 {
			continue
		}
		s := &Set{trellis: tr.fn}
		s.SearchTrellis(c.t, c.cost, c.seqs, &work)
		if n := testing.AllocsPerRun(10,
			func() { s.SearchTrellis(c.t, c.cost, c.seqs, &work) }); n != 0 {
			t.Errorf("%s allocates %v times", tr.name, n)
		}
	}
}

func BenchmarkSearchTrellis(b *testing.B) {
	for _, t := range []*Trellis{Trellis8, Trellis32} {
		const n, rows = 1024, 16
		lengths := make([]int, rows)
		for i := range lengths {
			lengths[i] = n
		}
		c := newTrellisCase(rand.New(rand.NewPCG(61, 62)), t, 0, 13, lengths...)
		var work TrellisWork
		benchEachTier(b, trellisTiers, fmt.Sprintf("states=%d/cols=%d", t.States(), n),
			func(b *testing.B, fn trellisFunc) {
				s := &Set{trellis: fn}
				for b.Loop() {
					s.SearchTrellis(c.t, c.cost, c.seqs, &work)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(n*rows), "ns/value")
			})
	}
}
