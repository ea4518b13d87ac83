package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// nearestCase is one call of nearest.
type nearestCase struct {
	n, stride, d, k         int
	points, centroids, half []float32
}

// newNearest makes a case of n points with stride - n values between the planes that no one may
// use: they are NaN. Every third centroid repeats an earlier one, so that there are ties.
func newNearest(rng *rand.Rand, n, stride, d, k int) nearestCase {
	c := nearestCase{n: n, stride: stride, d: d, k: k}
	c.points = make([]float32, (d-1)*stride+n)
	for i := range c.points {
		c.points[i] = float32(rng.NormFloat64())
		if i%stride >= n {
			c.points[i] = float32(math.NaN())
		}
	}
	c.centroids = make([]float32, k*d)
	for i := range c.centroids {
		c.centroids[i] = float32(rng.NormFloat64())
	}
	c.half = make([]float32, k)
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

func (c nearestCase) check(t *testing.T, fn nearestFunc) {
	t.Helper()
	want, wantScores := make([]byte, c.n), make([]float32, c.n)
	nearestScalar(want, wantScores, c.points, c.stride, c.d, c.centroids, c.half)
	got, gotScores := make([]byte, c.n), make([]float32, c.n)
	fn(got, gotScores, c.points, c.stride, c.d, c.centroids, c.half)
	for i := range got {
		if got[i] != want[i] || math.Float32bits(gotScores[i]) != math.Float32bits(wantScores[i]) {
			t.Fatalf("n=%d stride=%d d=%d k=%d: point %d: centroid %d with %x, want %d with %x",
				c.n, c.stride, c.d, c.k, i, got[i], gotScores[i], want[i], wantScores[i])
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tr := range nearestTiers {
		t.Run(tr.name, func(t *testing.T) {
			if lack := tr.need &^ host; lack != 0 {
				t.Skipf("host lacks %v", lack)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for _, d := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 64, 127, 128, 129, 387} {
				for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 255, 256} {
					for _, n := range []int{1, 2, 15, 16, 17, 63, 64, 65, 80, 129} {
						if d > 16 && k > 16 && n%16 != 1 {
							continue
						}
						newNearest(rng, n, n+rng.IntN(3), d, k).check(t, tr.fn)
					}
				}
			}
		})
	}
}
