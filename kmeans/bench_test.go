package kmeans

import (
	"context"
	"fmt"
	"testing"

	"github.com/palettize/palettize/kernels"
)

const benchWeights = 3_100_000

func BenchmarkRun(b *testing.B) {
	for _, bb := range []struct {
		dist    string
		d, n, k int
	}{
		{"normal", 1, benchWeights, 16},
		{"normal", 1, benchWeights, 256},
		{"heavy", 1, benchWeights, 256},
		{"normal", 2, benchWeights / 2, 16},
		{"normal", 2, benchWeights / 2, 256},
		{"heavy", 2, benchWeights / 2, 256},
		{"normal", 4, benchWeights / 4, 256},
		{"normal", 8, benchWeights / 8, 256},
		{"normal", 4096, 384, 256},
		{"normal", 1024, 8192, 256},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("dist=%s/d=%d/n=%d/k=%d/threads=%d", bb.dist, bb.d, bb.n, bb.k,
				threads), func(b *testing.B) {
				points := draw(b, bb.dist, bb.n*bb.d, 1)
				energy := squares(points)
				b.SetBytes(int64(4 * len(points)))
				var res *Result
				for b.Loop() {
					res = mustRunOnly(b, points, bb.d, Options{K: bb.k, Threads: threads})
				}
				b.ReportMetric(res.SSE/energy, "error^2")
				b.ReportMetric(float64(len(res.Iterations)), "passes")
			})
		}
	}
}

func mustRunOnly(b *testing.B, points []float32, d int, opts Options) *Result {
	b.Helper()
	res, err := Run(context.Background(), points, d, nil, opts)
	if err != nil {
		b.Fatal(err)
	}
	return res
}

func BenchmarkAssign(b *testing.B) {
	best, err := kernels.Best()
	if err != nil {
		b.Fatal(err)
	}
	for _, tier := range best.Tiers() {
		if tier.Op != "nearest" || tier.Lacks != "" {
			continue
		}
		set, err := kernels.Limited(tier.Tier)
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range []int{1, 2, 8} {
			b.Run(fmt.Sprintf("tier=%s/d=%d/n=%d/k=256/threads=1", tier.Tier, d, 800_000/d),
				func(b *testing.B) {
					points := draw(b, "normal", 800_000, 1)
					centroids := draw(b, "normal", 256*d, 2)
					assignments := make([]byte, len(points)/d)
					b.SetBytes(int64(4 * len(points)))
					for b.Loop() {
						if _, err := Assign(context.Background(), assignments, points, d, nil,
							centroids, Options{Threads: 1, Kernels: set}); err != nil {
							b.Fatal(err)
						}
					}
				})
		}
	}
}
