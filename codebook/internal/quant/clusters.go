package quant

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kmeans"
)

// clustering is a layer in the making whose assignments are those of the nearest centroids.
type clustering struct {
	*codebook.Layer
	w        []float32 // [Rows, Cols], as Matrix.ordinary returns it
	exponent int       // of what the matrix was divided by
	k        int       // centroids to find
	options  Options

	// What normalise makes of w: points of Width columns, how much each counts (nil: alike), and
	// the value of the largest row scale.
	points, weights []float32
	base            float64
}

func newClustering(m *Matrix, s codebook.Scheme, o Options) *clustering {
	b := &clustering{
		Layer: &codebook.Layer{Rows: m.Rows, Cols: m.Cols, Width: s.Width, Group: s.Group},
		k:     s.K, options: o,
	}
	if b.Width == 0 {
		b.Width = b.Cols
	}
	b.w, b.exponent = m.ordinary(o.Threads)
	return b
}

// clusterOptions are those of k-means at this time.
func (b *clustering) clusterOptions() kmeans.Options {
	return kmeans.Options{K: b.k, Seed: b.options.Seed, Threads: b.options.Threads(),
		Kernels: b.options.Kernels}
}

// layer is what has been made.
func (b *clustering) layer() *codebook.Layer {
	b.Scale = floats.Finite(math.Ldexp(float64(b.Scale), b.exponent))
	return b.Layer
}

// buildClusters finds centroids by k-means, for segments and whole rows.
func buildClusters(ctx context.Context, m *Matrix, s codebook.Scheme, _ Target, o Options) (
	*codebook.Layer, error) {
	b := newClustering(m, s, o)
	b.normalise(s.Width != 0)
	res, err := kmeans.Run(ctx, b.points, b.Width, b.weights, b.clusterOptions())
	if err != nil {
		return nil, err
	}
	if err := b.useCentroids(ctx, res.Centroids); err != nil {
		return nil, err
	}
	return b.layer(), nil
}

// buildScalar takes a few values as they are, where a matrix holds no others, all bytes where there
// are to be as many, else what k-means finds.
func buildScalar(ctx context.Context, m *Matrix, s codebook.Scheme, t Target, o Options) (
	*codebook.Layer, error) {
	if l := exactLayer(m, s.K); l != nil {
		return l, nil
	}
	if s.K < codebook.MaxCentroids {
		return buildClusters(ctx, m, s, t, o)
	}
	b := newClustering(m, s, o)
	b.normalise(true)
	if err := b.useGrid(ctx); err != nil {
		return nil, err
	}
	return b.layer(), nil
}

// normalise cuts w into points. With row scales each row is divided by a scale near the root of its
// mean square, which it keeps in RowScales, and a point's weight is the square of that.
//
// On nine encoder layers of all-MiniLM-L6-v2, segments of 2, scales of 8 bits leave an error of
// 0.09083 and exact ones 0.09083: a scale only has to bring rows to about one size before they are
// clustered, so that the 16 bits of a float16 would be wasted.
func (b *clustering) normalise(rowScales bool) {
	if !rowScales {
		b.points, b.base = b.w, 1
		return
	}
	segments := b.Segments()
	b.points = make([]float32, b.Rows*segments*b.Width)
	rms := make([]float64, b.Rows)
	par.Ranges(b.options.Threads(), b.Rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			var sum float64
			for _, v := range b.w[r*b.Cols:][:b.Cols] {
				sum += float64(float64(v) * float64(v))
			}
			rms[r] = math.Sqrt(sum / float64(b.Cols))
		}
	})
	b.base = slices.Max(rms)
	b.weights = make([]float32, b.Rows*segments)
	b.RowScales = make([]byte, b.Rows)
	par.Ranges(b.options.Threads(), b.Rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			code := byte(0)
			if rms[r] > 0 {
				code = logscale.Code(float32(rms[r] / b.base))
			}
			b.RowScales[r] = code
			if code == 0 {
				continue // a row of zeros: its points stay 0 and weigh nothing
			}
			scale := float64(logscale.Value(code))
			row := b.points[r*segments*b.Width:][:b.Cols]
			for c, v := range b.w[r*b.Cols:][:b.Cols] {
				row[c] = float32(float64(v) / (b.base * scale))
			}
			for s := range segments {
				b.weights[r*segments+s] = float32(scale * scale)
			}
		}
	})
}

// useCentroids quantises centroids to bytes and only then assigns the points, so that each gets the
// nearest of the centroids as they are stored.
func (b *clustering) useCentroids(ctx context.Context, centroids []float32) error {
	g := gridOver(centroids)
	bytes := make([]byte, len(centroids))
	stored := make([]float32, len(centroids))
	for i, v := range centroids {
		bytes[i] = g.quantise(v)
		stored[i] = g.value(bytes[i])
	}
	b.Assignments = make([]byte, b.Rows*b.Segments())
	if _, err := kmeans.Assign(ctx, b.Assignments, b.points, b.Width, b.weights, stored,
		b.clusterOptions()); err != nil {
		return err
	}
	b.setCentroids(bytes, g, b.base)
	return nil
}

// setCentroids keeps the quantised centroids, with the scale of the rows in Scale.
func (b *clustering) setCentroids(bytes []byte, g grid, base float64) {
	b.Centroids = bytes
	b.ZeroPoint = g.zero
	b.Scale = float32(g.step * base)
}

// useGrid takes the 256 bytes themselves as the values of a layer of width 1: with as many
// centroids as bytes there is nothing to choose but the range, and values beyond a well-chosen one
// are clipped (for Gaussian weights at 4 standard deviations or so).
func (b *clustering) useGrid(ctx context.Context) error {
	full := gridOver(b.points)
	try := func(assignments []byte, shrink float64) (grid, float64, error) {
		g := grid{full.step * shrink, full.zero}
		_, values := g.all()
		sse, err := kmeans.Assign(ctx, assignments, b.points, 1, b.weights, values,
			b.clusterOptions())
		return g, sse, err
	}
	b.Assignments = make([]byte, len(b.points))
	best, bestSSE, err := try(b.Assignments, 1)
	if err != nil {
		return err
	}
	other := make([]byte, len(b.points))
	// Finer steps, until clipping costs more than they gain.
	for shrink := 15.0 / 16; shrink > 1e-4; shrink *= 15.0 / 16 {
		g, sse, err := try(other, shrink)
		if err != nil {
			return err
		}
		if sse >= bestSSE {
			break
		}
		best, bestSSE = g, sse
		b.Assignments, other = other, b.Assignments
	}
	bytes, _ := best.all()
	b.setCentroids(bytes, best, b.base)
	return nil
}
