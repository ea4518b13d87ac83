package kmeans

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/palettize/palettize/kernels"
)

// draw returns n values of a distribution by name.
func draw(t testing.TB, name string, n int, seed uint64) []float32 {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	one, ok := map[string]func() float64{
		"normal":  r.NormFloat64,
		"laplace": func() float64 { return r.ExpFloat64() * float64(1-2*r.IntN(2)) },
		"uniform": r.Float64,
		// Student's t with 2 degrees of freedom: its variance is infinite.
		"heavy": func() float64 { return r.NormFloat64() / math.Sqrt(r.ExpFloat64()) },
		"few":   func() float64 { return float64(r.IntN(40)*r.IntN(10)) / 7 },
		// bfloat16 weights.
		"coarse": func() float64 {
			return float64(math.Float32frombits(math.Float32bits(float32(r.NormFloat64())) &^ 0xffff))
		},
		"clumps":  func() float64 { return 100*float64(r.IntN(3)-1) + 1e-2*r.NormFloat64() },
		"outlier": func() float64 { return r.NormFloat64() * math.Ldexp(1, 40*(r.IntN(2000)/1999)) },
	}[name]
	if !ok {
		t.Fatalf("no distribution %q", name)
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(one())
	}
	return x
}

// measure returns the weighted sum of squared distances of points to their assigned centroids.
func measure(points []float32, d int, weights []float32, res *Result) (sse float64) {
	for i, a := range res.Assignments {
		w := 1.0
		if weights != nil {
			w = float64(weights[i])
		}
		for j := range d {
			e := float64(points[i*d+j]) - float64(res.Centroids[int(a)*d+j])
			sse += w * e * e
		}
	}
	return sse
}

func squares(points []float32) (sum float64) {
	for _, x := range points {
		sum += float64(x) * float64(x)
	}
	return sum
}

func mustRun(t testing.TB, points []float32, d int, weights []float32, opts Options) *Result {
	t.Helper()
	res, err := Run(context.Background(), points, d, weights, opts)
	if err != nil {
		t.Fatal(err)
	}
	if k := len(res.Centroids) / d; k < 1 || k > opts.K || len(res.Centroids)%d != 0 {
		t.Fatalf("%d values of centroids, width %d, %d centroids wanted", len(res.Centroids), d,
			opts.K)
	}
	if len(res.Assignments) != len(points)/d {
		t.Fatalf("%d assignments for %d points", len(res.Assignments), len(points)/d)
	}
	for i, a := range res.Assignments {
		if int(a) >= len(res.Centroids)/d {
			t.Fatalf("assignment %d is %d of %d centroids", i, a, len(res.Centroids)/d)
		}
	}
	if d == 1 && !slices.IsSorted(res.Centroids) {
		t.Fatalf("centroids are not ascending: %v", res.Centroids)
	}
	want, least := measure(points, d, weights, res), 0.0
	if weights != nil {
		least = 1e-300
	}
	if math.Abs(res.SSE-want) > 1e-6*want+least {
		t.Fatalf("SSE %g, measured %g", res.SSE, want)
	}
	return res
}

// Published and long-run figures for Gaussian points: what 256 centroids leave of the energy.
func TestRunReachesTheKnownErrorOfGaussianPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	for _, tt := range []struct {
		d    int
		want float64
	}{{1, 3.88e-5}, {2, 7.75e-3}, {4, 9.66e-2}, {8, 0.319}} {
		t.Run(fmt.Sprintf("d=%d", tt.d), func(t *testing.T) {
			n := 200_000
			opts := Options{K: 256}
			if tt.d == 8 {
				// a pass takes the scalar tier long, and less n gives less error
				opts.MaxIterations = 10
			}
			points := draw(t, "normal", n*tt.d, 7)
			res := mustRun(t, points, tt.d, nil, opts)
			got := res.SSE / squares(points)
			t.Logf("error %.5g after %d passes", got, len(res.Iterations))
			if got > 1.015*tt.want || got < 0.97*tt.want {
				t.Errorf("error %.5g of the energy, want %.5g", got, tt.want)
			}
		})
	}
}

