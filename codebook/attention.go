package codebook

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
	"github.com/palettize/palettize/kmeans"
)

const (
	// maxHead is the largest number of columns of a head: they share one scale of a quantised query.
	maxHead = kernels.Block
	// maxKeyWidth is the largest width of a segment of a key.
	maxKeyWidth     = 8
	defaultKeyWidth = 4
)

// AttentionOptions say how keys, and queries, are replaced by centroids. The zero value is usable.
type AttentionOptions struct {
	// Width is the columns of a key that one code stands for, d: 1 to 8; 0: 4. The last segment
	// of a key may be shorter. A score is a sum of ceil(columns / d) table entries, a key takes
	// as many bytes.
	Width int
	// Whole replaces whole keys and whole queries by one of 256 centroids each: a score is one
	// entry of a table of 256 x 256 products, a key takes one byte. Errors are large. Width is 0.
	Whole bool

	Seed    uint64       // of k-means
	Threads int          // for training; 0: GOMAXPROCS. The result does not depend on it
	Kernels *kernels.Set // nil: kernels.Best. The result does not depend on it
}

// Attention scores queries against the keys of one head of attention without multiplying them. Keys
// are cut into segments, and each is replaced by one of 256 centroids of its own codebook: product
// quantisation (Jégou, Douze and Schmid 2011), trained on samples. For a query, the dot products of
// its segments with all centroids are computed first, as plan "table" does for a [Layer]; the score
// of a key, its dot product with the query, is the sum of those that its codes name.
//
// It approximates: what it costs in accuracy depends on the model, and has to be measured there. It
// pays where keys are many, about a thousand for each query.
//
// An Attention does not change once it is trained, and any number of caches and goroutines may use
// it. A layer of several heads has one for each head that has keys.
type Attention struct {
	set      *kernels.Set
	head     int // columns
	width    int // d
	padded   int // d, rounded up to a multiple of 4
	segments int

	// A key is coded as key*scale - centre: errors in a column count as much as its queries are
	// large, and keys are near 0. inverse is 1/scale. [head] each.
	scale, inverse, centre []float32
	codebooks              []finder // of such keys, one a segment

	// The same centroids for queries times inverse: column j of a centroid is step * (byte -
	// zeros[j]). That the zero points differ and are no bytes is how the centre comes back.
	centroids []byte  // [segments][256 rows in the layout of mul-u8]
	zeros     []int32 // [head]
	step      float32

	queries *queryTables // nil: queries are taken as they are
}

// queryTables are what a whole query is looked up in.
type queryTables struct {
	scale     []float32 // [head]: errors in a column count as much as keys vary in it
	centroids []float32 // [256][head], of queries times scale
	codebook  finder    // of the same
	tables    []kernels.Tables
}

// AttentionParts are what an [Attention] is made of, to store it. A key's column j is what its
// centroid has there: Step * (byte - Zeros[j]) / Scales[j].
type AttentionParts struct {
	Width     int       // of a segment, d
	Centroids []byte    // [segments][256][d]; the last segment is padded with zeros
	Scales    []float32 // [head]: how much each column counts where the nearest centroid is sought
	Zeros     []int32   // [head]
	Step      float32

	// With AttentionOptions.Whole, else nil: the centroids of queries, [256][head], each column
	// times its scale, [head].
	Queries, QueryScales []float32
}

// zeroLimit is the largest zero point. kernels.BuildTables allows what starts the sums 2^30 in all:
// maxHead columns times 127 times this is less. Entries of tables are of 16 bits, so that centres
// of hundreds of times the spread around them cost some of their precision.
const zeroLimit = 1 << 14

// leastWeight is the least that a column counts, as a part of what the most important one does.
const leastWeight = 1.0 / 256

// middle is the byte that stands for a column's centre where the nearest centroid is sought.
const middle = 128

// far is where coordinates are cut off that are looked up: beyond all centroids, which are at most
// about 2 from 0, and such that no distance overflows.
const far = 0x1p40

