package kmeans

import (
	"context"
	"slices"
	"testing"
)

// Refine from centroids that coincide must give each a cluster of its own.
func TestRefineRepairsEmptyClusters(t *testing.T) {
	for _, d := range []int{1, 2, 70} {
		points := draw(t, "normal", 1000*d, 31)
		centroids := make([]float32, 16*d)
		res, err := Refine(context.Background(), points, d, nil, centroids, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Iterations[0].Repaired != 15 {
			t.Errorf("d = %d: %d repaired after the first pass, want 15", d,
				res.Iterations[0].Repaired)
		}
		if last := res.Iterations[len(res.Iterations)-1]; last.Smallest == 0 {
			t.Errorf("d = %d: a cluster is still empty", d)
		}
		fresh := mustRun(t, points, d, nil, Options{K: 16})
		if res.SSE > 1.2*fresh.SSE {
			t.Errorf("d = %d: SSE %g after repairs, %g from k-means++", d, res.SSE, fresh.SSE)
		}
		if d == 1 && !slices.IsSorted(res.Centroids) {
			t.Error("centroids are not ascending")
		}
	}
}
