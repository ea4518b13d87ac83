package kmeans

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/internal/par"
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
	scores   []float32
	seconds  []float32
	assigned []byte
	planes   []float32
	list     []int32 // points that may have another centroid now
	moved    []move
	ids      [MaxCentroids]byte // the centroids in question, ascending
	at       []float32          // their rows
	half     []float32
	errs     []float64
	plane    planeSums // all zero between uses
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
func (in *input) nearest(ctx context.Context, assignments []byte, set *centroidSet,
	sse *float64) error {
	chunks := split(nil, 0, in.n, in.d)
	work := newScratch(in.threads)
	var errs []float64
	if sse != nil {
		errs = make([]float64, len(chunks))
	}
	err := par.Tasks(ctx, in.threads, len(chunks), func(worker, t int) {
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

// assign is Assign for points of more than one coordinate.
func (in *input) assign(ctx context.Context, assignments []byte, centroids []float32) (sse float64,
	err error) {
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
	return weighted(w.errs, weights)
}

// weighted returns the sum of values times weights, which are all 1 if nil.
func weighted(values []float64, weights []float32) (sum float64) {
	if weights == nil {
		return total(values)
	}
	for i, v := range values {
		sum += float64(float64(weights[i]) * v)
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
	bounds      *bounds   // nil: boxes are used instead
	sums        []float64 // k x stride: see sums.go
	stride      int
	summed      bool      // sums belong to assignments, so that moves can be added to them
	parts       int       // moves are added up in so many parts; 0: not at all
	moves       []float64 // parts x k x stride
	squares     float64   // weighted sum of squared lengths of all points
	iterations  []Iteration
}

func (in *input) newLloyd(c *cloud, centroids []float32) *lloyd {
	l := &lloyd{
		in: in, cloud: c, set: in.newSet(centroids), stride: in.d + 3,
		centroids:   append([]float32(nil), centroids...),
		assignments: make([]byte, len(c.planes)/in.d),
		work:        newScratch(in.threads),
	}
	l.sums = make([]float64, l.set.k*l.stride)
	if in.d <= maxPartWidth {
		l.parts = min(maxParts, len(c.chunks), 1+len(l.assignments)/partLeast)
		l.moves = make([]float64, l.parts*len(l.sums))
	}
	if c.boxes == nil { // else they do
		l.bounds = newBounds(l.set, len(l.assignments))
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
	err := par.Tasks(ctx, l.in.threads, len(c.chunks), func(worker, t int) {
		ch := c.chunks[t]
		if c.order != nil {
			for i := ch.lo; i < ch.hi; i++ {
				res.Assignments[c.order[i]] = l.assignments[i]
			}
		}
		errs[t] = l.work[worker].squares(l.assignments[ch.lo:ch.hi], c.planes[ch.lo*c.d:ch.hi*c.d],
			c.weightsOf(ch), l.set)
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

// measure sets squares, and the lengths that bounds need.
func (l *lloyd) measure(ctx context.Context) error {
	c := l.cloud
	parts := make([]float64, len(c.chunks))
	err := par.Tasks(ctx, l.in.threads, len(c.chunks), func(worker, t int) {
		w, ch := &l.work[worker], c.chunks[t]
		n := ch.hi - ch.lo
		w.errs = grow(w.errs, n)
		clear(w.errs)
		for j := range c.d {
			for i, x := range c.planes[ch.lo*c.d+j*n:][:n] {
				w.errs[i] += float64(float64(x) * float64(x))
			}
		}
		if l.bounds != nil {
			for i, e := range w.errs {
				l.bounds.norms[ch.lo+i] = float32(e)
			}
		}
		parts[t] = weighted(w.errs, c.weightsOf(ch))
	})
	l.squares = total(parts)
	return err
}

// assign finds the nearest centroid of each point and keeps the sums that the update needs, in an
// order that is the same for any number of threads.
func (l *lloyd) assign(ctx context.Context) error {
	size, chunks, tasks := len(l.sums), len(l.cloud.chunks), l.parts
	if tasks == 0 {
		tasks = chunks
	}
	err := par.Tasks(ctx, l.in.threads, tasks, func(worker, p int) {
		var moves []float64
		if l.parts > 0 && l.summed {
			moves = l.moves[p*size:][:size]
			clear(moves)
		}
		for t := chunks * p / tasks; t < chunks*(p+1)/tasks && ctx.Err() == nil; t++ {
			l.assignChunk(&l.work[worker], t, moves)
		}
	})
	if err != nil {
		return err
	}
	if l.parts > 0 && l.summed && l.addMoves() {
		return nil
	}
	return l.sum(ctx)
}

// assignChunk assigns the points of a chunk and, unless moves is nil, adds up what changes.
func (l *lloyd) assignChunk(w *scratch, t int, moves []float64) {
	c := l.cloud
	ch := c.chunks[t]
	n := ch.hi - ch.lo
	a := l.assignments[ch.lo:ch.hi]
	w.assigned, w.scores = grow(w.assigned, n), grow(w.scores, n)
	w.moved = w.moved[:0]
	if c.boxes != nil {
		z := int(a[n/2])
		if !l.summed {
			z = l.set.central(c.box(t))
		}
		w.shortlist(l.set, c.box(t), z)
		l.in.kernels.Nearest(w.assigned, w.scores, nil, c.planes[ch.lo*c.d:ch.hi*c.d], n, c.d, w.at,
			w.half)
		for i, at := range w.assigned {
			if id := w.ids[at]; id != a[i] {
				w.moved = append(w.moved, move{int32(i), a[i], id})
			}
		}
	} else {
		l.assignDoubtful(w, ch)
	}
	for _, m := range w.moved {
		a[m.point] = m.to
	}
	if moves != nil {
		l.move(moves, ch, w.moved)
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
		l.summed = false
	}
	before := slices.Clone(l.set.at)
	l.in.fill(l.set, l.centroids)
	if l.bounds != nil {
		l.bounds.follow(l.set, before)
	}
	return repaired, nil
}
