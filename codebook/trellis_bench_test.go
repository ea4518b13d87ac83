package codebook

import (
	"context"
	"fmt"
	"testing"

	"github.com/palettize/palettize/kernels"
)

// BenchmarkTrellis measures what a weight takes to be compressed, and to be decoded, on one thread.
func BenchmarkTrellis(b *testing.B) {
	const rows, cols = 1536, 384
	w := gaussian(1, rows*cols)
	for _, scheme := range append(trellises()[1:], windowSchemes()[2]) {
		name := fmt.Sprintf("states=%d/window=%d", scheme.States, scheme.Window)
		var l *Layer
		b.Run("compress/"+name, func(b *testing.B) {
			for b.Loop() {
				var err error
				if l, err = Build(context.Background(), w, rows, cols, scheme, Options{Threads: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/weight")
		})
		b.Run("decode/"+name, func(b *testing.B) {
			stored := l
			for b.Loop() {
				l := Layer{Rows: rows, Cols: cols, Width: 1, ZeroPoint: stored.ZeroPoint, Scale: stored.Scale, Stream: stored.Stream}
				if err := l.Decode(1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/weight")
		})
	}
}

// BenchmarkWindowsWithFeedback leaves out what factoring the moments takes.
func BenchmarkWindowsWithFeedback(b *testing.B) {
	const rows, cols = 1536, 384
	set, err := kernels.Best()
	if err != nil {
		b.Fatal(err)
	}
	w := gaussian(1, rows*cols)
	c := newWindowCoding(w, rows, cols, 4, Options{Threads: 1, Kernels: set})
	if err := c.weigh(b.Context(), correlated(b, cols, 0.1)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.choose(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/weight")
}
