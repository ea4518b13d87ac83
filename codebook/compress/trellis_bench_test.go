package compress

import (
	"context"
	"fmt"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// BenchmarkTrellis measures what a weight takes to be compressed, and to be decoded, on one thread.
func BenchmarkTrellis(b *testing.B) {
	const rows, cols = 1536, 384
	w := samples.Gaussian(1, rows*cols)
	for _, scheme := range append(trellises()[1:], windowSchemes()[2]) {
		name := fmt.Sprintf("states=%d/window=%d", scheme.States, scheme.WindowBits)
		var l *codebook.Layer
		b.Run("compress/"+name, func(b *testing.B) {
			for b.Loop() {
				var err error
				if l, err = Build(context.Background(), w, rows, cols, scheme,
					Options{Threads: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)),
				"ns/weight")
		})
		b.Run("decode/"+name, func(b *testing.B) {
			stored := l
			for b.Loop() {
				l := codebook.Layer{Rows: rows, Cols: cols, Width: 1, ZeroPoint: stored.ZeroPoint,
					Scale: stored.Scale, Stream: stored.Stream}
				if err := l.Decode(1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)),
				"ns/weight")
		})
	}
}
