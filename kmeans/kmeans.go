package kmeans

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

const (
	// MaxCentroids is the largest number of centroids: an assignment is one byte.
	MaxCentroids = 256

	defaultIterations = 25
	defaultTolerance  = 1e-4

	// maxThreads is as many as there are tasks for at times; each has buffers of its own.
	maxThreads = 256
)

// Options say how to cluster. The zero value of every field but K is usable.
type Options struct {
	K             int          // centroids wanted, 1 to 256; Assign and Refine do not use it
	MaxIterations int          // passes over all points; 0: 25
	Tolerance     float64      // stop when a pass lowers SSE by less than this part of it; 0: 1e-4
	Seed          uint64       // of the generator that picks the first centroids
	Threads       int          // 0: GOMAXPROCS; the result does not depend on it
	Kernels       *kernels.Set // nil: kernels.Best; the result does not depend on it
}

// Iteration describes one pass over all points: the error of the centroids that it started from,
// and how they divide the points into clusters.
type Iteration struct {
	SSE   float64 // weighted sum of squared distances to the nearest centroid
	Moved float64 // (SSE of the pass before - SSE) / SSE of the pass before; 0 in the first pass
	// clusters without weight that were given a half of the worst one after the pass
	Repaired int
	Smallest int // points in the smallest cluster
	Largest  int // points in the largest cluster
}

// Result is a clustering. It has fewer than Options.K centroids only where there are fewer distinct
// points of positive weight.
type Result struct {
	Centroids   []float32   // [k][d], k <= Options.K; ascending for d = 1
	Assignments []byte      // for each point the index of its nearest centroid
	SSE         float64     // weighted sum of squared distances to the assigned centroids
	Iterations  []Iteration // at least one
}

// Run clusters n points of d coordinates, points [n][d] in row-major order, into at most opts.K
// clusters, so that the sum over the points of weight times squared Euclidean distance to the
// nearest centroid is small. weights has one value for each point; nil, or weights that are all
// zero, count as all one. A point of weight zero is assigned but has no say.
//
// For d = 1 the result is optimal but for rounding to a fine histogram (see oned.go). Else it comes
// from greedy k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's iteration over all points.
// Where there are no more than K distinct points of positive weight, they are the centroids, bit
// for bit.
//
// It fails for no points, K or d out of range, lengths that do not fit together, NaN or infinity
// among the points, weights that are negative, infinite or NaN, and with ctx.Err() once ctx is
// done.
func Run(ctx context.Context, points []float32, d int, weights []float32,
	opts Options) (*Result, error) {
	if opts.K < 1 || opts.K > MaxCentroids {
		return nil, fmt.Errorf("kmeans: %d centroids wanted: want 1 to %d", opts.K, MaxCentroids)
	}
	in, err := newInput(points, d, weights, nil, opts)
	if err != nil {
		return nil, err
	}
	rows, err := in.distinct(ctx, opts.K)
	if err != nil {
		return nil, err
	}
	if rows != nil {
		return in.finish(ctx, rows)
	}
	if d == 1 {
		return in.runOne(ctx, opts.K)
	}
	centroids, err := in.seed(ctx, opts.K)
	if err != nil {
		return nil, err
	}
	return in.refine(ctx, centroids)
}

// Refine runs Lloyd's iteration from the given centroids [k][d], k of 1 to 256: opts.K is not used.
// Points, weights, result and errors are those of Run; NaN and infinity among the centroids are
// errors too.
func Refine(ctx context.Context, points []float32, d int, weights, centroids []float32,
	opts Options) (*Result, error) {
	if err := checkCentroids(centroids, d); err != nil {
		return nil, err
	}
	in, err := newInput(points, d, weights, centroids, opts)
	if err != nil {
		return nil, err
	}
	if d == 1 {
		return in.refineOne(ctx, centroids)
	}
	return in.refine(ctx, centroids)
}

// Assign writes the index of each point's nearest centroid to assignments, the lowest among equals,
// and returns the weighted sum of squared distances. centroids is [k][d], k of 1 to 256: opts.K is
// not used. Points, weights and errors are those of Refine; assignments must have one byte for each
// point.
func Assign(ctx context.Context, assignments []byte, points []float32, d int, weights []float32,
	centroids []float32, opts Options) (sse float64, err error) {
	if err := checkCentroids(centroids, d); err != nil {
		return 0, err
	}
	in, err := newInput(points, d, weights, centroids, opts)
	if err != nil {
		return 0, err
	}
	if len(assignments) != in.n {
		return 0, fmt.Errorf("kmeans: %d assignments for %d points", len(assignments), in.n)
	}
	if d == 1 {
		return in.assignOne(ctx, assignments, centroids)
	}
	return in.assign(ctx, assignments, centroids)
}

