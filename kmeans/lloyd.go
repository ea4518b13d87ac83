package kmeans

import (
	"context"
	"math"
)

// centroidSet is centroids as the work is done on them.
type centroidSet struct {
	k, d int
	at   []float32 // k x d, row-major
	half []float32 // half the squared lengths
}

func (in *input) newSet(centroids []float32) *centroidSet {
	k := len(centroids) / in.d
	s := &centroidSet{k: k, d: in.d, at: make([]float32, k*in.d), half: make([]float32, k)}
	in.fill(s, centroids)
	return s
}

// fill sets s to the given centroids.
func (in *input) fill(s *centroidSet, centroids []float32) {
	for i := range s.k {
		var squares float64
		for j := range s.d {
			c := in.toWork(centroids[i*s.d+j], j)
			s.at[i*s.d+j] = c
			squares += float64(float64(c) * float64(c))
		}
		s.half[i] = float32(squares / 2)
	}
}

// scratch is what one worker needs for one chunk.
type scratch struct {
	scores []float32
	planes []float32
	ids    []byte    // the centroids in question, ascending
	at     []float32 // their rows
	half   []float32
	sums   []float64
	errs   []float64
	column column // all zero between uses
}

func newScratch(workers int) []scratch { return make([]scratch, workers) }

// grow returns a slice of length n, the given one if it is long enough.
func grow[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	return s[:n]
}

// nearest assigns all points of the input, which it reads as they come. With sse it also adds up
// the squared distances, in work units.
func (in *input) nearest(ctx context.Context, assignments []byte, set *centroidSet, sse *float64) error {
	chunks := split(nil, 0, in.n, in.d)
	work := newScratch(in.threads)
	var errs []float64
	if sse != nil {
		errs = make([]float64, len(chunks))
	}
	err := parallel(ctx, in.threads, len(chunks), func(worker, t int) {
		w, ch := &work[worker], chunks[t]
		n := ch.hi - ch.lo
		w.planes, w.scores = grow(w.planes, n*in.d), grow(w.scores, n)
		in.load(w.planes, ch, nil)
		a := assignments[ch.lo:ch.hi]
		in.kernels.Nearest(a, w.scores, nil, w.planes, n, in.d, set.at, set.half)
		if sse != nil {
			var weights []float32
			if in.weights != nil {
				weights = in.weights[ch.lo:ch.hi]
			}
			errs[t] = w.squares(a, w.planes, weights, set)
		}
	})
	if sse != nil {
		*sse = total(errs)
	}
	return err
}

// assign is Assign for points of more than one column.
func (in *input) assign(ctx context.Context, assignments []byte, centroids []float32) (sse float64, err error) {
	err = in.nearest(ctx, assignments, in.newSet(centroids), &sse)
	return in.unscale(sse), err
}

func total(parts []float64) (sum float64) {
	for _, p := range parts {
		sum += p
	}
	return sum
}

// squares returns the weighted sum of squared distances of a chunk's points to their centroids.
func (w *scratch) squares(assignments []byte, planes, weights []float32, set *centroidSet) float64 {
	n, d := len(assignments), set.d
	w.errs = grow(w.errs, n)
	clear(w.errs)
	for j := range d {
		for i, x := range planes[j*n:][:n] {
			e := float64(x) - float64(set.at[int(assignments[i])*d+j])
			w.errs[i] += float64(e * e)
		}
	}
	if weights == nil {
		return total(w.errs)
	}
	var sum float64
	for i, e := range w.errs {
		sum += float64(float64(weights[i]) * e)
	}
	return sum
}

// lloyd iterates over one cloud.
type lloyd struct {
	in    *input
	cloud *cloud
	set   *centroidSet

	centroids   []float32 // k x d in the units of the input: what set is made from
	assignments []byte    // in the order of the cloud
	work        []scratch
	parts       int       // the cloud is summed up in so many parts; 0: column by column
	partial     []float64 // parts x k x stride
	sums        []float64 // k x stride: d sums of weight*x, the weight, the number of points
	stride      int
	squares     float64 // weighted sum of squared lengths of all points
	iterations  []Iteration
}

