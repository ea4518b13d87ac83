package kmeans

import (
	"context"
	"math"
	"testing"
)

func TestAssignFindsTheNearest(t *testing.T) {
	for _, d := range []int{1, 2, 3, 8, 20} {
		for _, k := range []int{1, 2, 17, 256} {
			points := draw(t, "normal", 3000*d, 21)
			centroids := draw(t, "normal", k*d, 22)
			copy(centroids[(k-1)*d:], centroids[:d]) // the last equals the first: the first wins
			got := make([]byte, 3000)
			sse, err := Assign(context.Background(), got, points, d, nil, centroids, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var want float64
			for i, a := range got {
				best, least := 0, math.Inf(1)
				var own float64
				for c := range k {
					var s float64
					for j := range d {
						e := float64(points[i*d+j]) - float64(centroids[c*d+j])
						s += e * e
					}
					if s < least {
						best, least = c, s
					}
					if c == int(a) {
						own = s
					}
				}
				if int(a) != best && own-least > 1e-5*(1+least) || k > 1 && int(a) == k-1 {
					t.Fatalf("d = %d, k = %d: point %d goes to %d at %g, the nearest is %d at %g",
						d, k, i, a, own, best, least)
				}
				want += least
			}
			if math.Abs(sse-want) > 1e-5*want {
				t.Errorf("d = %d, k = %d: SSE %g, want %g", d, k, sse, want)
			}
		}
	}
}

// Boxes and bounds rule out only what is farther: after any number of passes the same assignments
// as without.
func TestRefineEndsWithTheNearestCentroids(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 3000
	}
	for _, d := range []int{2, 3, 4, 8, 130} {
		points := draw(t, "normal", n*d, 41)
		for _, passes := range []int{1, 2, 5, 20} {
			if d == 130 && passes > 5 {
				continue
			}
			res, err := Refine(context.Background(), points, d, nil, points[:100*d],
				Options{MaxIterations: passes, Tolerance: 1e-300})
			if err != nil {
				t.Fatal(err)
			}
			want := make([]byte, n)
			if _, err := Assign(context.Background(), want, points, d, nil, res.Centroids,
				Options{}); err != nil {
				t.Fatal(err)
			}
			differ := 0
			for i, a := range res.Assignments {
				if a != want[i] {
					differ++
				}
			}
			if differ > 2 { // scores that round to the same
				t.Errorf("d = %d, %d passes: %d of %d assignments differ", d, passes, differ, n)
			}
		}
	}
}
