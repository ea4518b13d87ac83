package codebook

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkTrellis measures what a weight takes to be compressed, and to be decoded, on one thread.
func BenchmarkTrellis(b *testing.B) {
	const rows, cols = 1536, 384
	w := gaussian(1, rows*cols)
	for _, states := range []int{8, 32} {
		scheme := Schemes()[0]
		scheme.States = states
		var l *Layer
		b.Run(fmt.Sprintf("compress/states=%d", states), func(b *testing.B) {
			for b.Loop() {
				var err error
				if l, err = Build(context.Background(), w, rows, cols, scheme, Options{Settings: Settings{Bits: 4}, Threads: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/weight")
		})
		b.Run(fmt.Sprintf("decode/states=%d", states), func(b *testing.B) {
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
