package kmeans

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// optimum returns the least error of k clusters of sorted values, by the recurrence as it stands:
// every split is tried, and the error of a stretch is counted from its first value.
func optimum(sorted []float64, k int) float64 {
	n := len(sorted)
	least := make([]float64, n+1)
	for j := range least {
		least[j] = math.Inf(1)
	}
	least[0] = 0
	for range k {
		next := make([]float64, n+1)
		for j := 1; j <= n; j++ {
			next[j] = math.Inf(1)
			// Welford's mean and error of values i to j, from the right.
			var mean, sse float64
			for i := j - 1; i >= 0; i-- {
				e := sorted[i] - mean
				mean += e / float64(j-i)
				sse += e * (sorted[i] - mean)
				if sse >= next[j] {
					break // it only grows
				}
				next[j] = min(next[j], least[i]+sse)
			}
		}
		least = next
	}
	return least[n]
}

// fastOptimum is optimum for more values, by halving and prefix sums of centred values.
func fastOptimum(sorted []float64, k int) float64 {
	n := len(sorted)
	mean := 0.0
	for _, x := range sorted {
		mean += x / float64(n)
	}
	x, xx := make([]float64, n+1), make([]float64, n+1)
	for i, v := range sorted {
		v -= mean
		x[i+1], xx[i+1] = x[i]+v, xx[i]+v*v
	}
	cost := func(i, j int) float64 {
		s := x[j] - x[i]
		return xx[j] - xx[i] - s*s/float64(j-i)
	}
	least, next := make([]float64, n+1), make([]float64, n+1)
	for j := 1; j <= n; j++ {
		least[j] = cost(0, j)
	}
	for m := 2; m <= k; m++ {
		var solve func(j0, j1, lo, hi int)
		solve = func(j0, j1, lo, hi int) {
			if j0 > j1 {
				return
			}
			j := (j0 + j1) / 2
			at := lo
			next[j] = math.Inf(1)
			for i := lo; i <= min(hi, j-1); i++ {
				if v := least[i] + cost(i, j); v < next[j] {
					next[j], at = v, i
				}
			}
			solve(j0, j-1, lo, at)
			solve(j+1, j1, at, hi)
		}
		solve(m, n, m-1, n-1)
		least, next = next, least
	}
	return least[n]
}

func sorted64(x []float32) []float64 {
	s := make([]float64, len(x))
	for i, v := range x {
		s[i] = float64(v)
	}
	slices.Sort(s)
	return s
}

var distributions = []string{"normal", "laplace", "uniform", "heavy", "few", "coarse", "clumps",
	"outlier"}

// Up to maxBins distinct values nothing is lost but the rounding of the centroids.
func TestOneColumnOfFewValuesIsOptimal(t *testing.T) {
	for _, name := range distributions {
		for _, tt := range []struct{ n, k int }{{2000, 2}, {2000, 16}, {700, 256}, {300, 256},
			{700, 7}, {3, 2}} {
			if testing.Short() && tt.n > 1000 {
				continue
			}
			t.Run(fmt.Sprintf("%s/n=%d/k=%d", name, tt.n, tt.k), func(t *testing.T) {
				points := draw(t, name, tt.n, uint64(tt.k))
				res := mustRun(t, points, 1, nil, Options{K: tt.k})
				want := optimum(sorted64(points), tt.k)
				if res.SSE > want*(1+1e-6)+1e-13*squares(points) {
					t.Errorf("SSE %g, the optimum is %g", res.SSE, want)
				}
			})
		}
	}
}

func TestOneColumnOfManyValuesIsNearlyOptimal(t *testing.T) {
	for _, name := range distributions {
		for _, tt := range []struct{ n, k int }{{17_000, 64}, {50_000, 8}, {20_000, 256}} {
			if testing.Short() && tt.k > 16 || tt.k == 256 && name != "normal" && name != "heavy" ||
				name == "outlier" {
				continue // the plain recurrence takes long, and loses its digits to outliers
			}
			t.Run(fmt.Sprintf("%s/n=%d/k=%d", name, tt.n, tt.k), func(t *testing.T) {
				points := draw(t, name, tt.n, uint64(tt.k))
				res := mustRun(t, points, 1, nil, Options{K: tt.k})
				want := fastOptimum(sorted64(points), tt.k)
				t.Logf("SSE %g, the optimum is %g: %+.3g, %d passes", res.SSE, want, res.SSE/want-1,
					len(res.Iterations))
				if res.SSE > want*1.0005 {
					t.Errorf("SSE %g, the optimum is %g: %.5f times", res.SSE, want, res.SSE/want)
				}
			})
		}
	}
}

