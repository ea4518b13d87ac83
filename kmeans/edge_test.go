package kmeans

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestEdgeCases(t *testing.T) {
	tiny := math.Float32frombits(1)
	seq := func(n int, f func(i int) float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = f(i)
		}
		return x
	}
	for _, tt := range []struct {
		name    string
		points  []float32
		weights []float32
		d, k    int
		want    int // centroids
		exact   bool
	}{
		{"fewer distinct points than k", seq(400,
			func(i int) float32 { return float32(i / 2 % 5) }), nil, 2, 16, 5, true},
		{"fewer distinct values than k", seq(400, func(i int) float32 { return float32(i%5) / 3 }),
			nil, 1, 16, 5, true},
		{"distinct points that differ in the last bit",
			seq(400, func(i int) float32 { return math.Float32frombits(0x3f800000 + uint32(i/2%9)) }),
			nil, 2, 16, 9, true},
		{"as many distinct points as k", seq(64, func(i int) float32 { return float32(i) }), nil, 2,
			32, 32, true},
		{"all equal", seq(300, func(int) float32 { return 0.1 }), nil, 3, 8, 1, true},
		{"all zero", make([]float32, 300), nil, 3, 8, 1, true},
		{"all zero, one coordinate", make([]float32, 300), nil, 1, 8, 1, true},
		{"zeros of both signs", seq(300,
			func(i int) float32 { return math.Float32frombits(uint32(i) << 31) }), nil, 1, 8, 1,
			true},
		{"one point", []float32{1, 2, 3}, nil, 3, 256, 1, true},
		{"one value", []float32{-7}, nil, 1, 256, 1, true},
		{"k = 1", draw(t, "normal", 999, 2), nil, 3, 1, 1, false},
		{"k = 1, one coordinate", draw(t, "normal", 999, 2), nil, 1, 1, 1, false},
		{"k = 256", draw(t, "normal", 3000, 2), nil, 3, 256, 256, false},
		{"k = 256 of 257", draw(t, "normal", 257*2, 2), nil, 2, 256, 256, false},
		{"k = 256 of 257 values", draw(t, "normal", 257, 2), nil, 1, 256, 256, false},
		{"values of 1e30", seq(3000, func(i int) float32 { return 1e30 * float32(i*i%1009) }), nil,
			3, 20, 20, false},
		{"the largest values", seq(3000,
			func(i int) float32 { return math.MaxFloat32 / 51 * float32(i*i%101-50) }), nil, 2, 20,
			20, false},
		{"the largest values, one coordinate", seq(3000,
			func(i int) float32 { return math.MaxFloat32 / 505 * float32(i*i%1009-504) }), nil, 1,
			20, 20, false},
		{"denormal values", seq(3000, func(i int) float32 { return tiny * float32(i*i%101) }), nil,
			2, 20, 20, false},
		{"denormal values, one coordinate", seq(3000,
			func(i int) float32 { return tiny * float32(i*i%1009) }), nil, 1, 20, 20, false},
		{"huge beside tiny values", seq(3000,
			func(i int) float32 { return float32(math.Ldexp(float64(i*i%101), i%200-100)) }), nil,
			2, 20, 20, false},
		{"duplicates", seq(6000, func(i int) float32 { return float32(i / 2 % 60 * (i / 2 % 60)) }),
			nil, 2, 31, 31, false},
		{"duplicates, one coordinate", seq(6000,
			func(i int) float32 { return float32(i % 60 * (i % 60)) }), nil, 1, 31, 31, false},
		{"zero weights", draw(t, "normal", 3000, 4), seq(1000,
			func(i int) float32 { return float32(i % 3) }), 3, 40, 40, false},
		{"zero weights, one coordinate", draw(t, "normal", 3000, 4),
			seq(3000, func(i int) float32 { return float32(i % 3) }), 1, 40, 40, false},
		{"few positive weights", draw(t, "normal", 3000, 4),
			seq(1000, func(i int) float32 { return float32(1 - min(i%100, 1)) }), 3, 40, 10, true},
		{"few positive weights, one coordinate", draw(t, "normal", 1000, 4),
			seq(1000, func(i int) float32 { return float32(1 - min(i%100, 1)) }), 1, 40, 10, true},
		{"all weights zero", draw(t, "normal", 3000, 4), make([]float32, 1000), 3, 40, 40, false},
		{"all weights zero, one coordinate", draw(t, "normal", 3000, 4), make([]float32, 3000), 1,
			40, 40, false},
		{"huge weights", draw(t, "normal", 3000, 4), seq(1000, func(i int) float32 { return 1e38 }),
			3, 40, 40, false},
		{"huge beside tiny weights", draw(t, "normal", 3000, 4),
			seq(1000, func(i int) float32 { return max(3e38*float32(i%2), tiny) }), 3, 40, 40,
			false},
		{"huge beside tiny weights, one coordinate", draw(t, "normal", 3000, 4),
			seq(3000, func(i int) float32 { return max(3e38*float32(i%2), tiny) }), 1, 40, 40,
			false},
		{"one huge weight beside tiny ones, one coordinate", draw(t, "normal", 3000, 4),
			seq(3000, func(i int) float32 { return max(3e38*float32(i/2999), tiny) }), 1, 40, 40,
			false},
		{"denormal weights", draw(t, "normal", 3000, 4),
			seq(1000, func(i int) float32 { return tiny }), 3, 40, 40, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			weights := tt.weights
			if weights != nil && slices.Max(weights) == 0 {
				weights = nil // counts as all one
			}
			res, err := Run(context.Background(), tt.points, tt.d, tt.weights, Options{K: tt.k})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(res.Centroids) / tt.d; got != tt.want {
				t.Errorf("%d centroids, want %d", got, tt.want)
			}
			if bad, at := largest(res.Centroids); at >= 0 {
				t.Errorf("centroid value %d is %v", at, bad)
			}
			want := measure(tt.points, tt.d, weights, res)
			if tt.exact && (res.SSE != 0 || want != 0) {
				t.Errorf("SSE %g, measured %g, want 0", res.SSE, want)
			}
			if math.IsInf(res.SSE, 0) || math.Abs(res.SSE-want) > 1e-6*want {
				t.Errorf("SSE %g, measured %g", res.SSE, want)
			}
			used := map[byte]bool{}
			for _, a := range res.Assignments {
				used[a] = true
			}
			if len(used) != tt.want {
				t.Errorf("%d of %d centroids have points", len(used), tt.want)
			}
			again := make([]byte, len(res.Assignments))
			sse, err := Assign(context.Background(), again, tt.points, tt.d, tt.weights,
				res.Centroids, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(sse - res.SSE); d > 1e-6*res.SSE &&
				d > 1e-6*scaleOf(tt.points, weights) {
				t.Errorf("Assign to the result's centroids: SSE %g, want %g", sse, res.SSE)
			}
			more, err := Refine(context.Background(), tt.points, tt.d, tt.weights, res.Centroids,
				Options{MaxIterations: 3})
			if err != nil {
				t.Fatal(err)
			}
			if d := more.SSE - res.SSE; d > 1e-6*res.SSE && d > 1e-6*scaleOf(tt.points, weights) {
				t.Errorf("Refine from the result: SSE %g, want at most %g", more.SSE, res.SSE)
			}
		})
	}
}

// All draws hit the one point, and the others are nothing beside it.
func TestRunTakesOneWeightAboveAll(t *testing.T) {
	for _, d := range []int{1, 2, 5} {
		weights := make([]float32, 40_000)
		for i := range weights {
			weights[i] = 1
		}
		weights[0] = 1e30
		points := draw(t, "normal", len(weights)*d, 4)
		res := mustRun(t, points, d, weights, Options{K: 4})
		if own := res.Centroids[int(res.Assignments[0])*d:][:d]; !slices.Equal(own, points[:d]) {
			t.Errorf("d = %d: the great point %v has centroid %v", d, points[:d], own)
		}
	}
}

// scaleOf is what rounding of scores is held against: the energy of the points.
func scaleOf(points, weights []float32) float64 {
	top := 1.0
	if weights != nil {
		top = float64(slices.Max(weights))
	}
	return squares(points) * top
}
