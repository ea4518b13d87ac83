package kmeans

import (
	"context"
	"sort"

	"github.com/palettize/palettize/internal/par"
)

const (
	maxSegments  = 8    // of a layer
	leastSegment = 1024 // bins: it takes some 10 us
)

// prefix is the sums of all bins before one: of w, of w*x and of w*x^2, x counted from the middle
// bin and the sums from there too, so that what is far out does not spoil the digits of the rest.
type prefix struct{ w, x, xx float64 }

// optimal returns the means, ascending, of the min(k, len(bins)) clusters of neighbouring bins that
// have the least error, and that error. Bins are ascending and have positive weight.
//
// With least[m][j] the least error of the first j bins in m clusters and cost(i, j) that of bins i
// to j around their mean,
//
//	least[m][j] = min over i of least[m-1][i] + cost(i, j)
//
// and the best i grows with j and with m. So a layer is solved in one of two ways: by halving,
// in n*log(n) steps, or from the right, each j between the i of the layer before and that of
// its neighbour, which takes about n + n^2/(2*m^2) steps where bins are evenly filled (Grønlund
// and others 2017 describe both, and more). Threads divide a layer in segments, once what is
// between these is solved.
func optimal(ctx context.Context, threads int, bins []bin, k int) (centroids []float32, sse float64,
	err error) {
	n := len(bins)
	k = min(k, n)
	sums, middle := prefixes(bins)
	least, next := make([]float64, n+1), make([]float64, n+1)
	for j := 1; j <= n; j++ {
		least[j] = cost(sums[0], sums[j])
	}
	splits := make([][]uint16, k+1) // splits[m][j] is the best i
	splits[1] = make([]uint16, n+1)
	for m := 2; m <= k; m++ {
		l := layer{sums: sums, least: least, next: next, splits: make([]uint16, n+1),
			before: splits[m-1], m: m}
		solve := l.halve
		if m > 2 && scanSteps(splits[m-2], splits[m-1]) < 8*n {
			solve = l.scan
		}
		if err := l.inSegments(ctx, threads, solve); err != nil {
			return nil, 0, err
		}
		splits[m] = l.splits
		least, next = next, least
	}
	centroids = make([]float32, k)
	j := n
	for m := k; m >= 1; m-- {
		i := int(splits[m][j])
		centroids[m-1] = finite(middle + (sums[j].x-sums[i].x)/(sums[j].w-sums[i].w))
		j = i
	}
	return centroids, max(0, least[n]), nil
}

// prefixes returns the sums before each bin and before the end, and what x is counted from: the
// mean of the bin that holds the middle of the weight.
func prefixes(bins []bin) ([]prefix, float64) {
	n := len(bins)
	all := make([]float64, n+1)
	for i, b := range bins {
		all[i+1] = all[i] + b.w
	}
	mid := min(sort.Search(n, func(i int) bool { return all[i+1] >= all[n]/2 }), n-1)
	middle := bins[mid].mean
	sums := make([]prefix, n+1)
	// what a sum of all still grows by: the weight between two bins is never 0
	least := all[n] * 0x1p-51
	of := func(b bin) prefix {
		x, w := b.mean-middle, max(b.w, least)
		return prefix{w, float64(w * x), float64(float64(w*x)*x) + b.sse}
	}
	for i := mid; i < n; i++ {
		p, s := of(bins[i]), sums[i]
		sums[i+1] = prefix{s.w + p.w, s.x + p.x, s.xx + p.xx}
	}
	for i := mid - 1; i >= 0; i-- {
		p, s := of(bins[i]), sums[i+1]
		sums[i] = prefix{s.w - p.w, s.x - p.x, s.xx - p.xx}
	}
	return sums, middle
}

// cost is the error of the bins between two prefixes.
func cost(a, b prefix) float64 {
	x := b.x - a.x
	return b.xx - a.xx - x*x/(b.w-a.w)
}

// layer is one m of the recurrence.
type layer struct {
	sums        []prefix
	least, next []float64 // of layers m-1 and m
	before      []uint16  // the splits of layer m-1
	splits      []uint16
	m           int
}

// best solves one j, given that the split is from lo to hi, and returns the split.
func (l *layer) best(j, lo, hi int) int {
	hi = min(hi, j-1)
	lo = min(max(lo, int(l.before[j])), hi)
	end, at := l.sums[j], lo
	least := l.least[lo] + cost(l.sums[lo], end)
	sums, before := l.sums[lo+1:hi+1], l.least[lo+1:hi+1]
	for i, s := range sums {
		if v := before[i] + cost(s, end); v < least {
			least, at = v, lo+1+i
		}
	}
	l.next[j], l.splits[j] = least, uint16(at)
	return at
}

// halve solves j from j0 to j1, whose splits are from lo to hi.
func (l *layer) halve(j0, j1, lo, hi int) {
	if j0 > j1 {
		return
	}
	j := (j0 + j1) / 2
	at := l.best(j, lo, hi)
	l.halve(j0, j-1, lo, at)
	l.halve(j+1, j1, at, hi)
}

// scan does the same from the right.
func (l *layer) scan(j0, j1, lo, hi int) {
	for j := j1; j >= j0; j-- {
		hi = l.best(j, lo, hi)
	}
}

// inSegments solves all j from m on, in segments whose number does not depend on that of the
// threads: nor does then which of equal splits is found.
func (l *layer) inSegments(ctx context.Context, threads int, solve func(j0, j1, lo, hi int)) error {
	n := len(l.sums) - 1
	segments := min(maxSegments, 1+(n-l.m)/leastSegment)
	type segment struct{ j0, j1, lo, hi int }
	rest := make([]segment, 0, segments)
	var cut func(s segment, pieces int)
	cut = func(s segment, pieces int) {
		if pieces == 1 {
			rest = append(rest, s)
			return
		}
		j := s.j0 + (s.j1-s.j0)*(pieces/2)/pieces
		at := l.best(j, s.lo, s.hi)
		cut(segment{s.j0, j - 1, s.lo, at}, pieces/2)
		cut(segment{j + 1, s.j1, at, s.hi}, pieces-pieces/2)
	}
	cut(segment{l.m, n, l.m - 1, n - 1}, segments)
	return par.Tasks(ctx, threads, segments, func(_, t int) {
		s := rest[t]
		solve(s.j0, s.j1, s.lo, s.hi)
	})
}

// scanSteps is about how many steps scan would have taken for the layer with these splits.
func scanSteps(before, splits []uint16) (steps int) {
	const every = 16
	for j := every; j+1 < len(splits); j += every {
		steps += every * (1 + max(0, int(splits[j+1])-int(before[j])))
	}
	return steps
}
