package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// checkDense holds a result against the sum in float64. A float32 sum of n products in any order
// has an error of at most n*eps/2 * sum|a*b| to first order, eps being 2^-23; c = 1 leaves a factor
// of two for the terms of higher order.
func checkDense(t *testing.T, name string, got float32, a, b []float32) {
	t.Helper()
	const c, eps = 1, 0x1p-23
	var want, size float64
	for i, v := range a {
		want += float64(v) * float64(b[i])
		size += math.Abs(float64(v) * float64(b[i]))
	}
	if bound := c * float64(len(a)) * eps * size; !(math.Abs(float64(got)-want) <= bound) {
		t.Fatalf("%s: got %v, want %v within %v", name, got, want, bound)
	}
}

func normals(t testing.TB, rng *rand.Rand, p place, n int) []float32 {
	x := alloc[float32](t, p, rng, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestDenseVec(t *testing.T) {
	forEachTier(t, "dense-vector", denseVectorTiers, func(t *testing.T, fn denseVectorFunc) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, cols := range lengths(32) {
			for _, rows := range []int{1, 2, 5} {
				for p := range places {
					w, x, y := normals(t, rng, p, rows*cols), normals(t, rng, p, cols),
						normals(t, rng, p, rows)
					fn(y, w, x)
					for r := range rows {
						checkDense(t, fmt.Sprintf("row %d of [%d, %d], %v", r, rows, cols, p), y[r],
							w[r*cols:][:cols], x)
					}
				}
			}
		}
	})
}

func checkDenseMat(t *testing.T, fn denseMatrixFunc, rng *rand.Rand, p place, rows, cols, n int) {
	t.Helper()
	ld := rows + rng.IntN(3)
	w, x := normals(t, rng, p, rows*cols), normals(t, rng, p, n*cols)
	y := alloc[float32](t, p, rng, (n-1)*ld+rows)
	for i := range y {
		y[i] = math.Float32frombits(canary)
	}
	fn(y, ld, w, x, rows, cols, n)
	for i, got := range y {
		v, r := i/ld, i%ld
		what := fmt.Sprintf("row %d, vector %d of [%d, %d] by %d, %v", r, v, rows, cols, n, p)
		if r < rows {
			checkDense(t, what, got, w[r*cols:][:cols], x[v*cols:][:cols])
		} else if math.Float32bits(got) != canary {
			t.Fatalf("%s: wrote behind the rows", what)
		}
	}
}

func TestDenseMat(t *testing.T) {
	forEachTier(t, "dense-matrix", denseMatrixTiers, func(t *testing.T, fn denseMatrixFunc) {
		rng := rand.New(rand.NewPCG(7, 8))
		for cols := range 4*16 + 2 {
			for n := 1; n <= 14; n++ {
				if testing.Short() && (n+cols)%2 != 0 {
					continue
				}
				checkDenseMat(t, fn, rng, place(n+cols)%places, 1+rng.IntN(13), cols, n)
			}
		}
		for rows := 1; rows <= 9; rows++ {
			for _, cols := range []int{255, 257, 1023, 1024, 1025, 2050} {
				checkDenseMat(t, fn, rng, place(rows)%places, rows, cols, 1+rng.IntN(14))
			}
		}
		// More than one block of weights.
		checkDenseMat(t, fn, rng, tail, 1030, 130, 13)
		checkDenseMat(t, fn, rng, head, 300, 1300, 8)
	})
}

// alignedNormals starts at a cache line, as large slices do.
func alignedNormals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n+1<<14)[:n]
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func BenchmarkDenseVec(b *testing.B) {
	for _, s := range []struct{ rows, cols int }{{3072, 1024}, {384, 384}, {1536, 384}, {384, 1536},
		{30522, 384}} {
		rng := rand.New(rand.NewPCG(1, 2))
		w, x, y := alignedNormals(rng, s.rows*s.cols), alignedNormals(rng, s.cols),
			make([]float32, s.rows)
		for _, tr := range denseVectorTiers {
			b.Run(fmt.Sprintf("tier=%s/rows=%d/cols=%d", tr.name, s.rows, s.cols),
				func(b *testing.B) {
					if lack := tr.need &^ host; lack != 0 {
						b.Skipf("host lacks %v", lack)
					}
					b.SetBytes(int64(4 * len(w)))
					for b.Loop() {
						tr.fn(y, w, x)
					}
				})
		}
	}
}

func BenchmarkDenseMat(b *testing.B) {
	for _, s := range []struct{ rows, cols, n int }{
		{3072, 1024, 2}, {3072, 1024, 4}, {3072, 1024, 8}, {3072, 1024, 16}, {3072, 1024, 128},
		{384, 384, 128}, {1536, 384, 128}, {384, 1536, 128}, {1024, 4096, 128},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		w, x, y := alignedNormals(rng, s.rows*s.cols), alignedNormals(rng, s.n*s.cols),
			make([]float32, s.rows*s.n)
		for _, tr := range denseMatrixTiers {
			b.Run(fmt.Sprintf("tier=%s/rows=%d/cols=%d/n=%d", tr.name, s.rows, s.cols, s.n),
				func(b *testing.B) {
					if lack := tr.need &^ host; lack != 0 {
						b.Skipf("host lacks %v", lack)
					}
					b.SetBytes(int64(4 * len(w)))
					for b.Loop() {
						tr.fn(y, s.rows, w, x, s.rows, s.cols, s.n)
					}
					flops := 2 * float64(len(w)) * float64(s.n) * float64(b.N)
					b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
		}
	}
}
