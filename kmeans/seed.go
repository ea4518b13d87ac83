package kmeans

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/palettize/palettize/internal/par"
)

const (
	// seedPoints is how many points at most stand for all while the first centroids are picked, and
	// seedValues how many values they may hold, so that picking costs about as much as a few of
	// Lloyd's iterations over a million weights.
	seedPoints = 1 << 15
	seedValues = 1 << 19
	// seedTries is how many points compete to become the next centroid. More lower the error that
	// Lloyd's iteration starts from, but not the one it ends with.
	seedTries = 3
	// sketchWidth is the width that wider points are folded to while centroids are picked.
	sketchWidth = 64
	// warmPasses is how many iterations the few points get before all do, where they are less than
	// one in warmShare. They cost little and save about ten over all points.
	warmPasses = 25
	warmShare  = 2
	// seedChunk is about how many points are together while they are picked from, where boxes tell
	// how far they are; reachedEach is how many such chunks are worth a thread.
	seedChunk   = 256
	reachedEach = 6

	// stream tells the generators of kmeans from others with the same seed.
	stream = 0x9e3779b97f4a7c15
)

// seed returns k centroids to start from: points picked by k-means++ from a few that stand for all,
// then moved by Lloyd's iteration over these few.
func (in *input) seed(ctx context.Context, k int) ([]float32, error) {
	random := rand.New(rand.NewPCG(in.seedValue, stream))
	few, err := in.few(ctx, max(min(seedPoints, seedValues/min(in.d, sketchWidth)), 4*k), random)
	if err != nil {
		return nil, err
	}
	picked := few
	if in.d > sketchWidth {
		if picked, err = in.sketch(ctx, few, random); err != nil {
			return nil, err
		}
	}
	picks, err := pick(ctx, in, picked, k, random)
	if err != nil {
		return nil, err
	}
	centroids := make([]float32, 0, k*in.d)
	for _, p := range picks {
		centroids = append(centroids, in.points[int(few.order[p])*in.d:][:in.d]...)
	}
	if in.d > sketchWidth || in.n < warmShare*len(few.order) {
		return centroids, nil
	}
	l := in.newLloyd(few, centroids)
	if err := l.run(ctx, warmPasses, in.tolerance); err != nil {
		return nil, err
	}
	return l.centroids, nil
}

// sketch folds the points of a cloud to sketchWidth coordinates: each coordinate is added to one of
// them or taken from it, at random (Charikar and others 2002). Squared distances stay what they are
// but for an error of about sqrt(2/sketchWidth) of themselves.
func (in *input) sketch(ctx context.Context, c *cloud, random *rand.Rand) (*cloud, error) {
	to, sign := make([]int, in.d), make([]float32, in.d)
	for j := range to {
		r := random.Uint64()
		to[j], sign[j] = int(r%sketchWidth), float32(1-2*int(r>>63))
	}
	n := len(c.order)
	s := &cloud{d: sketchWidth, chunks: split(nil, 0, n, sketchWidth), weights: c.weights,
		order: c.order}
	s.planes = make([]float32, n*sketchWidth)
	err := par.Tasks(ctx, in.threads, len(s.chunks), func(_, t int) {
		ch := s.chunks[t]
		m := ch.hi - ch.lo
		planes := s.planes[ch.lo*sketchWidth : ch.hi*sketchWidth]
		for i := range m {
			for j, x := range in.points[int(c.order[ch.lo+i])*in.d:][:in.d] {
				planes[to[j]*m+i] += float32(sign[j] * in.toWork(x, j))
			}
		}
	})
	return s, err
}

// pick returns k points of a cloud, chosen by greedy k-means++ (Arthur and Vassilvitskii 2007):
// each next one is drawn with a probability that goes with weight times squared distance to the
// nearest one so far, and of several such draws the one that lowers the sum most is kept.
func pick(ctx context.Context, in *input, c *cloud, k int, random *rand.Rand) ([]int, error) {
	s := in.newSeeder(c)
	var picks []int
	for i := range k {
		tries := s.picks[:]
		if i == 0 {
			tries = tries[:1] // whichever comes first is soon joined by others
		}
		for t := range tries {
			tries[t] = s.draw(random)
		}
		p, err := s.join(ctx, tries)
		if err != nil {
			return nil, err
		}
		picks = append(picks, p)
	}
	return picks, nil
}

// seeder holds the squared distance of each point of a cloud to its nearest centroid so far.
type seeder struct {
	in       *input
	cloud    *cloud
	picks    [seedTries]int // the points that may become the next centroid
	norms    []float32      // squared lengths
	distance []float32      // 0: too near to tell from the centroid
	// the distances if a pick becomes a centroid, in the chunks that it reaches
	tried   [seedTries][]float32
	chunks  []farness
	tries   [seedTries][]farness
	reached []int // chunks
	work    []scratch
}

// farness is how far the points of a chunk are from their nearest centroid.
type farness struct {
	sum  float64 // of weight*distance
	most float32 // the largest distance
}