// TrainAttention finds codebooks for the keys of one head of this many columns, by k-means on
// samples of them, keys [n, head]. queries [m, head] are samples of what they are compared with.
// They say how much each column counts, and are needed for Whole; without them all columns count
// alike. Where several heads of queries share the keys, samples of all go in. Samples have to be as
// those of use are, after a rotary embedding if there is one; some thousands do.
//
// Scores do not depend on the CPU. Sample lengths that are no whole number of rows, or none where
// some are needed, are a [ShapeError], a NaN or an infinity is a [NotFiniteError].
func TrainAttention(ctx context.Context, head int, keys, queries []float32,
	opts AttentionOptions) (*Attention, error) {
	switch {
	case head < 1 || head > maxHead:
		return nil, fmt.Errorf("attention head of %d columns: want 1 to %d", head, maxHead)
	case opts.Width < 0 || opts.Width > maxKeyWidth:
		return nil, fmt.Errorf("segments of %d columns: want 1 to %d", opts.Width, maxKeyWidth)
	case opts.Whole && opts.Width != 0:
		return nil, fmt.Errorf("segments of %d columns of whole keys: want one or the other",
			opts.Width)
	}
	if err := checkSamples("key", keys, head, true); err != nil {
		return nil, err
	}
	if err := checkSamples("query", queries, head, opts.Whole); err != nil {
		return nil, err
	}
	set, err := RunOptions{Kernels: opts.Kernels}.kernels()
	if err != nil {
		return nil, err
	}
	width := opts.Width
	switch {
	case opts.Whole:
		width = head
	case width == 0:
		width = defaultKeyWidth
	}
	p := AttentionParts{Width: width}
	p.Scales = scales(keys, relative(deviations(queries, make([]float64, head))))
	points := make([]float32, len(keys))
	for i, v := range keys {
		points[i] = v * p.Scales[i%head]
	}
	if err := p.cluster(ctx, points, set, opts); err != nil {
		return nil, err
	}
	if opts.Whole {
		if err := p.clusterQueries(ctx, points, queries, set, opts); err != nil {
			return nil, err
		}
	}
	return p.attention(set), nil
}

// NewAttention returns the Attention that these parts are of. Parts that are none of an Attention
// are an error.
func NewAttention(p AttentionParts, set *kernels.Set) (*Attention, error) {
	set, err := RunOptions{Kernels: set}.kernels()
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.attention(set), nil
}

// check says what is wrong with parts: those that pass make sums that do not overflow.
func (p *AttentionParts) check() error {
	head := len(p.Scales)
	switch {
	case head < 1 || head > maxHead:
		return fmt.Errorf("attention head of %d columns: want 1 to %d", head, maxHead)
	case p.Width < 1 || p.Width > maxKeyWidth && (p.Width != head || p.Queries == nil):
		return fmt.Errorf("segments of %d columns, want 1 to %d, or all %d with centroids of "+
			"queries", p.Width, maxKeyWidth, head)
	}
	queries, queryScales := 0, 0
	if p.Queries != nil {
		queries, queryScales = kernels.Centroids*head, head
	}
	for _, s := range []struct {
		what      string
		len, want int
	}{
		{"centroids", len(p.Centroids), ceilDiv(head, p.Width) * kernels.Centroids * p.Width},
		{"zero points", len(p.Zeros), head},
		{"centroids of queries", len(p.Queries), queries},
		{"scales of queries", len(p.QueryScales), queryScales},
	} {
		if s.len != s.want {
			return &ShapeError{s.what, s.len, s.want}
		}
	}
	for j, zero := range p.Zeros {
		if zero < -zeroLimit || zero > zeroLimit+255 {
			return fmt.Errorf("zero point %d is %d, want %d to %d", j, zero, -zeroLimit,
				zeroLimit+255)
		}
	}
	for _, v := range []struct {
		what   string
		values []float32
	}{{"scale", p.Scales}, {"step", []float32{p.Step}}, {"scale of queries", p.QueryScales}} {
		for j, s := range v.values {
			if !(s >= 0x1p-126 && s <= math.MaxFloat32) { // so that 1/s is finite
				return fmt.Errorf("%s %d is %v, want 2^-126 or more", v.what, j, s)
			}
		}
	}
	if i := floats.IndexNonfinite(p.Queries); i >= 0 {
		return fmt.Errorf("centroid of queries %d is %v", i, p.Queries[i])
	}
	return nil
}

