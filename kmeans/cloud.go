package kmeans

import (
	"context"
	"math"
	"sort"

	"github.com/palettize/palettize/internal/par"
)

const (
	// chunkValues is about how many values a chunk holds: with its assignments and scores it stays
	// in a first-level or, for wide points, second-level cache.
	chunkValues = 1 << 13
	chunkLeast  = 64   // points, where they are wide
	chunkMost   = 2048 // points, where they are narrow

	// maxParts bounds the parts whose moves are summed up by themselves, partLeast the points in
	// one, and maxPartWidth the width of points for which that is done: each part has sums for 256
	// centroids, 17 MB for all at most.
	maxParts     = 64
	partLeast    = 4096
	maxPartWidth = 128
	// maxBoxWidth is the largest width of points for which boxes rule out enough centroids to pay:
	// of 256 and for Gaussian points they leave 8 at a width of 2, 96 at 4 and all at 8. Where they
	// don't, bounds.go does better.
	maxBoxWidth = 3

	sortParts = 16 // threads that can sort points
)

// chunk is the points [lo, hi) of a cloud. Their coordinates are in planes, coordinate by
// coordinate, at lo*d, which is what Nearest takes.
type chunk struct{ lo, hi int }

// cloud is a set of work points in chunks. Chunks and their order depend on the points alone, never
// on the number of threads, so that sums taken chunk by chunk don't either.
type cloud struct {
	d       int
	chunks  []chunk
	planes  []float32
	weights []float32 // in the order of the cloud; nil: all 1
	order   []uint32  // which of the input's points each is; nil: as they come
	boxes   []float64 // chunks x 2 x d: see boxes.go; nil: not known
}

// weightsOf returns the weights of a chunk, nil if all are 1.
func (c *cloud) weightsOf(ch chunk) []float32 {
	if c.weights == nil {
		return nil
	}
	return c.weights[ch.lo:ch.hi]
}

func chunkPoints(d int) int { return max(chunkLeast, min(chunkMost, chunkValues/d)) }

// split cuts points [lo, hi) into chunks of about the same size.
func split(chunks []chunk, lo, hi, d int) []chunk {
	n := hi - lo
	pieces := (n + chunkPoints(d) - 1) / chunkPoints(d)
	for i := range pieces {
		chunks = append(chunks, chunk{lo + par.Portion(n, i, pieces), lo + par.Portion(n, i+1, pieces)})
	}
	return chunks
}

// newCloud copies the points of the input, those of order or, if it is nil, all, into planes.
func (in *input) newCloud(ctx context.Context, order []uint32, chunks []chunk,
	boxes bool) (*cloud, error) {
	n := in.n
	if order != nil {
		n = len(order)
	}
	c := &cloud{d: in.d, chunks: chunks, planes: make([]float32, n*in.d), order: order}
	if in.weights != nil {
		c.weights = in.weights
		if order != nil {
			c.weights = make([]float32, n)
		}
	}
	if boxes {
		c.boxes = make([]float64, len(chunks)*2*in.d)
	}
	err := par.Tasks(ctx, in.threads, len(chunks), func(_, t int) {
		ch := chunks[t]
		in.load(c.planes[ch.lo*in.d:ch.hi*in.d], ch, order)
		if order != nil && in.weights != nil {
			for i := ch.lo; i < ch.hi; i++ {
				c.weights[i] = in.weights[order[i]]
			}
		}
		if boxes {
			c.setBox(t)
		}
	})
	return c, err
}

// load writes the planes of a chunk.
func (in *input) load(planes []float32, ch chunk, order []uint32) {
	d, n := in.d, ch.hi-ch.lo
	for i := range n {
		at := ch.lo + i
		if order != nil {
			at = int(order[at])
		}
		for j, x := range in.points[at*d : at*d+d] {
			planes[j*n+i] = float32(float64(float64(x)*in.scale) - in.shift[j])
		}
	}
}

// inOrder is the cloud of all points as they come.
func (in *input) inOrder(ctx context.Context) (*cloud, error) {
	return in.newCloud(ctx, nil, split(nil, 0, in.n, in.d), false)
}

// grouped is the cloud of all points with those together that have the same nearest centroid. Its
// chunks are small in space, so that for each of them most centroids are out of the question, and
// stay so while the centroids move.
func (in *input) grouped(ctx context.Context, set *centroidSet) (*cloud, error) {
	if in.d > maxBoxWidth || in.n > math.MaxInt32 || set.k < 8 || in.n < 16*set.k {
		return in.inOrder(ctx)
	}
	assignments := make([]byte, in.n)
	if err := in.nearest(ctx, assignments, set, nil); err != nil {
		return nil, err
	}
	order, ends, err := in.sortBy(ctx, assignments)
	if err != nil {
		return nil, err
	}
	var chunks []chunk
	lo := 0
	for _, hi := range ends {
		chunks = split(chunks, lo, hi, in.d)
		lo = hi
	}
	return in.newCloud(ctx, order, chunks, true)
}

// sortBy returns the points in the order of their assignments, each lot as it comes, and where each
// lot ends.
func (in *input) sortBy(ctx context.Context, assignments []byte) (order []uint32, ends []int,
	err error) {
	// of a part: how many of each lot, then where the next one goes
	var next [sortParts][MaxCentroids]int
	err = par.Tasks(ctx, in.threads, sortParts, func(_, t int) {
		for _, a := range assignments[par.Portion(in.n, t, sortParts):par.Portion(in.n, t+1, sortParts)] {
			next[t][a]++
		}
	})
	if err != nil {
		return nil, nil, err
	}
	at := 0
	for k := range MaxCentroids {
		for t := range next {
			at, next[t][k] = at+next[t][k], at
		}
		ends = append(ends, at)
	}
	order = make([]uint32, in.n)
	err = par.Tasks(ctx, in.threads, sortParts, func(_, t int) {
		for i := par.Portion(in.n, t, sortParts); i < par.Portion(in.n, t+1, sortParts); i++ {
			to := &next[t][assignments[i]]
			order[*to] = uint32(i)
			*to++
		}
	})
	return order, ends, err
}

// appendPoint appends the coordinates of point p.
func (c *cloud) appendPoint(to []float32, p int) []float32 {
	t := sort.Search(len(c.chunks), func(t int) bool { return c.chunks[t].hi > p })
	ch := c.chunks[t]
	for j := range c.d {
		to = append(to, c.planes[ch.lo*c.d+j*(ch.hi-ch.lo)+p-ch.lo])
	}
	return to
}
