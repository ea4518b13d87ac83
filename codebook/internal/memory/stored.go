package memory

import (
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook"
)

// CheckStored fails where a layer's Stream decodes to another layer.
func CheckStored(t testing.TB, l *codebook.Layer) {
	t.Helper()
	got := codebook.Layer{Rows: l.Rows, Cols: l.Cols, Width: 1, ZeroPoint: l.ZeroPoint,
		Scale: l.Scale, Stream: l.Stream}
	if err := got.Decode(2); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Centroids, l.Centroids) || !slices.Equal(got.Assignments, l.Assignments) ||
		!slices.Equal(got.ColScales, l.ColScales) || !slices.Equal(got.RowScales, l.RowScales) ||
		got.WindowBits != l.WindowBits || !slices.Equal(got.Outliers, l.Outliers) {
		t.Error("another layer is stored")
	}
}