// attention returns what these parts are of.
func (p *AttentionParts) attention(set *kernels.Set) *Attention {
	head := len(p.Scales)
	a := &Attention{set: set, head: head, width: p.Width, padded: ceilDiv(p.Width, 4) * 4,
		segments: ceilDiv(head, p.Width), scale: p.Scales, zeros: p.Zeros, step: p.Step}
	a.inverse, a.centre = make([]float32, head), make([]float32, head)
	for j, v := range a.scale {
		a.inverse[j] = float32(1 / float64(v))
		a.centre[j] = float32(float64(a.step) * float64(middle-a.zeros[j]))
	}
	a.centroids = make([]byte, a.segments*kernels.Centroids*a.padded)
	a.codebooks = make([]finder, a.segments)
	for s := range a.codebooks {
		cols := min(a.width, head-s*a.width)
		values := make([]float32, 0, kernels.Centroids*cols)
		for k := range kernels.Centroids {
			for j, b := range p.Centroids[(s*kernels.Centroids+k)*a.width:][:cols] {
				a.centroids[a.centroidAt(s, k, j)] = b
				values = append(values, float32(float64(a.step)*float64(int(b)-middle)))
			}
		}
		a.codebooks[s] = newFinder(set, values)
	}
	if p.Queries != nil {
		a.tabulate(p.Queries, p.QueryScales)
	}
	return a
}

// Parts returns what the Attention is made of, for [NewAttention]. What it returns must not be
// changed.
func (a *Attention) Parts() AttentionParts {
	p := AttentionParts{Width: a.width, Scales: a.scale, Zeros: a.zeros, Step: a.step}
	p.Centroids = make([]byte, a.segments*kernels.Centroids*a.width)
	for i := range p.Centroids {
		row, j := i/a.width, i%a.width
		s, k := row/kernels.Centroids, row%kernels.Centroids
		p.Centroids[i] = a.centroids[a.centroidAt(s, k, j)]
	}
	if t := a.queries; t != nil {
		p.Queries, p.QueryScales = t.centroids, t.scale
	}
	return p
}

func checkSamples(what string, values []float32, head int, needed bool) error {
	rows := len(values) / head
	if needed {
		rows = max(rows, 1)
	}
	if len(values) != rows*head {
		return &ShapeError{what + " samples", len(values), rows * head}
	}
	return finite(what, values)
}

// finite is about the first of these keys or queries that is not finite, nil if all are.
func finite(what string, values []float32) error {
	if i := floats.IndexNonfinite(values); i >= 0 {
		return &NotFiniteError{what + " value", i, values[i]}
	}
	return nil
}

// scales returns weights of columns times a power of two that brings samples times them to about 1,
// but for very large and very small ones.
func scales(samples []float32, weights []float64) []float32 {
	top := 0.0
	for i, v := range samples {
		top = max(top, math.Abs(float64(v))*weights[i%len(weights)])
	}
	_, exp := math.Frexp(top)
	exp = min(max(exp, -100), 100)
	scales := make([]float32, len(weights))
	for j, w := range weights {
		scales[j] = float32(math.Ldexp(w, -exp))
	}
	return scales
}

// means returns those of the columns of x.
func means(x []float32, cols int) []float64 {
	sums := make([]float64, cols)
	for i, v := range x {
		sums[i%cols] += float64(v)
	}
	for j := range sums {
		sums[j] /= float64(len(x) / cols)
	}
	return sums
}

// deviations returns the roots of the mean squares of the columns of x about these values; zeros
// for no rows.
func deviations(x []float32, about []float64) []float64 {
	roots := make([]float64, len(about))
	for i, v := range x {
		off := float64(v) - about[i%len(about)]
		roots[i%len(about)] += float64(off * off)
	}
	for j, sum := range roots {
		roots[j] = math.Sqrt(sum / float64(max(1, len(x)/len(about))))
	}
	return roots
}

// relative makes weights of columns relative to the largest of them, leastWeight to 1: all 1, where
// all are 0.
func relative(weights []float64) []float64 {
	top := slices.Max(weights)
	for j, w := range weights {
		weights[j] = 1
		if top > 0 {
			weights[j] = max(w/top, leastWeight)
		}
	}
	return weights
}

