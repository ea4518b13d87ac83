package codebook

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kmeans"
)

// Build compresses the matrix w [rows, cols], row-major and finite, as the scheme says. Bits and MaxError of the
// options hold for this matrix alone.
//
// Weights may be of any size, but a layer has float32 scales: where the largest weight is below
// 2^-96, digits are lost, and what lies far below the largest (rows whose weights are below 2^-24
// of it, mostly) comes out as 0. Compress passes through what that would spoil.
func Build(ctx context.Context, w []float32, rows, cols int, scheme Scheme, opts Options) (*Layer, error) {
	opts.Scheme = scheme
	opts, err := opts.withKernels()
	if err != nil {
		return nil, err
	}
	if scheme.Window != 0 {
		return buildWindows(ctx, w, rows, cols, nil, scheme.Window, opts)
	}
	if scheme.Name == "trellis" {
		return buildTrellis(ctx, w, rows, cols, opts)
	}
	if scheme.Name == "scalar" && scheme.Group == 0 {
		if l := exactLayer(w, rows, cols, scheme.K); l != nil {
			return l, nil
		}
	}
	l := &Layer{Rows: rows, Cols: cols, Width: scheme.Width, Group: scheme.Group}
	if l.Width == 0 {
		l.Width = cols
	}
	km := kmeans.Options{K: scheme.K, Seed: opts.Seed, Threads: opts.Threads, Kernels: opts.Kernels}
	scaled, exponent := ordinary(w)
	if err := l.cluster(ctx, scaled, scheme.Width != 0, km); err != nil {
		return nil, err
	}
	l.Scale = floats.Finite(math.Ldexp(float64(l.Scale), exponent))
	return l, nil
}

// cluster fills in the layer of w, whose shape it has, for a scheme that is not trellis.
func (l *Layer) cluster(ctx context.Context, w []float32, rowScales bool, km kmeans.Options) error {
	if l.Group != 0 {
		return l.buildGroups(ctx, w, km)
	}
	points, weights, base := l.normalise(w, rowScales, par.Threads(km.Threads))
	if l.Width == 1 && km.K == MaxCentroids {
		return l.useGrid(ctx, points, weights, base, km)
	}
	res, err := kmeans.Run(ctx, points, l.Width, weights, km)
	if err != nil {
		return err
	}
	return l.useCentroids(ctx, res.Centroids, points, weights, base, km)
}

// normalise cuts w into points of l.Width columns. With row scales each row is divided by a scale
// near the root of its mean square, which it keeps in l.RowScales, and a point's weight is the
// square of that. base is the value of the largest row scale.
func (l *Layer) normalise(w []float32, rowScales bool, threads int) (points, weights []float32, base float64) {
	segments := l.Segments()
	if !rowScales {
		return w, nil, 1
	}
	points = make([]float32, l.Rows*segments*l.Width)
	rms := make([]float64, l.Rows)
	par.Ranges(threads, l.Rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			var sum float64
			for _, v := range w[r*l.Cols:][:l.Cols] {
				sum += float64(float64(v) * float64(v))
			}
			rms[r] = math.Sqrt(sum / float64(l.Cols))
		}
	})
	base = slices.Max(rms)
	weights = make([]float32, l.Rows*segments)
	l.RowScales = make([]byte, l.Rows)
	par.Ranges(threads, l.Rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			code := byte(0)
			if rms[r] > 0 {
				code = logscale.Code(float32(rms[r] / base))
			}
			l.RowScales[r] = code
			if code == 0 {
				continue // a row of zeros: its points stay 0 and weigh nothing
			}
			scale := float64(RowScale(code))
			row := points[r*segments*l.Width:][:l.Cols]
			for c, v := range w[r*l.Cols:][:l.Cols] {
				row[c] = float32(float64(v) / (base * scale))
			}
			for s := range segments {
				weights[r*segments+s] = float32(scale * scale)
			}
		}
	})
	return points, weights, base
}

// grid is the map from bytes to values, step * (byte - zero). It spans all centroids and 0.
type grid struct {
	step float64
	zero byte
}

func gridOver(values []float32) grid {
	var lo, hi float64
	for _, v := range values {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	if lo == hi {
		return grid{}
	}
	step := (hi - lo) / 255
	return grid{step, byte(math.RoundToEven(-lo / step))}
}

func (g grid) quantise(v float32) byte {
	if g.step == 0 {
		return g.zero
	}
	return byte(min(max(math.RoundToEven(float64(v)/g.step)+float64(g.zero), 0), 255))
}

func (g grid) value(b byte) float32 { return float32(g.step * (float64(b) - float64(g.zero))) }

// useCentroids quantises centroids to bytes and only then assigns the points, so that each gets the
// nearest of the centroids as they are stored.
func (l *Layer) useCentroids(ctx context.Context, centroids, points, weights []float32, base float64, km kmeans.Options) error {
	g := gridOver(centroids)
	bytes := make([]byte, len(centroids))
	stored := make([]float32, len(centroids))
	for i, v := range centroids {
		bytes[i] = g.quantise(v)
		stored[i] = g.value(bytes[i])
	}
	l.Assignments = make([]byte, l.Rows*l.Segments())
	if _, err := kmeans.Assign(ctx, l.Assignments, points, l.Width, weights, stored, km); err != nil {
		return err
	}
	l.setCentroids(bytes, g, base)
	return nil
}

// setCentroids keeps the quantised centroids, with the scale of the rows in Scale.
func (l *Layer) setCentroids(bytes []byte, g grid, base float64) {
	l.Centroids = bytes
	l.ZeroPoint = g.zero
	l.Scale = float32(g.step * base)
}

// useGrid takes the 256 bytes themselves as the values of a layer of width 1: with as many
// centroids as bytes there is nothing to choose but the range, and values beyond a well-chosen one
// are clipped (for Gaussian weights at 4 standard deviations or so).
func (l *Layer) useGrid(ctx context.Context, points, weights []float32, base float64, km kmeans.Options) error {
	bytes := make([]byte, MaxCentroids)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	full := gridOver(points)
	try := func(assignments []byte, shrink float64) (grid, float64, error) {
		g := grid{full.step * shrink, full.zero}
		values := make([]float32, MaxCentroids)
		for i := range values {
			values[i] = g.value(byte(i))
		}
		sse, err := kmeans.Assign(ctx, assignments, points, 1, weights, values, km)
		return g, sse, err
	}
	l.Assignments = make([]byte, len(points))
	best, bestSSE, err := try(l.Assignments, 1)
	if err != nil {
		return err
	}
	other := make([]byte, len(points))
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
		l.Assignments, other = other, l.Assignments
	}
	l.setCentroids(bytes, best, base)
	return nil
}
