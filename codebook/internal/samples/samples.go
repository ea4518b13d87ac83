// Package samples has numbers for tests: the same for a seed on every CPU, but for Gaussian.
package samples

import (
	"math/rand/v2"

	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/kernels"
)

// Gaussian returns n numbers of mean 0 and deviation 1.
func Gaussian(seed uint64, n int) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	return Fill(n, func(int) float32 { return float32(random.NormFloat64()) })
}

// Uniform returns n numbers from -0.5 to 0.5.
func Uniform(seed uint64, n int) []float32 {
	random := rand.New(rand.NewPCG(seed, 2))
	return Fill(n, func(int) float32 { return random.Float32() - 0.5 })
}

// Fill returns f of 0 to n-1.
func Fill(n int, f func(i int) float32) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = f(i)
	}
	return w
}

// Correlated returns the moments of inputs that are sums of a few common parts and one of their
// own; own = 0 leaves a matrix of a rank below cols.
func Correlated(cols int, own float32) *moments.Moments {
	random := rand.New(rand.NewPCG(uint64(cols), 1))
	parts := min(8, (cols+1)/2)
	mix := Fill(cols*parts, func(int) float32 { return random.Float32() - 0.5 })
	h := make([]float32, cols*cols)
	for i := range cols {
		for j := range cols {
			for k := range parts {
				h[i*cols+j] += float32(mix[i*parts+k] * mix[j*parts+k])
			}
		}
		h[i*cols+i] += own
	}
	return Moments(h, cols)
}

// Moments are those of these values, which have to be some.
func Moments(values []float32, cols int) *moments.Moments {
	return must(moments.New(values, cols))
}

// OutputNoise is the mean square of (w-q)*x for inputs of these moments, summed up over rows.
func OutputNoise(m *moments.Moments, w, q []float32) (sum float64) {
	cols := len(m.Squares)
	for r := range len(w) / cols {
		for i := range cols {
			di := float64(w[r*cols+i] - q[r*cols+i])
			for j := range cols {
				sum += di * float64(m.Matrix[i*cols+j]) * float64(w[r*cols+j]-q[r*cols+j])
			}
		}
	}
	return sum
}

// Sets returns the kernels of every tier that runs here. Under the race detector that leaves out
// the scalar loops, which take minutes, and do not race.
func Sets() (sets []*kernels.Set) {
	best := must(kernels.Best())
	seen := map[string]bool{}
	for _, tier := range best.Tiers() {
		if tier.Lacks != "" || seen[tier.Tier] || Race && tier.Tier == "scalar" {
			continue
		}
		seen[tier.Tier] = true
		sets = append(sets, must(kernels.Limited(tier.Tier)))
	}
	return sets
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