func TestRunFindsSeparateBlobs(t *testing.T) {
	const k, d = 50, 6
	r := rand.New(rand.NewPCG(3, 3))
	centres := make([]float32, k*d)
	for i := range centres {
		centres[i] = float32(100 * r.NormFloat64())
	}
	var points []float32
	for i := range 20_000 {
		for j := range d {
			points = append(points, centres[i%k*d+j]+float32(r.NormFloat64()))
		}
	}
	res := mustRun(t, points, d, nil, Options{K: k})
	if want := 1.05 * float64(len(points)); res.SSE > want {
		t.Errorf("SSE %g, want at most %g: some blob has no centroid of its own", res.SSE, want)
	}
}

func TestRunTakesPointsFarFromZero(t *testing.T) {
	for _, d := range []int{1, 2, 3} {
		near := draw(t, "uniform", 3000*d, 5)
		far := slices.Clone(near)
		for i := range far {
			near[i] /= 64
			far[i] = near[i] + 1000
			near[i] = far[i] - 1000
		}
		a := mustRun(t, near, d, nil, Options{K: 64})
		b := mustRun(t, far, d, nil, Options{K: 64})
		if b.SSE > 1.1*a.SSE {
			t.Errorf("d = %d: SSE %g with an offset of 1000, %g without", d, b.SSE, a.SSE)
		}
	}
}

func TestRunGivesTheSameBytesForAnyThreadsAndTier(t *testing.T) {
	best, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]*kernels.Set{}
	for _, tier := range best.Tiers() {
		if tier.Op != "nearest" || tier.Lacks != "" {
			continue
		}
		if sets[tier.Tier], err = kernels.Limited(tier.Tier); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		d, n, k  int
		weighted bool
	}{
		{1, 70_000, 100, false}, {1, 3000, 16, true}, {2, 70_000, 20, false}, {2, 35_001, 30, true},
		{3, 6000, 77, false},
		{8, 5000, 40, true}, {9, 1500, 33, false}, {80, 9000, 5, false}, {130, 500, 20, true},
	} {
		t.Run(fmt.Sprintf("d=%d/n=%d/k=%d/weighted=%v", tt.d, tt.n, tt.k, tt.weighted),
			func(t *testing.T) {
				points := draw(t, "normal", tt.n*tt.d, 11)
				var weights []float32
				if tt.weighted {
					weights = draw(t, "uniform", tt.n, 12)
				}
				opts := Options{K: tt.k, Seed: 5, MaxIterations: 3, Threads: 1, Kernels: best}
				want := mustRun(t, points, tt.d, weights, opts)
				for name, set := range sets {
					for _, threads := range []int{1, 2, 7} {
						if opts.Kernels, opts.Threads = set, threads; name != "scalar" || threads != 2 {
							same(t, fmt.Sprintf("%s, %d threads", name, threads),
								mustRun(t, points, tt.d, weights, opts), want)
						}
					}
				}
			})
	}
}

// The bytes of a result as one number, which must be the same for every architecture, compiler
// setting (GOAMD64=v3 fuses multiplications with additions) and build tag. A change of method
// changes it.
func TestRunGivesTheSameBytesOnEveryMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	points := make([]float32, 40_000)
	for i := range points {
		// About normal, and without functions whose last bits differ between machines.
		points[i] = float32(r.Float64()+r.Float64()+r.Float64()+r.Float64()) - 2
	}
	weights := make([]float32, len(points))
	for i := range weights {
		weights[i] = float32(r.Float64())
	}
	for _, tt := range []struct {
		d, k     int
		weighted bool
		want     uint64
	}{
		{1, 60, false, 0x1fbbc3a309b98fe},
		{1, 17, true, 0x78fbbbd2348713a9},
		{2, 60, false, 0xbc475562cce33831},
		{4, 30, true, 0x7282ecb310ba954b},
		{100, 9, true, 0xe15857d93204b39e},
	} {
		var w []float32
		if tt.weighted {
			w = weights[:len(points)/tt.d]
		}
		res := mustRun(t, points, tt.d, w, Options{K: tt.k, Seed: 3})
		h := fnv.New64a()
		for _, c := range res.Centroids {
			fmt.Fprintf(h, "%x ", math.Float32bits(c))
		}
		h.Write(res.Assignments)
		fmt.Fprintf(h, "%x", math.Float64bits(res.SSE))
		if got := h.Sum64(); got != tt.want {
			t.Errorf("d = %d, k = %d, weighted %v: %#x, want %#x", tt.d, tt.k, tt.weighted, got,
				tt.want)
		}
	}
}

