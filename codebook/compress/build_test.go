package compress

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/internal/logscale"
)

func build(t *testing.T, w []float32, rows, cols int, s codebook.Scheme,
	opts Options) *codebook.Layer {
	t.Helper()
	l, err := Build(context.Background(), w, rows, cols, s, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l
}

var (
	rowsScheme  = codebook.Scheme{Name: "rows", K: 256}
	pairs       = codebook.Scheme{Name: "segments", Width: 2, K: 256}
	fours       = codebook.Scheme{Name: "segments", Width: 4, K: 256}
	eights      = codebook.Scheme{Name: "segments", Width: 8, K: 256}
	sixteen     = codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16}
	sixteenRows = codebook.Scheme{Name: "scalar", Width: 1, K: 16}
	bytesScheme = codebook.Scheme{Name: "scalar", Width: 1, K: 256}
)

// TestErrorOnGaussianWeights pins the quality of each scheme: bounds are 3 % above what it reaches.
func TestErrorOnGaussianWeights(t *testing.T) {
	long(t)
	const rows, cols = 256, 512
	w := samples.Gaussian(1, rows*cols)
	for _, c := range []struct {
		scheme codebook.Scheme
		most   float64
	}{
		{pairs, 0.0915},
		{fours, 0.32},
		{eights, 0.575},
		{sixteen, 0.0665},
		{sixteenRows, 0.1165},
		{bytesScheme, 0.0105},
	} {
		d := build(t, w, rows, cols, c.scheme, Options{}).Distortion(w, 2)
		if e := d.Relative(); e > c.most {
			t.Errorf("%+v: error %.4f, want at most %.4f", c.scheme, e, c.most)
		}
	}
}

// TestRepeatedRows checks the case that whole-row centroids are for: 200 distinct rows.
func TestRepeatedRows(t *testing.T) {
	const rows, cols = 3000, 64
	distinct := samples.Gaussian(2, 200*cols)
	w := make([]float32, 0, rows*cols)
	for r := range rows {
		w = append(w, distinct[r*7%200*cols:][:cols]...)
	}
	l := build(t, w, rows, cols, rowsScheme, Options{})
	if e := l.Distortion(w, 2).Relative(); e > 0.015 {
		t.Errorf("error %.4f: 200 distinct rows must come out as they are, but for rounding to bytes", e)
	}
}

func TestBuildAwkwardMatrices(t *testing.T) {
	constantRows := make([]float32, 40*30)
	for i := range constantRows {
		constantRows[i] = float32(i / 30)
	}
	oneOutlier := samples.Gaussian(3, 40*30)
	oneOutlier[77] = 1e6
	scaled := func(f float32) []float32 {
		w := samples.Gaussian(4, 40*30)
		for i := range w {
			w[i] *= f
		}
		return w
	}
	for _, m := range []struct {
		name       string
		w          []float32
		rows, cols int
		most       float64 // error
	}{
		{"all zero", make([]float32, 40*30), 40, 30, 0},
		{"constant rows", constantRows, 40, 30, 0.03},
		{"one outlier", oneOutlier, 40, 30, 0.01},
		{"huge", scaled(1e37), 40, 30, 0.9},
		{"tiny", scaled(1e-36), 40, 30, 0.9},
		{"one row", samples.Gaussian(5, 387), 1, 387, 0.9},
		{"three columns", samples.Gaussian(6, 300), 100, 3, 0.9},
		{"fewer segments than centroids", samples.Gaussian(7, 6*10), 6, 10, 0.9},
	} {
		for _, s := range []codebook.Scheme{rowsScheme, pairs, eights, sixteen, sixteenRows,
			bytesScheme, {Name: "segments", Width: 3, K: 1}, {Name: "scalar", Width: 1, K: 1}} {
			if s.Width >= m.cols {
				continue
			}
			most := m.most
			if s.K == 1 && most > 0 {
				most = 1.001
			}
			t.Run(fmt.Sprintf("%s %+v", m.name, s), func(t *testing.T) {
				l := build(t, m.w, m.rows, m.cols, s, Options{})
				if e := l.Distortion(m.w, 1).Relative(); !(e <= most) {
					t.Errorf("error %v, want at most %v", e, most)
				}
			})
		}
	}
}

// long leaves a test out of short runs: under the race detector, in 32 bits. It compresses many
// times, what others compress there too.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

func TestSameBytesOnEveryTierAndThreadCount(t *testing.T) {
	rows, cols := 60, 387
	if testing.Short() {
		rows = 20
	}
	w := samples.Gaussian(8, rows*cols)
	w[rows*cols/2] = 30
	ways := []Options{{Threads: 2}, {Threads: 7}}
	for _, set := range samples.Sets() {
		ways = append(ways, Options{Threads: 1, Kernels: set})
	}
	for _, s := range append(trellises(), rowsScheme, pairs, eights, sixteen, sixteenRows,
		bytesScheme) {
		want := build(t, w, rows, cols, s, Options{Threads: 1})
		for _, opts := range ways {
			got := build(t, w, rows, cols, s, opts)
			if !slices.Equal(got.Centroids, want.Centroids) ||
				!slices.Equal(got.Assignments, want.Assignments) ||
				!slices.Equal(got.RowScales, want.RowScales) ||
				!slices.Equal(got.Multipliers, want.Multipliers) ||
				!slices.Equal(got.Outliers, want.Outliers) ||
				!slices.Equal(got.Stream, want.Stream) ||
				got.Scale != want.Scale || got.ZeroPoint != want.ZeroPoint {
				t.Errorf("%+v: other bytes with %d threads", s, opts.Threads)
			}
		}
	}
}

// TestAssignmentsAreNearestInWhatIsStored holds the order: quantise first, assign last.
func TestAssignmentsAreNearestInWhatIsStored(t *testing.T) {
	const rows, cols = 64, 100
	w := samples.Gaussian(9, rows*cols)
	l := build(t, w, rows, cols, pairs, Options{})
	for r := range rows {
		for s := range l.Segments() {
			errorOf := func(k int) (e float64) {
				for j := range 2 {
					scale := float64(l.Scale * logscale.Value(l.RowScales[r]))
					v := scale * (float64(l.Centroids[2*k+j]) - float64(l.ZeroPoint))
					e += (v - float64(w[r*cols+2*s+j])) * (v - float64(w[r*cols+2*s+j]))
				}
				return e
			}
			chosen := errorOf(int(l.Assignments[r*l.Segments()+s]))
			for k := range l.K() {
				if e := errorOf(k); e < chosen-1e-5 {
					t.Fatalf("row %d, segment %d: centroid %d leaves %v, the assigned one %v", r, s,
						k, e, chosen)
				}
			}
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	const rows, cols = 1536, 384
	w := samples.Gaussian(10, rows*cols)
	for _, s := range []codebook.Scheme{rowsScheme, pairs, eights, sixteen, bytesScheme} {
		b.Run(fmt.Sprintf("scheme=%s/d=%d/k=%d/group=%d", s.Name, s.Width, s.K, s.Group),
			func(b *testing.B) {
				b.SetBytes(4 * rows * cols)
				for b.Loop() {
					if _, err := Build(context.Background(), w, rows, cols, s,
						Options{Threads: 1}); err != nil {
						b.Fatal(err)
					}
				}
			})
	}
}
