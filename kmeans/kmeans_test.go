package kmeans

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

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
		if testing.Short() && tt.n*tt.d > 80_000 {
			continue
		}
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