func (in *input) newLloyd(c *cloud, centroids []float32) *lloyd {
	l := &lloyd{
		in: in, cloud: c, set: in.newSet(centroids), stride: in.d + 2,
		centroids:   append([]float32(nil), centroids...),
		assignments: make([]byte, len(c.planes)/in.d),
		work:        newScratch(in.threads),
	}
	l.sums = make([]float64, l.set.k*l.stride)
	if in.d <= maxPartWidth {
		l.parts = min(maxParts, len(c.chunks))
		l.partial = make([]float64, l.parts*len(l.sums))
	}
	return l
}

// refine runs Lloyd's iteration over all points from the given centroids.
func (in *input) refine(ctx context.Context, centroids []float32) (*Result, error) {
	c, err := in.grouped(ctx, in.newSet(centroids))
	if err != nil {
		return nil, err
	}
	l := in.newLloyd(c, centroids)
	if err := l.run(ctx, in.iterations, in.tolerance); err != nil {
		return nil, err
	}
	return l.result(ctx)
}

// result puts the assignments into the order of the input and measures what they cost.
func (l *lloyd) result(ctx context.Context) (*Result, error) {
	c := l.cloud
	res := &Result{Centroids: l.centroids, Assignments: l.assignments, Iterations: l.iterations}
	if c.order != nil {
		res.Assignments = make([]byte, l.in.n)
	}
	errs := make([]float64, len(c.chunks))
	err := parallel(ctx, l.in.threads, len(c.chunks), func(worker, t int) {
		ch := c.chunks[t]
		if c.order != nil {
			for i := ch.lo; i < ch.hi; i++ {
				res.Assignments[c.order[i]] = l.assignments[i]
			}
		}
		errs[t] = l.work[worker].squares(l.assignments[ch.lo:ch.hi], c.planes[ch.lo*c.d:ch.hi*c.d], c.weightsOf(ch), l.set)
	})
	res.SSE = l.in.unscale(total(errs))
	return res, err
}

// run alternates between assignment and update until the objective hardly falls. It ends with an
// assignment, so that centroids and assignments belong together.
func (l *lloyd) run(ctx context.Context, iterations int, tolerance float64) error {
	if err := l.measure(ctx); err != nil {
		return err
	}
	var before float64
	repaired := 0
	for i := range iterations {
		if err := l.assign(ctx); err != nil {
			return err
		}
		it := l.iteration()
		if i > 0 && before > 0 {
			it.Moved = (before - it.SSE) / before
		}
		done := i+1 == iterations || it.SSE == 0 || i > 0 && repaired == 0 && it.Moved < tolerance
		before = it.SSE
		if !done {
			var err error
			if it.Repaired, err = l.update(ctx); err != nil {
				return err
			}
			repaired = it.Repaired
		}
		l.iterations = append(l.iterations, it)
		if done {
			return nil
		}
	}
	return nil
}

// measure sets squares.
func (l *lloyd) measure(ctx context.Context) error {
	c := l.cloud
	parts := make([]float64, len(c.chunks))
	err := parallel(ctx, l.in.threads, len(c.chunks), func(_, t int) {
		ch := c.chunks[t]
		n := ch.hi - ch.lo
		var sum float64
		for j := range c.d {
			plane := c.planes[ch.lo*c.d+j*n:][:n]
			if c.weights == nil {
				for _, x := range plane {
					sum += float64(float64(x) * float64(x))
				}
				continue
			}
			for i, x := range plane {
				sum += float64(float64(c.weights[ch.lo+i]) * float64(float64(x)*float64(x)))
			}
		}
		parts[t] = sum
	})
	l.squares = total(parts)
	return err
}

// assign finds the nearest centroid of each point and adds up what the update needs, in an order
// that is the same for any number of threads.
func (l *lloyd) assign(ctx context.Context) error {
	if l.parts == 0 {
		return l.assignWide(ctx)
	}
	size := len(l.sums)
	chunks := len(l.cloud.chunks)
	err := parallel(ctx, l.in.threads, l.parts, func(worker, p int) {
		sums := l.partial[p*size:][:size]
		clear(sums)
		for t := chunks * p / l.parts; t < chunks*(p+1)/l.parts && ctx.Err() == nil; t++ {
			l.assignChunk(&l.work[worker], t, sums)
		}
	})
	clear(l.sums)
	for p := range l.parts {
		for i, v := range l.partial[p*size:][:size] {
			l.sums[i] += v
		}
	}
	return err
}

