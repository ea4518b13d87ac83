package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkDenseProduct holds one tier against scalar, for rows that are further apart than they are
// long.
func checkDenseProduct(t *testing.T, fn denseProductFunc, rng *rand.Rand, p place, m, k, n int) {
	t.Helper()
	lda, ldb, ldc := k+rng.IntN(3), n+rng.IntN(3), n+rng.IntN(3)
	a, b := normals(t, rng, p, (m-1)*lda+k), normals(t, rng, p, (k-1)*ldb+n)
	c := alloc[float32](t, p, rng, (m-1)*ldc+n)
	for i := range c {
		c[i] = math.Float32frombits(canary)
	}
	want := slices.Clone(c)
	denseProductScalar(want, ldc, a, lda, b, ldb, m, k, n)
	fn(c, ldc, a, lda, b, ldb, m, k, n)
	sameFloats(t, fmt.Sprintf("[%d, %d] times [%d, %d], %v", m, k, k, n, p), c, want)
}

func TestDenseProduct(t *testing.T) {
	forEachTier(t, "dense-product", denseProductTiers, func(t *testing.T, fn denseProductFunc) {
		rng := rand.New(rand.NewPCG(7, 8))
		for m := 1; m <= 25; m++ {
			for p := range places {
				checkDenseProduct(t, fn, rng, p, m, 1+rng.IntN(40), 1+rng.IntN(70))
			}
		}
		for n := 1; n <= 4*16+1; n++ {
			for p := range places {
				checkDenseProduct(t, fn, rng, p, 1+rng.IntN(19), 1+rng.IntN(5), n)
			}
		}
		checkDenseProduct(t, fn, rng, tail, 17, 1025, 33)
	})
}

func TestDenseProductScalar(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const m, k, n = 3, 5, 4
	a, b := normals(t, rng, offset, m*k), normals(t, rng, offset, k*n)
	c := make([]float32, m*n)
	denseProductScalar(c, n, a, k, b, n, m, k, n)
	for i := range m {
		for j := range n {
			var column []float32
			for p := range k {
				column = append(column, b[p*n+j])
			}
			checkDense(t, fmt.Sprintf("[%d, %d]", i, j), c[i*n+j], a[i*k:][:k], column)
		}
	}
}

func TestDenseProductOfNothing(t *testing.T) {
	c := []float32{1, 2, 3, 4, 5}
	best.DenseProduct(c, 3, nil, 0, nil, 0, 2, 0, 2)
	if want := []float32{0, 0, 3, 0, 0}; !slices.Equal(c, want) {
		t.Errorf("sums of nothing: %v, want %v", c, want)
	}
	best.DenseProduct(nil, 0, nil, 0, make([]float32, 12), 4, 0, 3, 4)
	best.DenseProduct(nil, 0, make([]float32, 12), 3, nil, 0, 4, 3, 0)
}

func TestDenseProductPanics(t *testing.T) {
	x := make([]float32, 6)
	for name, f := range map[string]func(){
		"a short a":       func() { best.DenseProduct(x, 2, x[:5], 3, x, 2, 2, 3, 2) },
		"a short b":       func() { best.DenseProduct(x, 2, x, 3, x[:5], 2, 2, 3, 2) },
		"a short c":       func() { best.DenseProduct(x[:3], 2, x, 3, x, 2, 2, 3, 2) },
		"rows that meet":  func() { best.DenseProduct(x, 2, x, 2, x, 2, 2, 3, 2) },
		"a negative size": func() { best.DenseProduct(x, 2, x, 3, x, 2, -1, 3, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func FuzzDenseProduct(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{12, 31, 32, 1})
	f.Add([]byte{17, 8, 65, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, k, n := 1+byteAt(data, 0)%40, 1+byteAt(data, 1), 1+byteAt(data, 2)%100
		for _, tr := range denseProductTiers {
			if tr.need&^host == 0 {
				checkDenseProduct(t, tr.fn, fuzzRNG(data), place(byteAt(data, 3))%places, m, k, n)
			}
		}
	})
}

func BenchmarkDenseProduct(b *testing.B) {
	for _, s := range []struct{ m, k, n int }{{128, 32, 128}, {128, 128, 32}, {16, 32, 16},
		{16, 16, 32}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x, y := alignedNormals(rng, s.m*s.k), alignedNormals(rng, s.k*s.n)
		c := make([]float32, s.m*s.n)
		benchEachTier(b, denseProductTiers, fmt.Sprintf("m=%d/k=%d/n=%d", s.m, s.k, s.n),
			func(b *testing.B, fn denseProductFunc) {
				for b.Loop() {
					fn(c, s.n, x, s.k, y, s.n, s.m, s.k, s.n)
				}
				perMAC(b, s.m*s.k*s.n)
			})
	}
}
