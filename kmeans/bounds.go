package kmeans

import (
	"math"
	"slices"
)

// bounds tell which points cannot have changed their centroid: those whose own was nearer than any
// other, when they were looked at, by more than all the way that these may since have gone (Hamerly
// 2010).
type bounds struct {
	norms []float32 // of the points: the squared length
	// of the points: they are in doubt once gone, of their centroid, is as much
	until []float32
	// of the centroids: how far it and the fastest other have moved so far
	way  []float64
	gone [MaxCentroids]float32 // way, rounded up
	top  float32               // the largest squared length of a centroid
}

// roundUp makes up for a few roundings to float32.
const roundUp = 1 + 0x1p-20

func newBounds(set *centroidSet, n int) *bounds {
	return &bounds{
		norms: make([]float32, n), until: make([]float32, n), way: make([]float64, set.k),
		top: 2 * slices.Max(set.half),
	}
}

// follow takes in that the centroids have moved from before to those of the set.
func (b *bounds) follow(set *centroidSet, before []float32) {
	var first, second float64
	steps := make([]float64, set.k)
	for k := range steps {
		var squares float64
		for j := k * set.d; j < (k+1)*set.d; j++ {
			e := float64(set.at[j]) - float64(before[j])
			squares += float64(e * e)
		}
		steps[k] = math.Sqrt(squares)
		if steps[k] > first {
			first, second = steps[k], first
		} else {
			second = max(second, steps[k])
		}
	}
	for k, step := range steps {
		other := first
		if step == first {
			other = second
		}
		b.way[k] += step + other
		b.gone[k] = float32(b.way[k] * roundUp)
	}
	b.top = 2 * slices.Max(set.half)
}

// assignDoubtful lists the moves of those points of a chunk that are in doubt.
func (l *lloyd) assignDoubtful(w *scratch, ch chunk) {
	b, d := l.bounds, l.cloud.d
	a, until, norms := l.assignments[ch.lo:ch.hi], b.until[ch.lo:ch.hi], b.norms[ch.lo:ch.hi]
	w.list = grow(w.list, len(a))
	n := 0
	for i, u := range until {
		w.list[n] = int32(i)
		if u <= b.gone[a[i]] {
			n++
		}
	}
	list := w.list[:n]
	planes := w.gather(l.cloud.planes[ch.lo*d:ch.hi*d], len(a), d, list)
	w.seconds = grow(w.seconds, n)
	l.in.kernels.Nearest(w.assigned[:n], w.scores, w.seconds, planes, n, d, l.set.at, l.set.half)
	// What rounding may have done to a squared distance: d+2 roundings of up to norm+top.
	const half = 0x1p-24
	rounding := float32(d+2) * 4 * half
	for q, i := range list {
		id, norm := w.assigned[q], norms[i]
		e := float32(rounding * (norm + b.top))
		gap := root(norm+2*w.seconds[q]-e) - root(norm+2*w.scores[q]+e)
		until[i] = (gap + b.gone[id]) / roundUp
		if id != a[i] {
			w.moved = append(w.moved, move{i, a[i], id})
		}
	}
}

// gather copies the listed points out of planes of n.
func (w *scratch) gather(planes []float32, n, d int, list []int32) []float32 {
	m := len(list)
	if m == n {
		return planes
	}
	w.planes = grow(w.planes, m*d)
	for j := range d {
		from, to := planes[j*n:][:n], w.planes[j*m:][:m]
		for q, i := range list {
			to[q] = from[i]
		}
	}
	return w.planes
}

func root(x float32) float32 { return float32(math.Sqrt(float64(max(0, x)))) }