// assignWide is assign for points so wide that sums for each part would take too much memory: all
// points are assigned first, then each column is added up by itself.
func (l *lloyd) assignWide(ctx context.Context) error {
	c := l.cloud
	err := parallel(ctx, l.in.threads, len(c.chunks), func(worker, t int) {
		w, ch := &l.work[worker], c.chunks[t]
		n := ch.hi - ch.lo
		w.scores = grow(w.scores, n)
		l.in.kernels.Nearest(l.assignments[ch.lo:ch.hi], w.scores, nil, c.planes[ch.lo*c.d:ch.hi*c.d], n, c.d, l.set.at, l.set.half)
	})
	if err != nil {
		return err
	}
	clear(l.sums)
	return parallel(ctx, l.in.threads, c.d+2, func(worker, j int) {
		column := &l.work[worker].column
		for _, ch := range c.chunks {
			column.addChunk(j, l.assignments[ch.lo:ch.hi], c.planes[ch.lo*c.d:ch.hi*c.d], c.weightsOf(ch), c.d)
		}
		column.addTo(l.sums[j:], l.set.k, l.stride)
	})
}

func (l *lloyd) assignChunk(w *scratch, t int, sums []float64) {
	c, set := l.cloud, l.set
	ch := c.chunks[t]
	n, d := ch.hi-ch.lo, c.d
	planes, a := c.planes[ch.lo*d:ch.hi*d], l.assignments[ch.lo:ch.hi]
	weights := c.weightsOf(ch)
	w.scores = grow(w.scores, n)
	if c.boxes == nil {
		l.in.kernels.Nearest(a, w.scores, nil, planes, n, d, set.at, set.half)
		w.accumulate(sums, set.k, a, planes, weights, d)
		return
	}
	w.choose(set, c.boxes[t*2*d:][:2*d])
	l.in.kernels.Nearest(a, w.scores, nil, planes, n, d, w.at, w.half)
	w.sums = grow(w.sums, len(w.ids)*l.stride)
	clear(w.sums)
	w.accumulate(w.sums, len(w.ids), a, planes, weights, d)
	for i, id := range w.ids {
		for j, v := range w.sums[i*l.stride:][:l.stride] {
			sums[int(id)*l.stride+j] += v
		}
	}
	for i, at := range a {
		a[i] = w.ids[at]
	}
}

// column is the sums of one column for each cluster, in lanes for every fourth point: neighbours
// mostly belong to one cluster, and an addition waits for the one before it to the same sum. A byte
// indexes a lane without a check.
type column [4][MaxCentroids]float64

// addTo adds the lanes to every stride-th of the sums of k clusters and clears them.
func (c *column) addTo(sums []float64, k, stride int) {
	for i := range k {
		sums[i*stride] += c[0][i] + c[1][i] + (c[2][i] + c[3][i])
	}
	for lane := range c {
		clear(c[lane][:k])
	}
}

func (c *column) count(assignments []byte) {
	for ; len(assignments) >= 4; assignments = assignments[4:] {
		c[0][assignments[0]]++
		c[1][assignments[1]]++
		c[2][assignments[2]]++
		c[3][assignments[3]]++
	}
	for _, a := range assignments {
		c[0][a]++
	}
}

func (c *column) add(assignments []byte, x []float32) {
	for ; len(assignments) >= 4 && len(x) >= 4; assignments, x = assignments[4:], x[4:] {
		c[0][assignments[0]] += float64(x[0])
		c[1][assignments[1]] += float64(x[1])
		c[2][assignments[2]] += float64(x[2])
		c[3][assignments[3]] += float64(x[3])
	}
	for i, a := range assignments {
		c[0][a] += float64(x[i])
	}
}

