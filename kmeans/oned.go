package kmeans

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/palettize/palettize/internal/par"
)

// In one dimension clusters are intervals, and the best intervals come from dynamic programming
// (optimal.go). Up to maxBins distinct values are taken as they are. More are put into that many
// bins first, narrow where the centroids will be close; then a few passes of Lloyd's iteration over
// the values themselves bring the borders from the edges of bins to where they belong.

const (
	maxBins   = 1 << 14
	leastBins = 1 << 12
	// binsPerCluster keeps what the bins cost small: a border that is t times a cluster's width off
	// costs 12*t^2 of its error, which is (1/64)^2 for t uniform up to half a bin.
	binsPerCluster = 64
	// rebinPart is the part of the error that may be within bins, beyond which they are placed
	// anew.
	rebinPart   = 1.0 / 400
	rebinRounds = 6
	// edgeSample is how many values the first bins are placed by, edgeStep how many of them, once
	// sorted, one estimate of the density takes.
	edgeSample = 1 << 16
	edgeStep   = 4

	histogramChunk  = 1 << 18 // values, at least
	histogramChunks = 32      // at most: each has sums for all bins
	passChunk       = 1 << 14
	passChunks      = 256
)

// runOne is Run for points of one coordinate with more than k distinct values.
func (in *input) runOne(ctx context.Context, k int) (*Result, error) {
	bins, err := in.distinctBins(ctx)
	if err != nil {
		return nil, err
	}
	if bins != nil {
		centroids, _, err := optimal(ctx, in.threads, bins, k)
		if err != nil {
			return nil, err
		}
		return in.refineOne(ctx, centroids)
	}
	lo, hi := extent(in.points)
	count := min(maxBins, max(leastBins, binsPerCluster*k))
	edges := in.sampleEdges(lo, hi, count)
	var best []float32
	least := math.Inf(1)
	for range rebinRounds {
		all, err := in.histogram(ctx, lo, hi, edges)
		if err != nil {
			return nil, err
		}
		filled := slices.DeleteFunc(slices.Clone(all), func(b bin) bool { return b.w == 0 })
		centroids, sse, err := optimal(ctx, in.threads, filled, k)
		if err != nil {
			return nil, err
		}
		if sse < least || best == nil {
			best, least = centroids, sse
		}
		var within float64
		for _, b := range filled {
			within += b.sse
		}
		if within <= rebinPart*sse {
			break
		}
		edges = betterEdges(lo, hi, edges, all, count)
	}
	for len(best) < k { // fewer bins than clusters: the rest are empty, to be repaired
		best = append(best, best[len(best)-1])
	}
	return in.refineOne(ctx, best)
}

