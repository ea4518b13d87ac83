package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkUpdate(b *testing.B) {
	const n, k = 1024, 128
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tr := range updateTiers {
		dst, panel, coefficients := normals(b, rng, offset, n*tr.fn.rows), normals(b, rng, offset, k*tr.fn.rows), normals(b, rng, offset, n*k)
		b.Run(fmt.Sprintf("tier=%s/n=%d/k=%d", tr.name, n, k), func(b *testing.B) {
			if lack := tr.need &^ host; lack != 0 {
				b.Skipf("host lacks %v", lack)
			}
			for b.Loop() {
				tr.fn.fn(dst, coefficients, k, n, panel, k)
			}
			b.ReportMetric(float64(n*k*tr.fn.rows)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gterm/s")
		})
	}
}

func BenchmarkNearest(b *testing.B) {
	for _, s := range []struct{ n, d, k int }{
		{4096, 1, 256}, {4096, 2, 256}, {4096, 4, 256}, {4096, 8, 256}, {4096, 8, 16}, {4096, 64, 256}, {1024, 1024, 256},
	} {
		c := newNearest(b, rand.New(rand.NewPCG(1, 2)), offset, s.n, s.n, s.d, s.k)
		assignments, scores := make([]byte, s.n), make([]float32, s.n)
		for _, tr := range nearestTiers {
			for _, seconds := range [][]float32{nil, make([]float32, s.n)} {
				b.Run(fmt.Sprintf("tier=%s/n=%d/d=%d/k=%d/seconds=%v", tr.name, s.n, s.d, s.k, seconds != nil), func(b *testing.B) {
					if lack := tr.need &^ host; lack != 0 {
						b.Skipf("host lacks %v", lack)
					}
					b.SetBytes(int64(4 * s.n * s.d))
					for b.Loop() {
						tr.fn(assignments, scores, seconds, c.points, c.stride, c.d, c.centroids, c.half)
					}
					b.ReportMetric(float64(s.n)*float64(s.d)*float64(s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gterm/s")
				})
			}
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	for _, s := range []struct{ n, block int }{{384, 32}, {1024, 64}, {1024, 256}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x := make([]float32, s.n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		q, scales := make([]int8, s.n), make([]float32, s.n/s.block)
		for _, tr := range quantizeTiers {
			b.Run(fmt.Sprintf("tier=%s/n=%d/block=%d", tr.name, s.n, s.block), func(b *testing.B) {
				if lack := tr.need &^ host; lack != 0 {
					b.Skipf("host lacks %v", lack)
				}
				b.SetBytes(int64(4 * s.n))
				for b.Loop() {
					tr.fn(q, scales, x, s.block)
				}
			})
		}
	}
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
	for _, s := range []struct{ rows, cols int }{{3072, 1024}, {384, 384}, {1536, 384}, {384, 1536}, {30522, 384}} {
		rng := rand.New(rand.NewPCG(1, 2))
		w, x, y := alignedNormals(rng, s.rows*s.cols), alignedNormals(rng, s.cols), make([]float32, s.rows)
		for _, tr := range denseVectorTiers {
			b.Run(fmt.Sprintf("tier=%s/rows=%d/cols=%d", tr.name, s.rows, s.cols), func(b *testing.B) {
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
		{3072, 1024, 2}, {3072, 1024, 4}, {3072, 1024, 8}, {3072, 1024, 16}, {3072, 1024, 128}, {384, 384, 128}, {1536, 384, 128}, {384, 1536, 128}, {1024, 4096, 128},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		w, x, y := alignedNormals(rng, s.rows*s.cols), alignedNormals(rng, s.n*s.cols), make([]float32, s.rows*s.n)
		for _, tr := range denseMatrixTiers {
			b.Run(fmt.Sprintf("tier=%s/rows=%d/cols=%d/n=%d", tr.name, s.rows, s.cols, s.n), func(b *testing.B) {
				if lack := tr.need &^ host; lack != 0 {
					b.Skipf("host lacks %v", lack)
				}
				b.SetBytes(int64(4 * len(w)))
				for b.Loop() {
					tr.fn(y, s.rows, w, x, s.rows, s.cols, s.n)
				}
				b.ReportMetric(2*float64(len(w))*float64(s.n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