func (c *column) addWeighted(assignments []byte, x, w []float32) {
	for ; len(assignments) >= 4 && len(x) >= 4 && len(w) >= 4; assignments, x, w = assignments[4:], x[4:], w[4:] {
		c[0][assignments[0]] += float64(float64(x[0]) * float64(w[0]))
		c[1][assignments[1]] += float64(float64(x[1]) * float64(w[1]))
		c[2][assignments[2]] += float64(float64(x[2]) * float64(w[2]))
		c[3][assignments[3]] += float64(float64(x[3]) * float64(w[3]))
	}
	for i, a := range assignments {
		c[0][a] += float64(float64(x[i]) * float64(w[i]))
	}
}

// addChunk adds column j of a chunk of points: times their weights for j < d, then come the weights
// themselves, and last the number of points.
func (c *column) addChunk(j int, assignments []byte, planes, weights []float32, d int) {
	n := len(assignments)
	switch {
	case j > d || j == d && weights == nil:
		c.count(assignments)
	case j == d:
		c.add(assignments, weights)
	case weights == nil:
		c.add(assignments, planes[j*n:][:n])
	default:
		c.addWeighted(assignments, planes[j*n:][:n], weights)
	}
}

// accumulate adds points to the sums of their k clusters.
func (w *scratch) accumulate(sums []float64, k int, assignments []byte, planes, weights []float32, d int) {
	for j := range d + 2 {
		if j == d && weights == nil {
			continue
		}
		w.column.addChunk(j, assignments, planes, weights, d)
		w.column.addTo(sums[j:], k, d+2)
	}
	for i := d; weights == nil && i < len(sums); i += d + 2 {
		sums[i] = sums[i+1] // all weights are 1
	}
}

// choose lists the centroids that are nearest to some point of a box: c is out of the question when
// z, the nearest to its centre, is nearer than c to all of the box, which it is when it is nearer
// to the corner that lies farthest in the direction from z to c (Kanungo et al. 2002).
func (w *scratch) choose(set *centroidSet, box []float32) {
	d := set.d
	lo, hi := box[:d], box[d:2*d]
	z, least := 0, math.MaxFloat64
	for k := range set.k {
		s := float64(set.half[k])
		for j, c := range set.at[k*d : k*d+d] {
			s -= float64((float64(lo[j]) + float64(hi[j])) * float64(c) / 2)
		}
		if s < least {
			z, least = k, s
		}
	}
	w.ids, w.at, w.half = w.ids[:0], w.at[:0], w.half[:0]
	nearest := set.at[z*d:][:d]
	for k := range set.k {
		row := set.at[k*d:][:d]
		// Half the difference of the squared distances to that corner.
		s := float64(set.half[k]) - float64(set.half[z])
		for j, c := range row {
			to := float64(c) - float64(nearest[j])
			s -= max(float64(float64(lo[j])*to), float64(float64(hi[j])*to))
		}
		if s > 0 {
			continue
		}
		w.ids = append(w.ids, byte(k))
		w.at = append(w.at, row...)
		w.half = append(w.half, set.half[k])
	}
}

// iteration sums up the assignment that was made last.
func (l *lloyd) iteration() Iteration {
	d := l.cloud.d
	it := Iteration{Smallest: math.MaxInt}
	// sum of w*|x-c|^2 = sum of w*|x|^2 + sum over the clusters of c.(weight*c - 2*sum)
	sse := l.squares
	for k := range l.set.k {
		row := l.sums[k*l.stride:][:l.stride]
		it.Smallest = min(it.Smallest, int(row[d+1]))
		it.Largest = max(it.Largest, int(row[d+1]))
		var s float64
		for j, c := range l.set.at[k*d : k*d+d] {
			s += float64(float64(c) * (float64(row[d]*float64(c)) - float64(2*row[j])))
		}
		sse += s
	}
	it.SSE = l.in.unscale(max(0, sse))
	return it
}

// update moves each centroid to the mean of its cluster and repairs the empty ones.
func (l *lloyd) update(ctx context.Context) (repaired int, err error) {
	d := l.cloud.d
	empty := false
	for k := range l.set.k {
		row := l.sums[k*l.stride:][:l.stride]
		if row[d] == 0 {
			empty = true
			continue
		}
		for j := range d {
			l.centroids[k*d+j] = l.in.fromWork(row[j]/row[d], j)
		}
	}
	if empty {
		if repaired, err = l.repair(ctx); err != nil {
			return 0, err
		}
	}
	l.in.fill(l.set, l.centroids)
	return repaired, nil
}