func same(t *testing.T, what string, got, want *Result) {
	t.Helper()
	if !slices.Equal(got.Centroids, want.Centroids) {
		t.Errorf("%s: other centroids", what)
	}
	if !bytes.Equal(got.Assignments, want.Assignments) {
		t.Errorf("%s: other assignments", what)
	}
	if got.SSE != want.SSE || !slices.Equal(got.Iterations, want.Iterations) {
		t.Errorf("%s: SSE %v, want %v; or other iterations", what, got.SSE, want.SSE)
	}
}

func TestRunDependsOnTheSeed(t *testing.T) {
	points := draw(t, "normal", 4000, 1)
	a := mustRun(t, points, 2, nil, Options{K: 16, Seed: 1})
	b := mustRun(t, points, 2, nil, Options{K: 16, Seed: 2})
	if slices.Equal(a.Centroids, b.Centroids) {
		t.Error("the same centroids for seeds 1 and 2")
	}
}

func TestRunReportsItsPasses(t *testing.T) {
	points := draw(t, "normal", 8000, 1)
	res := mustRun(t, points, 2, nil, Options{K: 32, MaxIterations: 4, Tolerance: 1e-9})
	if len(res.Iterations) != 4 {
		t.Fatalf("%d passes, want 4", len(res.Iterations))
	}
	for i, it := range res.Iterations {
		if it.Smallest < 1 || it.Largest < 4000/32 || it.Smallest > 4000/32 {
			t.Errorf("pass %d: clusters of %d to %d points", i, it.Smallest, it.Largest)
		}
		if i > 0 && (it.SSE >= res.Iterations[i-1].SSE || it.Moved <= 0) {
			t.Errorf("pass %d: SSE %g after %g, moved %g", i, it.SSE, res.Iterations[i-1].SSE,
				it.Moved)
		}
	}
	if last := res.Iterations[3].SSE; math.Abs(last-res.SSE) > 1e-9*res.SSE {
		t.Errorf("the last pass says SSE %g, the result %g", last, res.SSE)
	}
	res = mustRun(t, points, 2, nil, Options{K: 32, MaxIterations: 1000, Tolerance: 0.1})
	if len(res.Iterations) > 4 {
		t.Errorf("%d passes with a tolerance of 0.1", len(res.Iterations))
	}
}

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