func checkCentroids(centroids []float32, d int) error {
	if d < 1 {
		return fmt.Errorf("kmeans: points of width %d: want at least 1", d)
	}
	if k := len(centroids) / d; k < 1 || k > MaxCentroids || len(centroids)%d != 0 {
		return fmt.Errorf("kmeans: %d values are no 1 to %d centroids of width %d", len(centroids),
			MaxCentroids, d)
	}
	if top, at := largest(centroids); at >= 0 {
		return fmt.Errorf("kmeans: centroid %d, coordinate %d: %v is not finite", at/d, at%d, top)
	}
	return nil
}

// input is what the entry points share, checked, with the defaults filled in.
//
// The work is done on scaled and shifted copies of the points: x*scale - shift[j]. scale is a power
// of two, so nothing is lost, and makes the largest magnitude about 1, so that no product or sum
// overflows or vanishes. shift is zero but for coordinates that are far from zero compared with
// their spread, where the scores of Nearest, half|c|^2 - x.c, would cancel.
type input struct {
	points  []float32
	weights []float32 // nil: all 1
	n, d    int
	scale   float64
	inverse float64 // 1/scale
	shift   []float64
	mean    []float64 // of the coordinates, about, times scale

	iterations int
	tolerance  float64
	seedValue  uint64
	threads    int
	kernels    *kernels.Set
}

func newInput(points []float32, d int, weights, centroids []float32, opts Options) (*input, error) {
	switch {
	case d < 1:
		return nil, fmt.Errorf("kmeans: points of width %d: want at least 1", d)
	case len(points) == 0:
		return nil, fmt.Errorf("kmeans: no points")
	case len(points)%d != 0:
		return nil, fmt.Errorf("kmeans: %d values are no whole number of points of width %d",
			len(points), d)
	case weights != nil && len(weights) != len(points)/d:
		return nil, fmt.Errorf("kmeans: %d weights for %d points", len(weights), len(points)/d)
	case opts.MaxIterations < 0 || opts.Threads < 0:
		return nil, fmt.Errorf("kmeans: %d iterations on %d threads: want none below 0",
			opts.MaxIterations, opts.Threads)
	case !(opts.Tolerance >= 0):
		return nil, fmt.Errorf("kmeans: tolerance %v: want at least 0", opts.Tolerance)
	}
	top, at := largest(points)
	if at >= 0 {
		return nil, fmt.Errorf("kmeans: point %d, coordinate %d: %v is not finite", at/d, at%d,
			points[at])
	}
	if bad, any := checkWeights(weights); bad >= 0 {
		return nil, fmt.Errorf("kmeans: weight %d: %v is not a finite number of at least 0", bad,
			weights[bad])
	} else if !any {
		weights = nil
	}
	farthest, _ := largest(centroids)
	in := &input{
		points: points, weights: weights, n: len(points) / d, d: d,
		scale: 1, inverse: 1, shift: make([]float64, d), mean: make([]float64, d),
		iterations: opts.MaxIterations, tolerance: opts.Tolerance, seedValue: opts.Seed,
		threads: opts.Threads, kernels: opts.Kernels,
	}
	if top = max(top, farthest); top > 0 {
		_, exp := math.Frexp(float64(top))
		in.scale, in.inverse = math.Ldexp(1, -exp), math.Ldexp(1, exp)
	}
	if in.iterations == 0 {
		in.iterations = defaultIterations
	}
	if in.tolerance == 0 {
		in.tolerance = defaultTolerance
	}
	in.threads = min(par.Threads(in.threads), maxThreads)
	if in.kernels == nil {
		best, err := kernels.Best()
		if err != nil {
			return nil, fmt.Errorf("kmeans: %w", err)
		}
		in.kernels = best
	}
	in.findShift()
	return in, nil
}

