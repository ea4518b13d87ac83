package kmeans

import (
	"context"
	"math"
	"slices"
	"testing"
)

func newTestLloyd(t *testing.T, points []float32, d int, weights, centroids []float32) (
	*input, *lloyd) {
	t.Helper()
	in, err := newInput(points, d, weights, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := in.inOrder(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in, in.newLloyd(c, centroids)
}

// Adding and taking away what moves must not wear the sums out.
func TestSumsFollowTheMoves(t *testing.T) {
	const n, d, k = 5000, 4, 50
	ctx := context.Background()
	points := draw(t, "heavy", n*d, 51)
	for name, weight := range map[string]func(i int) float32{
		"even weights":               func(int) float32 { return 1 },
		"weights of many magnitudes": func(i int) float32 { return float32(math.Ldexp(1, i%120-60)) },
	} {
		t.Run(name, func(t *testing.T) {
			weights := make([]float32, n)
			for i := range weights {
				weights[i] = weight(i)
			}
			_, l := newTestLloyd(t, points, d, weights, points[:k*d])
			if err := l.measure(ctx); err != nil {
				t.Fatal(err)
			}
			for pass := range 15 {
				if err := l.assign(ctx); err != nil {
					t.Fatal(err)
				}
				for q, want := range slices.Collect(slices.Chunk(exactSums(l), d+2)) {
					got := l.sums[q*l.stride:][:d+2]
					if got[d+1] != want[d+1] || (got[d] == 0) != (want[d] == 0) {
						t.Fatalf("pass %d, cluster %d: weight %g and %g points, want %g and %g",
							pass, q, got[d], got[d+1], want[d], want[d+1])
					}
					for j := range d + 1 {
						// A coordinate is at most 2 in work units, so the weight bounds the sums.
						if math.Abs(got[j]-want[j]) > 1e-11*want[d] {
							t.Fatalf("pass %d, cluster %d, coordinate %d: sum %g, want %g, weight %g",
								pass, q, j, got[j], want[j], want[d])
						}
					}
				}
				if _, err := l.update(ctx); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A weight so great that the others vanish beside it must take nothing along when it goes.
func TestSumsForgetAGreatWeightThatHasGone(t *testing.T) {
	const n, d = 1000, 4
	ctx := context.Background()
	points, weights := draw(t, "uniform", n*d, 61), draw(t, "uniform", n, 62)
	for j := range d {
		points[j] = 2
	}
	weights[0] = 0x1p80
	in, l := newTestLloyd(t, points, d, weights, []float32{1, 1, 1, 1, 9, 9, 9, 9})
	for range 2 { // the great one is alone after the second
		if err := l.assign(ctx); err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(l.set.at)
		in.fill(l.set, []float32{0.5, 0.5, 0.5, 0.5, 2, 2, 2, 2})
		l.bounds.follow(l.set, before)
	}
	want := exactSums(l)
	for j := range d + 2 {
		if math.Abs(l.sums[j]-want[j]) > 1e-12*want[j] {
			t.Errorf("sum %d of the cluster that it left: %g, want %g", j, l.sums[j], want[j])
		}
	}
}

// exactSums returns the sums of each cluster, the weight and the number of points, from all points.
func exactSums(l *lloyd) []float64 {
	d := l.cloud.d
	sums := make([]float64, l.set.k*(d+2))
	for _, ch := range l.cloud.chunks {
		for i := ch.lo; i < ch.hi; i++ {
			row := sums[int(l.assignments[i])*(d+2):][:d+2]
			w := float64(l.cloud.weights[i])
			for j := range d {
				row[j] += w * float64(l.cloud.planes[ch.lo*d+j*(ch.hi-ch.lo)+i-ch.lo])
			}
			row[d] += w
			row[d+1]++
		}
	}
	return sums
}