// cluster finds the centroids of points, keys times their scales, and rounds them to bytes.
func (p *AttentionParts) cluster(ctx context.Context, points []float32, set *kernels.Set,
	opts AttentionOptions) error {
	head := len(p.Scales)
	centres := means(points, head)
	found := make([][]float32, ceilDiv(head, p.Width)) // [256][columns] each
	lo, hi, top := 0.0, 0.0, 0.0
	for s := range found {
		first, last := s*p.Width, min((s+1)*p.Width, head)
		cut := make([]float32, 0, len(points)/head*(last-first))
		for at := 0; at < len(points); at += head {
			cut = append(cut, points[at+first:at+last]...)
		}
		var err error
		if found[s], err = centroids(ctx, cut, last-first, set, opts); err != nil {
			return err
		}
		for i, v := range found[s] {
			off := float64(v) - centres[first+i%(last-first)]
			lo, hi = min(lo, off), max(hi, off)
		}
	}
	for _, c := range centres {
		top = max(top, math.Abs(c))
	}
	if p.Step = float32(max((hi-lo)/255, top/zeroLimit)); p.Step == 0 {
		p.Step = 1
	}
	step := float64(p.Step)
	zero := math.RoundToEven(min(max(-lo/step, 0), 255)) // of what is left of a centre
	p.Zeros = make([]int32, head)
	for j, c := range centres {
		p.Zeros[j] = int32(zero - math.RoundToEven(c/step))
	}
	p.Centroids = make([]byte, len(found)*kernels.Centroids*p.Width)
	for s, values := range found {
		cols := len(values) / kernels.Centroids
		for i, v := range values {
			k, j := i/cols, i%cols
			b := math.RoundToEven(float64(v)/step) + float64(p.Zeros[s*p.Width+j])
			p.Centroids[(s*kernels.Centroids+k)*p.Width+j] = byte(min(max(b, 0), 255))
		}
	}
	return nil
}

// centroids returns 256 of these points [n][d]: those of k-means, the first one again for what is
// missing.
func centroids(ctx context.Context, points []float32, d int, set *kernels.Set,
	opts AttentionOptions) ([]float32, error) {
	res, err := kmeans.Run(ctx, points, d, nil, kmeans.Options{
		K: MaxCentroids, Seed: opts.Seed, Threads: opts.Threads, Kernels: set,
	})
	if err != nil {
		return nil, err
	}
	missing := MaxCentroids - len(res.Centroids)/d
	return append(res.Centroids, slices.Repeat(res.Centroids[:d], missing)...), nil
}

// clusterQueries finds the centroids of queries. points are samples of keys, times their scales.
func (p *AttentionParts) clusterQueries(ctx context.Context, points, queries []float32,
	set *kernels.Set, opts AttentionOptions) (err error) {
	head := len(p.Scales)
	weights := relative(deviations(points, means(points, head)))
	for j, v := range p.Scales {
		weights[j] /= float64(v)
	}
	p.QueryScales = scales(queries, weights)
	scaled := make([]float32, len(queries))
	for at := 0; at < len(queries); at += head {
		scaleInto(scaled[at:][:head], queries[at:][:head], p.QueryScales, far)
	}
	p.Queries, err = centroids(ctx, scaled, head, set, opts)
	return err
}

// tabulate multiplies the centroids of queries [256][head], which are times scale, with those of
// keys.
func (a *Attention) tabulate(centroids, scale []float32) {
	t := &queryTables{scale: scale, centroids: centroids, codebook: newFinder(a.set, centroids)}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	all := kernels.NewTables(kernels.Centroids, 1)
	layout := a.layout()
	q, scales := make([]int8, kernels.Centroids*a.padded), make([]float32, kernels.Centroids)
	init := make([]int32, kernels.Centroids)
	query := make([]float32, a.head)
	for k := range kernels.Centroids {
		for j, v := range centroids[k*a.head:][:a.head] {
			q := float64(v) / float64(scale[j]) * float64(a.inverse[j])
			query[j] = float32(min(max(q, -math.MaxFloat32), math.MaxFloat32))
		}
		ws.in.N = 0
		ws.quantiseOne(a.set, query, layout)
		copy(q[k*a.padded:], ws.q[:a.head])
		scales[k] = ws.in.Scales[0] * a.step
		a.starts(init[k:k+1], ws.q)
	}
	a.set.BuildTables(all, a.centroids, 0, a.padded, q, scales, init)
	for k := range kernels.Centroids {
		t.tables = append(t.tables, all.Segment(k))
	}
	a.queries = t
}