// Rows of one codebook often have few values of great weight and many of little.
func TestOneColumnWithWeightsIsOptimal(t *testing.T) {
	points := draw(t, "laplace", 60, 3)
	weights := make([]float32, 60)
	var repeated []float32
	for i := range weights {
		weights[i] = float32(1 + i%30)
		for range 1 + i%30 {
			repeated = append(repeated, points[i])
		}
	}
	for _, k := range []int{2, 5, 16, 59} {
		res := mustRun(t, points, 1, weights, Options{K: k})
		want := optimum(sorted64(repeated), k)
		if math.Abs(res.SSE-want) > 1e-5*want {
			t.Errorf("k = %d: SSE %g, the optimum is %g", k, res.SSE, want)
		}
	}
}

// A bulk that a sample cannot tell from one value, far from few others: bins must be placed anew.
func TestOneColumnOfTwoScales(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	points := make([]float32, 25_000)
	for i := range points {
		if points[i] = float32(1e-4 * r.NormFloat64()); i%800 == 0 {
			points[i] = float32(1e3 * r.Float64())
		}
	}
	for _, k := range []int{31, 50} {
		res := mustRun(t, points, 1, nil, Options{K: k})
		want := fastOptimum(sorted64(points), k)
		if res.SSE > want*1.0005+1e-15*squares(points) {
			t.Errorf("k = %d: SSE %g, the optimum is %g", k, res.SSE, want)
		}
	}
}

func TestLocatorCountsTheEdgesBelow(t *testing.T) {
	for _, name := range distributions {
		for _, n := range []int{0, 1, 2, 255, 3000} {
			edges := draw(t, name, n, 5)
			slices.Sort(edges)
			edges = slices.Compact(edges)
			values := append(draw(t, name, 2000, 6), edges...)
			for _, e := range edges {
				values = append(values, math.Nextafter32(e, -math.MaxFloat32),
					math.Nextafter32(e, math.MaxFloat32))
			}
			values = append(values, 0, math.MaxFloat32, -math.MaxFloat32, 1e-45)
			for _, l := range []*locator{newLocator(edges, -1, 1, 10, 20),
				newLocator(edges, -1e6, 1e6, 9, 14), newLocator(edges, 0, 0, 3, 2)} {
				for _, x := range values {
					want, _ := slices.BinarySearch(edges, x)
					if want < len(edges) && edges[want] == x {
						want++
					}
					if got := l.find(x); got != want {
						t.Fatalf("%s, %d edges: %v is past %d, want %d", name, len(edges), x, got,
							want)
					}
				}
			}
		}
	}
}

func TestBorderIsTheLeastValueOfTheUpper(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	distance := func(x, c float32) *big.Rat {
		e := new(big.Rat).Sub(new(big.Rat).SetFloat64(float64(x)),
			new(big.Rat).SetFloat64(float64(c)))
		return e.Abs(e)
	}
	for range 2000 {
		a := float32(r.NormFloat64())
		b := a
		for range 1 + r.IntN(5) {
			b = math.Nextafter32(b, math.MaxFloat32)
		}
		if r.IntN(2) == 0 {
			b = a + float32(r.ExpFloat64())
		}
		if a == b {
			continue
		}
		for _, middleToA := range []bool{false, true} {
			e := border(a, b, middleToA)
			below := math.Nextafter32(e, -math.MaxFloat32)
			if c := distance(e, b).Cmp(distance(e, a)); c > 0 || c == 0 && middleToA {
				t.Errorf("%v to %v: border %v is nearer to the lower", a, b, e)
			}
			if c := distance(below, b).Cmp(distance(below, a)); c < 0 || c == 0 && !middleToA {
				t.Errorf("%v to %v: %v, below the border, is nearer to the upper", a, b, below)
			}
		}
	}
}