func (in *input) newSeeder(c *cloud) *seeder {
	n := len(c.planes) / c.d
	s := &seeder{
		in: in, cloud: c, norms: make([]float32, n), distance: make([]float32, n),
		chunks: make([]farness, len(c.chunks)), work: newScratch(in.threads),
	}
	for t := range s.tried {
		s.tried[t], s.tries[t] = make([]float32, n), make([]farness, len(c.chunks))
	}
	for t, ch := range c.chunks {
		m := ch.hi - ch.lo
		norms := s.norms[ch.lo:ch.hi]
		for j := range c.d {
			for i, x := range c.planes[ch.lo*c.d+j*m:][:m] {
				norms[i] += float32(x * x)
			}
		}
		// Before there is a centroid, all points are equally far.
		s.chunks[t].most = math.MaxFloat32
		for i := ch.lo; i < ch.hi; i++ {
			s.distance[i] = math.MaxFloat32
			s.chunks[t].sum += float64(s.cloud.weights[i])
		}
	}
	return s
}

// draw returns a point with a probability that goes with weight*distance, or any point when that is
// zero for all.
func (s *seeder) draw(random *rand.Rand) int {
	all := sumOf(s.chunks)
	if all <= 0 {
		return random.IntN(len(s.distance))
	}
	u := random.Float64() * all
	first := s.distance[0] == math.MaxFloat32
	last := 0
	for t, ch := range s.cloud.chunks {
		if u >= s.chunks[t].sum {
			u -= s.chunks[t].sum
			continue
		}
		for i := ch.lo; i < ch.hi; i++ {
			p := float64(s.cloud.weights[i])
			if !first {
				p = float64(p * float64(s.distance[i]))
			}
			if p > 0 {
				last = i
			}
			if u -= p; u < 0 {
				return i
			}
		}
	}
	return last // rounding took u past the end
}

func sumOf(chunks []farness) (sum float64) {
	for _, c := range chunks {
		sum += c.sum
	}
	return sum
}

// join makes that of the picks a centroid that leaves the least sum, and returns it.
func (s *seeder) join(ctx context.Context, picks []int) (int, error) {
	d := s.cloud.d
	var rows []float32
	for _, p := range picks {
		rows = s.cloud.appendPoint(rows, p)
	}
	s.reach(rows)
	err := par.Tasks(ctx, min(s.in.threads, 1+len(s.reached)/reachedEach), len(s.reached),
		func(worker, r int) {
			for t, p := range picks {
				s.try(&s.work[worker], s.reached[r], t, rows[t*d:][:d], s.norms[p]/2)
			}
		})
	if err != nil {
		return 0, err
	}
	// What the other chunks cost is the same for all picks.
	best, least := 0, math.Inf(1)
	for t := range picks {
		var sum float64
		for _, q := range s.reached {
			sum += s.tries[t][q].sum
		}
		if sum < least {
			best, least = t, sum
		}
	}
	for _, q := range s.reached {
		ch := s.cloud.chunks[q]
		copy(s.distance[ch.lo:ch.hi], s.tried[best][ch.lo:ch.hi])
		s.chunks[q] = s.tries[best][q]
	}
	return picks[best], nil
}

// reach lists the chunks in which some point may be nearer to one of these rows than to its
// centroid.
func (s *seeder) reach(rows []float32) {
	d := s.cloud.d
	s.reached = s.reached[:0]
	for q, c := range s.chunks {
		near := s.cloud.boxes == nil
		for row := rows; len(row) > 0 && !near; row = row[d:] {
			near = squareToBox(row[:d], s.cloud.box(q)) <= float64(c.most)
		}
		if near {
			s.reached = append(s.reached, q)
		}
	}
}

// try computes what the distances in a chunk become if this row, pick t, becomes a centroid.
func (s *seeder) try(w *scratch, q, t int, row []float32, half float32) {
	c := s.cloud
	ch := c.chunks[q]
	n := ch.hi - ch.lo
	w.scores, w.assigned = grow(w.scores, n), grow(w.assigned, n)
	s.in.kernels.Nearest(w.assigned, w.scores, nil, c.planes[ch.lo*c.d:ch.hi*c.d], n, c.d, row,
		[]float32{half})
	norms, distance, out := s.norms[ch.lo:][:n], s.distance[ch.lo:][:n], s.tried[t][ch.lo:][:n]
	weights, scores := c.weights[ch.lo:][:n], w.scores[:n]
	var far farness
	for i, score := range scores {
		e := norms[i] + 2*score
		// The rounding of squared lengths: below it a point cannot be told from the centroid.
		if e < norms[i]*0x1p-20 {
			e = 0
		}
		e = min(e, distance[i])
		out[i] = e
		far.sum += float64(float64(weights[i]) * float64(e))
		if e > far.most {
			far.most = e
		}
	}
	s.tries[t][q] = far
}