// extent returns the least and the greatest value.
func extent(values []float32) (lo, hi float32) {
	lo, hi = values[0], values[0]
	for _, x := range values {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	return lo, hi
}

// bin is values that stay together: their weight, their weighted mean, and their weighted sum of
// squared differences from it.
type bin struct{ w, mean, sse float64 }

// distinctBins returns one bin for each distinct value of positive weight, ascending, or nil when
// there are more than maxBins.
func (in *input) distinctBins(ctx context.Context) ([]bin, error) {
	const slots = 4 * maxBins
	table := make([]uint16, slots) // index of a value + 1
	var values []float32
	var weights []float64
	for i, x := range in.points {
		if i%(1<<18) == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w := 1.0
		if in.weights != nil {
			w = float64(in.weights[i])
		}
		if w == 0 {
			continue
		}
		x += 0 // -0 becomes 0
		at := math.Float32bits(x) * 0x9e3779b1 >> 16
		for table[at] != 0 && values[table[at]-1] != x {
			at = (at + 1) % slots
		}
		if table[at] == 0 {
			if len(values) == maxBins {
				return nil, nil
			}
			values, weights = append(values, x), append(weights, 0)
			table[at] = uint16(len(values))
		}
		weights[table[at]-1] += w
	}
	bins := make([]bin, len(values))
	for i, x := range values {
		bins[i] = bin{w: weights[i], mean: float64(x)}
	}
	slices.SortFunc(bins, func(a, b bin) int { return cmp.Compare(a.mean, b.mean) })
	return bins, nil
}

// stretch is an interval of values, the weight in it, and the width over which that is spread.
type stretch struct{ lo, hi, w, spread float64 }

// spreadEdges returns up to count-1 edges, ascending, so that each bin between them has an equal
// share of width times the fourth root of density. That is a little flatter than the cube root that
// the density of the best centroids follows, which keeps bins for tails that a sample hardly meets,
// and it takes square roots alone. A stretch without weight gets one edge, lest what is on either
// side be put together.
func spreadEdges(stretches []stretch, count int) []float32 {
	sizes := make([]float64, len(stretches))
	var all float64
	empty := 0
	for i, s := range stretches {
		sizes[i] = math.Sqrt(math.Sqrt(s.w*s.spread) * s.spread)
		all += sizes[i]
		if s.w == 0 {
			empty++
		}
	}
	edges := make([]float32, 0, count)
	step, before := all/float64(count-empty), 0.0
	for i, s := range stretches {
		here := sizes[i]
		if s.w == 0 {
			here = step
		}
		for here > 0 && len(edges) < count-1 {
			into := (float64(float64(len(edges)+1)*step) - before) / here
			if into > 1 {
				break
			}
			edges = append(edges, float32(s.lo+float64(into*(s.hi-s.lo))))
		}
		before += here
	}
	return slices.Compact(edges)
}

// sample returns the indices of up to m points of positive weight: one from each of m equal
// stretches, picked at random.
func (in *input) sample(m int, random *rand.Rand) []uint32 {
	have := min(in.n, math.MaxInt32)
	if in.weights != nil {
		have = 0
		for _, w := range in.weights {
			if w > 0 {
				have++
			}
		}
	}
	m = min(m, have)
	order := make([]uint32, m)
	share := float64(have) / float64(m)
	at, seen := -1, -1
	for i := range order {
		want := min(int((float64(i)+random.Float64())*share), have-1)
		if in.weights == nil {
			order[i] = uint32(want)
			continue
		}
		for seen < want {
			if at++; in.weights[at] > 0 {
				seen++
			}
		}
		order[i] = uint32(at)
	}
	return order
}

// sampleEdges places edges by a sample of the values, all of which are from lo to hi.
func (in *input) sampleEdges(lo, hi float32, count int) []float32 {
	order := in.sample(edgeSample, rand.New(rand.NewPCG(in.seedValue, stream)))
	in.sortByValue(order)
	var stretches []stretch
	at, w, all := float64(lo), 0.0, 0.0
	for i, p := range order {
		one := 1.0
		if in.weights != nil {
			one = float64(in.weights[p])
		}
		w += one
		all += one
		if i%edgeStep == edgeStep-1 {
			x := float64(in.points[p])
			stretches = append(stretches, stretch{at, x, w, x - at})
			at, w = x, 0
		}
	}
	// Beyond the last there may be more than the sample shows: as if it had met one value more.
	stretches = append(stretches, stretch{at, float64(hi), w + all/float64(len(order)),
		float64(hi) - at})
	return spreadEdges(stretches, count)
}

// sortByValue sorts points of one coordinate, as integers, which is fast.
func (in *input) sortByValue(order []uint32) {
	keys := make([]int64, len(order))
	for i, p := range order {
		keys[i] = ascending(in.points[p])<<32 | int64(p)
	}
	slices.Sort(keys)
	for i, key := range keys {
		order[i] = uint32(key)
	}
}

// betterEdges places edges by the weight of all bins between earlier ones.
func betterEdges(lo, hi float32, edges []float32, bins []bin, count int) []float32 {
	var stretches []stretch
	at := float64(lo)
	for i, b := range bins {
		end := float64(hi)
		if i < len(edges) {
			end = float64(edges[i])
		}
		last := len(stretches) - 1
		switch {
		case b.w > 0:
			// As if it were even about the mean, but never nothing, lest values that now stand
			// alone be put together.
			spread := min(end-at, math.Sqrt(12*b.sse/b.w)+(end-at)/16)
			stretches = append(stretches, stretch{max(at, b.mean-spread), min(end, b.mean+spread),
				b.w, spread})
		case last >= 0 && stretches[last].w == 0:
			stretches[last].hi = end
		default:
			stretches = append(stretches, stretch{lo: at, hi: end})
		}
		at = end
	}
	return spreadEdges(stretches, count)
}

// histogram returns the len(edges)+1 bins between the edges.
func (in *input) histogram(ctx context.Context, lo, hi float32, edges []float32) ([]bin, error) {
	find := newLocator(edges, lo, hi, 10, 20)
	// Sums of differences from the lower edge of the bin do not cancel.
	base := append([]float32{lo}, edges...)
	type sums struct{ w, x, xx float64 }
	chunk := max(histogramChunk, (in.n+histogramChunks-1)/histogramChunks)
	parts := make([][]sums, (in.n+chunk-1)/chunk)
	err := par.Tasks(ctx, in.threads, len(parts), func(_, t int) {
		part := make([]sums, len(base))
		points := in.points[t*chunk : min((t+1)*chunk, in.n)]
		for i, x := range points {
			b := find.find(x)
			s := &part[b]
			x := float64(x) - float64(base[b])
			if in.weights == nil {
				s.w++
				s.x += x
				s.xx += float64(x * x)
				continue
			}
			w := float64(in.weights[t*chunk+i])
			s.w += w
			s.x += float64(w * x)
			s.xx += float64(w * float64(x*x))
		}
		parts[t] = part
	})
	if err != nil {
		return nil, err
	}
	bins := make([]bin, len(base))
	for b := range bins {
		var s sums
		for _, part := range parts {
			s.w += part[b].w
			s.x += part[b].x
			s.xx += part[b].xx
		}
		if s.w > 0 {
			bins[b] = bin{s.w, float64(base[b]) + s.x/s.w, max(0, s.xx-float64(s.x*s.x)/s.w)}
		}
	}
	return bins, nil
}

// refineOne is Refine for points of one coordinate.
func (in *input) refineOne(ctx context.Context, centroids []float32) (*Result, error) {
	res := &Result{Centroids: slices.Clone(centroids), Assignments: make([]byte, in.n)}
	var before float64
	repaired := 0
	for i := range in.iterations {
		slices.Sort(res.Centroids)
		clusters, err := in.pass(ctx, res.Assignments, res.Centroids)
		if err != nil {
			return nil, err
		}
		it := Iteration{Smallest: in.n}
		for _, c := range clusters {
			it.SSE += c.sse
			it.Smallest, it.Largest = min(it.Smallest, c.n), max(it.Largest, c.n)
		}
		if before > 0 {
			it.Moved = (before - it.SSE) / before
		}
		res.SSE = it.SSE
		done := i+1 == in.iterations || it.SSE == 0 ||
			i > 0 && repaired == 0 && it.Moved < in.tolerance
		if !done {
			it.Repaired = moveOne(res.Centroids, clusters)
		}
		before, repaired = it.SSE, it.Repaired
		res.Iterations = append(res.Iterations, it)
		if done {
			break
		}
	}
	return res, nil
}

// assignOne is Assign for points of one coordinate.
func (in *input) assignOne(ctx context.Context, assignments []byte,
	centroids []float32) (sse float64, err error) {
	clusters, err := in.pass(ctx, assignments, centroids)
	for _, c := range clusters {
		sse += c.sse
	}
	return sse, err
}

// cluster sums up the values that are assigned to one centroid.
type cluster struct {
	n         int
	w, x, sse float64 // weight, weighted sum of differences from the centroid and of their squares
}

// pass assigns each value to its nearest centroid, the lowest row among equals, and sums them up.
func (in *input) pass(ctx context.Context, assignments []byte,
	centroids []float32) ([]cluster, error) {
	rows := make([]int, len(centroids))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows,
		func(a, b int) int { return cmp.Compare(centroids[a], centroids[b]) })
	rows = slices.CompactFunc(rows, func(a, b int) bool { return centroids[a] == centroids[b] })
	edges := make([]float32, len(rows)-1)
	for i := range edges {
		edges[i] = border(centroids[rows[i]], centroids[rows[i+1]], rows[i] < rows[i+1])
	}
	find := newLocator(edges, centroids[rows[0]], centroids[rows[len(rows)-1]], 9, 14)

	k := len(centroids)
	chunk := max(passChunk, (in.n+passChunks-1)/passChunks)
	chunks := (in.n + chunk - 1) / chunk
	parts := make([]cluster, chunks*k)
	err := par.Tasks(ctx, in.threads, chunks, func(_, t int) {
		part := parts[t*k:][:k]
		points := in.points[t*chunk : min((t+1)*chunk, in.n)]
		out := assignments[t*chunk:][:len(points)]
		for i, x := range points {
			row := rows[find.find(x)]
			out[i] = byte(row)
			c := &part[row]
			x := float64(x) - float64(centroids[row])
			c.n++
			if in.weights == nil {
				c.x += x
				c.sse += float64(x * x)
				continue
			}
			w := float64(in.weights[t*chunk+i])
			c.w += w
			c.x += float64(w * x)
			c.sse += float64(w * float64(x*x))
		}
	})
	if err != nil {
		return nil, err
	}
	clusters := make([]cluster, k)
	for i, p := range parts {
		c := &clusters[i%k]
		c.n += p.n
		c.w += p.w
		c.x += p.x
		c.sse += p.sse
	}
	if in.weights == nil {
		for i := range clusters {
			clusters[i].w = float64(clusters[i].n)
		}
	}
	return clusters, nil
}

