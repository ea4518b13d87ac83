package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// nearestCase is one call of nearest.
type nearestCase struct {
	n, stride, d, k         int
	points, centroids, half []float32
}

// newNearest makes a case of n points with stride - n values between the planes that must not
// matter: they are NaN. Every third centroid repeats an earlier one, so that there are ties.
func newNearest(t testing.TB, rng *rand.Rand, p place, n, stride, d, k int) nearestCase {
	c := nearestCase{n: n, stride: stride, d: d, k: k}
	c.points = alloc[float32](t, p, rng, (d-1)*stride+n)
	for i := range c.points {
		c.points[i] = float32(rng.NormFloat64())
		if i%stride >= n {
			c.points[i] = float32(math.NaN())
		}
	}
	c.centroids = alloc[float32](t, p, rng, k*d)
	for i := range c.centroids {
		c.centroids[i] = float32(rng.NormFloat64())
	}
	c.half = alloc[float32](t, p, rng, k)
	for i := range k {
		if i%3 == 2 {
			from := rng.IntN(i)
			copy(c.centroids[i*d:][:d], c.centroids[from*d:][:d])
		}
		for _, v := range c.centroids[i*d:][:d] {
			c.half[i] += float32(v * v / 2)
		}
	}
	return c
}

// check holds one tier against scalar. Behind the results there is room in which nothing may be
// written, except where they end at a guard page.
func (c nearestCase) check(t *testing.T, fn nearestFunc, rng *rand.Rand, p place) {
	t.Helper()
	room := 0
	if p == offset {
		room = 64
	}
	got, gotScores, gotSeconds := alloc[byte](t, p, rng, c.n+room),
		alloc[float32](t, p, rng, c.n+room), alloc[float32](t, p, rng, c.n+room)
	for i := range got {
		got[i], gotScores[i], gotSeconds[i] = 0xdd, math.Float32frombits(canary),
			math.Float32frombits(canary)
	}
	want, wantScores, wantSeconds := slices.Clone(got), slices.Clone(gotScores),
		slices.Clone(gotSeconds)
	nearestScalar(want[:c.n], wantScores, wantSeconds, c.points, c.stride, c.d, c.centroids, c.half)
	fn(got[:c.n], gotScores, gotSeconds, c.points, c.stride, c.d, c.centroids, c.half)
	what := fmt.Sprintf("%d points at a stride of %d, width %d, %d centroids, %v", c.n, c.stride,
		c.d, c.k, p)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s: point %d got centroid %d, want %d", what, i, got[i], want[i])
	}
	sameFloats(t, what, gotScores, wantScores)
	sameFloats(t, what+", second best", gotSeconds, wantSeconds)
	for i := range got {
		got[i], gotScores[i] = 0xdd, math.Float32frombits(canary)
	}
	fn(got[:c.n], gotScores, nil, c.points, c.stride, c.d, c.centroids, c.half)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s, without the second best: point %d got centroid %d, want %d", what, i, got[i],
			want[i])
	}
	sameFloats(t, what+", without the second best", gotScores, wantScores)
}

func TestNearest(t *testing.T) {
	forEachTier(t, "nearest", nearestTiers, func(t *testing.T, fn nearestFunc) {
		rng := rand.New(rand.NewPCG(1, 2))
		cases := 0
		check := func(n, d, k int) {
			p := place(cases) % places
			newNearest(t, rng, p, n, n+rng.IntN(3), d, k).check(t, fn, rng, p)
			cases++
		}
		for d := 1; d <= 9; d++ {
			for k := 1; k <= 9; k++ {
				for _, n := range []int{1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 128, 129} {
					check(n, d, k)
				}
			}
			for _, k := range []int{16, 31, 64, 254, 255, 256} {
				check(1+rng.IntN(70), d, k)
				check(130, d, k)
			}
		}
		// Widths about the limits of what is read in place and of one round.
		for _, d := range []int{15, 16, 17, 33, 64, 127, 128, 129, 256, 257, 387} {
			for _, k := range []int{1, 3, 4, 5, 16, 255, 256} {
				if testing.Short() && d*k > 1<<13 {
					continue
				}
				for _, n := range []int{1, 16, 65} {
					check(n, d, k)
				}
			}
		}
		for n := range 131 {
			check(n+1, 2, 5)
		}
	})
}