// largest returns the largest magnitude among values, and the index of the first that is not finite
// or -1.
func largest(values []float32) (top float32, notFinite int) {
	// As integers, the bits of |x| order as the values do, and NaN and infinity come last.
	const infinity = 0x7f800000
	var lanes [4]uint32 // a maximum waits for the one before it
	rest := values
	for ; len(rest) >= 4; rest = rest[4:] {
		for i := range lanes {
			lanes[i] = max(lanes[i], math.Float32bits(rest[i])&0x7fffffff)
		}
	}
	for _, v := range rest {
		lanes[0] = max(lanes[0], math.Float32bits(v)&0x7fffffff)
	}
	if bits := slices.Max(lanes[:]); bits < infinity {
		return math.Float32frombits(bits), -1
	}
	for i, v := range values {
		if math.Float32bits(v)&0x7fffffff >= infinity {
			return v, i
		}
	}
	panic("unreachable")
}

// checkWeights returns the index of the first weight that is none, or -1, and whether any is
// positive.
func checkWeights(weights []float32) (bad int, positive bool) {
	for i, w := range weights {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return i, false
		}
		positive = positive || w > 0
	}
	return -1, positive
}

// findShift sets the means, and the shift of the coordinates whose mean is more than 4 times their
// deviation. Most of such values are within a factor of two of the mean, so that taking it away is
// exact (Sterbenz). A few thousand points spread over all show well enough which coordinates these
// are.
func (in *input) findShift() {
	m := min(in.n, max(64, 4096/in.d))
	for j := range in.d {
		var sum, squares float64
		for i := range m {
			x := float64(in.points[in.spread(i, m)*in.d+j]) * in.scale
			sum += x
			squares += float64(x * x)
		}
		mean := sum / float64(m)
		in.mean[j] = mean
		variance := squares/float64(m) - float64(mean*mean)
		if float64(mean*mean) > 16*variance {
			in.shift[j] = float64(float32(mean))
		}
	}
}

// spread returns the index of the i-th of m points that are spread evenly among all.
func (in *input) spread(i, m int) int {
	return int(float64(i) * (float64(in.n) / float64(m)))
}

// toWork returns value x of coordinate j as the work is done on it.
func (in *input) toWork(x float32, j int) float32 {
	return float32(float64(float64(x)*in.scale) - in.shift[j])
}

// fromWork is the way back from toWork.
func (in *input) fromWork(x float64, j int) float32 {
	return finite((x + in.shift[j]) * in.inverse)
}

// unscale turns a sum of squared distances between work points into one between points.
func (in *input) unscale(sse float64) float64 { return sse * in.inverse * in.inverse }

// distinct returns the distinct points of positive weight in the order of their appearance, one
// after the other, or nil when there are more than limit.
func (in *input) distinct(ctx context.Context, limit int) ([]float32, error) {
	seen := make(map[string]struct{}, limit)
	var rows []float32
	key := make([]byte, 0, 4*in.d)
	for i := range in.n {
		if i%(1<<16) == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if in.weights != nil && in.weights[i] == 0 {
			continue
		}
		row := in.points[i*in.d:][:in.d]
		key = appendKey(key[:0], row)
		if _, ok := seen[string(key)]; ok {
			continue
		}
		if len(seen) == limit {
			return nil, nil
		}
		seen[string(key)] = struct{}{}
		rows = append(rows, row...)
	}
	for i := range rows {
		rows[i] += 0 // -0 becomes 0
	}
	return rows, nil
}

// finish is the result of centroids that need no more work: all distinct points.
func (in *input) finish(ctx context.Context, centroids []float32) (*Result, error) {
	if in.d == 1 {
		return in.refineOne(ctx, centroids)
	}
	res := &Result{Centroids: centroids, Assignments: make([]byte, in.n)}
	if _, err := in.assign(ctx, res.Assignments, centroids); err != nil {
		return nil, err
	}
	// Scores cannot tell points apart that differ in the last bits alone. What has a say is one of
	// the centroids.
	row := make(map[string]byte, len(centroids)/in.d)
	var key []byte
	for i := range len(centroids) / in.d {
		key = appendKey(key[:0], centroids[i*in.d:][:in.d])
		row[string(key)] = byte(i)
	}
	for i := range in.n {
		key = appendKey(key[:0], in.points[i*in.d:][:in.d])
		if r, ok := row[string(key)]; ok {
			res.Assignments[i] = r
		}
	}
	var count [MaxCentroids]int
	for _, a := range res.Assignments {
		count[a]++
	}
	counts := count[:len(row)]
	res.Iterations = []Iteration{{Smallest: slices.Min(counts), Largest: slices.Max(counts)}}
	return res, nil
}

// appendKey appends the bits of a point, the same for zeros of either sign.
func appendKey(key []byte, point []float32) []byte {
	for _, x := range point {
		key = binary.LittleEndian.AppendUint32(key, math.Float32bits(x+0))
	}
	return key
}