// border returns the least value that goes to b rather than a, a < b: all above the middle do, and
// the middle itself unless it goes to a.
func border(a, b float32, middleToA bool) float32 {
	middle := (float64(a) + float64(b)) / 2
	e := float32(middle)
	if float64(e) < middle || float64(e) == middle && middleToA {
		return math.Nextafter32(e, math.MaxFloat32)
	}
	return e
}

// moveOne moves ascending centroids to the means of their clusters. Those without weight are given
// a half of the cluster with the greatest error, one deviation to the right of the mean, while the
// old centroid goes as far to the left; it returns how many.
func moveOne(centroids []float32, clusters []cluster) (repaired int) {
	var empty []int
	for i := range clusters {
		c := &clusters[i]
		if c.w == 0 {
			empty = append(empty, i)
			continue
		}
		centroids[i] = finite(float64(centroids[i]) + c.x/c.w)
		c.sse = max(0, c.sse-float64(c.x*c.x)/c.w)
	}
	for _, e := range empty {
		worst := 0
		for i := range clusters {
			if clusters[i].sse > clusters[worst].sse {
				worst = i
			}
		}
		c := &clusters[worst]
		step := math.Sqrt(c.sse / c.w)
		left, right := finite(float64(centroids[worst])-step),
			finite(float64(centroids[worst])+step)
		if !(c.sse > 0) || left == right {
			break
		}
		centroids[worst], centroids[e] = left, right
		// What is left of either half, if the values are spread evenly.
		c.w, c.sse = c.w/2, c.sse/8
		clusters[e] = *c
		repaired++
	}
	return repaired
}