// scaleInto writes x times scale to dst, cut off beyond limit.
func scaleInto(dst, x, scale []float32, limit float32) {
	dst, scale = dst[:len(x)], scale[:len(x)]
	for j, v := range x {
		v *= scale[j]
		if v > limit {
			v = limit
		} else if v < -limit {
			v = -limit
		}
		dst[j] = v
	}
}

// layout is how a query is quantised.
func (a *Attention) layout() inputLayout {
	return inputLayout{cols: a.head, block: a.head, group: a.head, stride: a.segments * a.width}
}

// starts writes what the sums of a query's segments start from.
func (a *Attention) starts(init []int32, q []int8) {
	for s := range init {
		first, last := s*a.width, min((s+1)*a.width, a.head)
		zeros, sum := a.zeros[first:last], int32(0)
		for j, v := range q[first:last] {
			sum -= zeros[j] * int32(v)
		}
		init[s] = sum
	}
}

// centroidAt is where column j of centroid k of segment s is.
func (a *Attention) centroidAt(s, k, j int) int {
	return s*kernels.Centroids*a.padded + centroidAt(a.padded, k, j)
}

// Columns is the number of columns of a head.
func (a *Attention) Columns() int { return a.head }

// BitsResident is what the codebooks and tables take in memory, in bits.
func (a *Attention) BitsResident() int64 {
	bits := 8*int64(len(a.centroids)) + 32*int64(3*len(a.scale)+len(a.zeros))
	for i := range a.codebooks {
		bits += a.codebooks[i].bits()
	}
	if t := a.queries; t != nil {
		bits += 32*int64(len(t.scale)+len(t.centroids)) + t.codebook.bits() +
			kernels.Centroids*(16*kernels.Centroids+32)
	}
	return bits
}

// finder finds the nearest of 256 centroids.
type finder struct {
	d      int
	panels []float32 // [256/rows][d][rows], rows being UpdateRows of the kernels
	half   []float32 // [256] half their squared lengths
}

// newFinder makes one for centroids [256][d].
func newFinder(set *kernels.Set, centroids []float32) finder {
	d, rows := len(centroids)/kernels.Centroids, set.UpdateRows()
	f := finder{d, make([]float32, len(centroids)), make([]float32, kernels.Centroids)}
	for i, v := range centroids {
		k, j := i/d, i%d
		f.panels[(k/rows*d+j)*rows+k%rows] = v
		f.half[k] += float32(v * v / 2)
	}
	return f
}

func (f *finder) bits() int64 { return 32 * int64(len(f.panels)+len(f.half)) }

// nearest returns the index of the centroid nearest to x [d], the lowest among equals. What it
// compares is what [kernels.Set.Nearest] does, which takes many points to a few centroids: half a
// squared length less the product with x, by the kernel for a few points and many centroids.
func (f *finder) nearest(set *kernels.Set, ws *workspace, x []float32) byte {
	half := f.half[:len(ws.distances)]
	copy(ws.distances[:], half)
	rows := set.UpdateRows()
	for k := 0; k < len(half); k += rows {
		set.Update(ws.distances[k:], x, f.d, 1, f.panels[k*f.d:], f.d)
	}
	return byte(lowest(&ws.distances))
}

// lowest returns the index of the lowest value, the first among equals. Most are not lower than all
// before them: eight at a time take a quarter of the time of one by one.
func lowest(x *[kernels.Centroids]float32) int {
	best, at := x[0], 0
	for i := 0; i < len(x); i += 8 {
		e := (*[8]float32)(x[i:])
		if e[0] < best || e[1] < best || e[2] < best || e[3] < best ||
			e[4] < best || e[5] < best || e[6] < best || e[7] < best {
			for j, v := range e {
				if v < best {
					best, at = v, i+j
				}
			}
		}
	}
	return at
}