func TestNearestTakesTheFirstOfEquals(t *testing.T) {
	forEachTier(t, "nearest", nearestTiers, func(t *testing.T, fn nearestFunc) {
		const n, d = 70, 3
		rng := rand.New(rand.NewPCG(9, 10))
		c := newNearest(t, rng, offset, n, n, d, Centroids)
		for first := range Centroids {
			// From first on all centroids are the same and far better than those before.
			for k := range Centroids {
				c.half[k] = 1e6
				if k >= first {
					c.half[k] = -1e6
					copy(c.centroids[k*d:], c.centroids[first*d:][:d])
				}
			}
			assignments := make([]byte, n)
			fn(assignments, make([]float32, n), nil, c.points, n, d, c.centroids, c.half)
			for i, a := range assignments {
				if int(a) != first {
					t.Fatalf("point %d got centroid %d of the equals from %d on", i, a, first)
				}
			}
			c = newNearest(t, rng, offset, n, n, d, Centroids)
		}
	})
}

// FuzzNearest takes values of any kind, beyond what the contract asks: a sum that is no number wins
// on no tier.
func FuzzNearest(f *testing.F) {
	f.Add(byte(0), byte(1), byte(0),
		[]byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x80\xbf\x00\x00\x00\x3f"))
	f.Add(byte(2), byte(6), byte(1), make([]byte, 4*1000))
	f.Add(byte(200), byte(4), byte(0), make([]byte, 4*3000))
	f.Fuzz(func(t *testing.T, width, centroids, gap byte, data []byte) {
		x := floats(data)
		c := nearestCase{d: int(width) + 1, k: int(centroids) + 1}
		if len(x) < c.k*(c.d+1) {
			return
		}
		c.half, x = x[:c.k], x[c.k:]
		c.centroids, x = x[:c.k*c.d], x[c.k*c.d:]
		c.points, c.stride = x, len(x)/c.d
		c.n = c.stride - int(gap)
		if c.n < 1 {
			return
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for _, tr := range nearestTiers {
			if tr.need&^host == 0 {
				c.check(t, tr.fn, rng, offset)
			}
		}
	})
}

func BenchmarkNearest(b *testing.B) {
	for _, s := range []struct{ n, d, k int }{
		{4096, 1, 256}, {4096, 2, 256}, {4096, 4, 256}, {4096, 8, 256}, {4096, 8, 16},
		{4096, 64, 256}, {1024, 1024, 256},
	} {
		c := newNearest(b, rand.New(rand.NewPCG(1, 2)), offset, s.n, s.n, s.d, s.k)
		assignments, scores := make([]byte, s.n), make([]float32, s.n)
		for _, tr := range nearestTiers {
			for _, seconds := range [][]float32{nil, make([]float32, s.n)} {
				b.Run(fmt.Sprintf("tier=%s/n=%d/d=%d/k=%d/seconds=%v", tr.name, s.n, s.d, s.k,
					seconds != nil), func(b *testing.B) {
					if lack := tr.need &^ host; lack != 0 {
						b.Skipf("host lacks %v", lack)
					}
					b.SetBytes(int64(4 * s.n * s.d))
					for b.Loop() {
						tr.fn(assignments, scores, seconds, c.points, c.stride, c.d, c.centroids,
							c.half)
					}
					terms := float64(s.n) * float64(s.d) * float64(s.k) * float64(b.N)
					b.ReportMetric(terms/b.Elapsed().Seconds()/1e9, "Gterm/s")
				})
			}
		}
	}
}