func TestErrorsSayWhatIsWrong(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	good := []float32{1, 2, 3, 4}
	for _, tt := range []struct {
		name    string
		points  []float32
		d       int
		weights []float32
		opts    Options
		want    string
	}{
		{"no points", nil, 1, nil, Options{K: 2}, "no points"},
		{"k of 0", good, 1, nil, Options{}, "0 centroids wanted: want 1 to 256"},
		{"k of 257", good, 1, nil, Options{K: 257}, "257 centroids wanted"},
		{"width 0", good, 0, nil, Options{K: 2}, "points of width 0"},
		{"a broken point", good, 3, nil, Options{K: 2},
			"4 values are no whole number of points of width 3"},
		{"too few weights", good, 2, good[:1], Options{K: 2}, "1 weights for 2 points"},
		{"no weights, but not nil", good, 2, []float32{}, Options{K: 2}, "0 weights for 2 points"},
		{"a negative weight", good, 2, []float32{1, -2}, Options{K: 2}, "weight 1: -2"},
		{"a NaN weight", good, 2, []float32{nan, 1}, Options{K: 2}, "weight 0: NaN"},
		{"an infinite weight", good, 2, []float32{1, -inf}, Options{K: 2}, "weight 1: +Inf"},
		{"NaN", []float32{1, 2, 3, nan}, 2, nil, Options{K: 2},
			"point 1, coordinate 1: NaN is not finite"},
		{"infinity", []float32{1, 2, inf, 4}, 2, nil, Options{K: 2},
			"point 1, coordinate 0: -Inf is not finite"},
		{"a negative limit", good, 2, nil, Options{K: 2, MaxIterations: -1}, "-1 iterations"},
		{"a NaN tolerance", good, 2, nil, Options{K: 2, Tolerance: math.NaN()}, "tolerance NaN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(context.Background(), tt.points, tt.d, tt.weights, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name      string
		a         int
		d         int
		centroids []float32
		want      string
	}{
		{"too few assignments", 1, 2, good, "1 assignments for 2 points"},
		{"no centroids", 2, 2, nil, "0 values are no 1 to 256 centroids"},
		{"a broken centroid", 2, 2, good[:3], "3 values are no 1 to 256 centroids of width 2"},
		{"too many centroids", 4, 1, make([]float32, 257), "257 values are no 1 to 256 centroids"},
		{"a centroid with NaN", 2, 2, []float32{1, 1, nan, 1},
			"centroid 1, coordinate 0: NaN is not finite"},
		{"width 0", 2, 0, good, "points of width 0"},
	} {
		t.Run("Assign: "+tt.name, func(t *testing.T) {
			_, err := Assign(context.Background(), make([]byte, tt.a), good, tt.d, nil,
				tt.centroids, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestACancelledContextEndsTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, d := range []int{1, 2} {
		points := draw(t, "normal", 100_000*d, 1)
		if _, err := Run(ctx, points, d, nil, Options{K: 256}); !errors.Is(err, context.Canceled) {
			t.Errorf("Run, d = %d: %v", d, err)
		}
		if _, err := Refine(ctx, points, d, nil, points[:16*d], Options{}); !errors.Is(err,
			context.Canceled) {
			t.Errorf("Refine, d = %d: %v", d, err)
		}
		if _, err := Assign(ctx, make([]byte, 100_000), points, d, nil, points[:16*d],
			Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Assign, d = %d: %v", d, err)
		}
	}
}

func TestADeadlineEndsTheWorkInBetween(t *testing.T) {
	for _, d := range []int{1, 2, 200} {
		points := draw(t, "normal", 1_000_000, 1)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		start := time.Now()
		_, err := Run(ctx, points, d, nil, Options{K: 250, MaxIterations: 10_000,
			Tolerance: 1e-300})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("d = %d: %v", d, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("d = %d: it took %v to end", d, took)
		}
	}
}

// Weights stand for repeated points, whatever the width.
func TestWeightsCountAsRepeatedPoints(t *testing.T) {
	for _, d := range []int{1, 2, 5} {
		points := draw(t, "normal", 2000*d, 9)
		weights := make([]float32, 2000)
		var repeated []float32
		for i := range weights {
			weights[i] = float32(i % 4)
			for range i % 4 {
				repeated = append(repeated, points[i*d:(i+1)*d]...)
			}
		}
		start := mustRun(t, points, d, weights, Options{K: 20}).Centroids
		a, err := Refine(context.Background(), points, d, weights, start, Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Refine(context.Background(), repeated, d, nil, start, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.SSE-b.SSE) > 1e-3*b.SSE {
			t.Errorf("d = %d: SSE %g weighted, %g repeated", d, a.SSE, b.SSE)
		}
	}
}

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

// Boxes and bounds rule out only what is farther: after any number of passes the same assignments
// as without.
func TestRefineEndsWithTheNearestCentroids(t *testing.T) {
	const n = 20_000
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
			in, err := newInput(points, d, weights, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c, err := in.inOrder(ctx)
			if err != nil {
				t.Fatal(err)
			}
			l := in.newLloyd(c, points[:k*d])
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
	in, err := newInput(points, d, weights, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := in.inOrder(ctx)
	if err != nil {
		t.Fatal(err)
	}
	l := in.newLloyd(c, []float32{1, 1, 1, 1, 9, 9, 9, 9})
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
