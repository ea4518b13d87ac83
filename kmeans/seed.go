package kmeans

import (
	"context"
	"math"
	"math/rand/v2"
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

// few returns about m points, with weights, that stand for all of the input: a lightweight coreset
// (Bachem, Lucic and Krause 2018). Half of the draws go with the weight, half with the weight times the
// squared distance from the mean, so that the few points far out, which much of the error is about,
// are among them; a point's weight makes up for how likely it was to be drawn.
func (in *input) few(ctx context.Context, m int, random *rand.Rand) (*cloud, error) {
	if in.n <= m {
		var order []uint32
		for i := range in.n {
			if in.weights == nil || in.weights[i] > 0 {
				order = append(order, uint32(i))
			}
		}
		return in.newCloud(ctx, order, split(nil, 0, len(order), in.d), false)
	}
	chunks := split(nil, 0, min(in.n, math.MaxInt32), in.d)
	type mass struct{ w, far float64 }
	masses := make([]mass, len(chunks))
	err := parallel(ctx, in.threads, len(chunks), func(_, t int) {
		var sum mass
		for i := chunks[t].lo; i < chunks[t].hi; i++ {
			w := in.weight(i)
			sum.w += w
			sum.far += float64(w * in.far(i))
		}
		masses[t] = sum
	})
	if err != nil {
		return nil, err
	}
	var all mass
	for _, s := range masses {
		all.w += s.w
		all.far += s.far
	}
	if all.far == 0 { // not to be told from the mean: the draws go with the weight
		all.far = 1
	}
	share := func(s mass) float64 { return (s.w/all.w + s.far/all.far) / 2 }

	// One draw from each of m equal stretches of the probability.
	draws := make([]float64, m)
	for i := range draws {
		draws[i] = (float64(i) + random.Float64()) / float64(m)
	}
	first := make([]int, len(chunks)+1) // of a chunk: its first draw
	before := make([]float64, len(chunks)+1)
	for t, s := range masses {
		before[t+1] = before[t] + share(s)
		for first[t+1] = first[t]; first[t+1] < m && draws[first[t+1]] < before[t+1]; {
			first[t+1]++
		}
	}
	type drawn struct {
		at     []uint32
		weight []float32
	}
	parts := make([]drawn, len(chunks))
	err = parallel(ctx, in.threads, len(chunks), func(_, t int) {
		mine := draws[first[t]:first[t+1]]
		sum := before[t]
		for i := chunks[t].lo; i < chunks[t].hi && len(mine) > 0; i++ {
			w := in.weight(i)
			far := in.far(i)
			sum += share(mass{w, float64(w * far)})
			hits := 0
			for ; hits < len(mine) && mine[hits] < sum; hits++ {
			}
			if hits == 0 || w == 0 {
				continue
			}
			mine = mine[hits:]
			// hits * w / share, with all weights counted in shares of their sum.
			weight := float64(hits) / (float64(m) * (1 + float64(far/all.far*all.w)) / 2)
			parts[t].at = append(parts[t].at, uint32(i))
			parts[t].weight = append(parts[t].weight, float32(weight))
		}
	})
	if err != nil {
		return nil, err
	}
	var order []uint32
	var weights []float32
	for _, p := range parts {
		order, weights = append(order, p.at...), append(weights, p.weight...)
	}
	c, err := in.newCloud(ctx, order, split(nil, 0, len(order), in.d), false)
	if err != nil {
		return nil, err
	}
	c.weights = weights
	return c, nil
}

func (in *input) weight(i int) float64 {
	if in.weights == nil {
		return 1
	}
	return float64(in.weights[i])
}

// far is the squared distance of a point from the mean, about.
func (in *input) far(i int) (sum float64) {
	for j, x := range in.points[i*in.d:][:in.d] {
		e := float64(float64(x)*in.scale) - in.mean[j]
		sum += float64(e * e)
	}
	return sum
}

// sketch folds the points of a cloud to sketchWidth columns: each column is added to one of them or
// taken from it, at random (Charikar and others 2002). Squared distances stay what they are but for
// an error of about sqrt(2/sketchWidth) of themselves.
func (in *input) sketch(ctx context.Context, c *cloud, random *rand.Rand) (*cloud, error) {
	to, sign := make([]int, in.d), make([]float32, in.d)
	for j := range to {
		r := random.Uint64()
		to[j], sign[j] = int(r%sketchWidth), float32(1-2*int(r>>63))
	}
	n := len(c.order)
	s := &cloud{d: sketchWidth, chunks: split(nil, 0, n, sketchWidth), weights: c.weights, order: c.order}
	s.planes = make([]float32, n*sketchWidth)
	err := parallel(ctx, in.threads, len(s.chunks), func(_, t int) {
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

// pick returns k points of a cloud, chosen by greedy k-means++ (Arthur and Vassilvitskii 2007): each next
// one is drawn with a probability that goes with weight times squared distance to the nearest one
// so far, and of several such draws the one that lowers the sum most is kept.
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
	picks    [seedTries]int       // the points that may become the next centroid
	norms    []float32            // squared lengths
	distance []float32            // 0: too near to tell from the centroid
	tried    [seedTries][]float32 // the distances if a pick becomes a centroid
	sums     []float64            // a chunk: the sum of weight*distance
	trySums  []float64            // tries x chunks
	work     []scratch
}

func (in *input) newSeeder(c *cloud) *seeder {
	n := len(c.planes) / c.d
	s := &seeder{
		in: in, cloud: c, norms: make([]float32, n), distance: make([]float32, n),
		sums: make([]float64, len(c.chunks)), trySums: make([]float64, seedTries*len(c.chunks)),
		work: newScratch(in.threads),
	}
	for t := range s.tried {
		s.tried[t] = make([]float32, n)
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
		for i := ch.lo; i < ch.hi; i++ {
			s.distance[i] = math.MaxFloat32
			s.sums[t] += s.weight(i)
		}
	}
	return s
}

func (s *seeder) weight(i int) float64 {
	if s.cloud.weights == nil {
		return 1
	}
	return float64(s.cloud.weights[i])
}

// draw returns a point with a probability that goes with weight*distance, or any point when that is
// zero for all.
func (s *seeder) draw(random *rand.Rand) int {
	all := total(s.sums)
	if all <= 0 {
		return random.IntN(len(s.distance))
	}
	u := random.Float64() * all
	first := s.distance[0] == math.MaxFloat32
	last := 0
	for t, ch := range s.cloud.chunks {
		if u >= s.sums[t] {
			u -= s.sums[t]
			continue
		}
		for i := ch.lo; i < ch.hi; i++ {
			p := s.weight(i)
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

// join makes that of the picks a centroid that leaves the least sum, and returns it.
func (s *seeder) join(ctx context.Context, picks []int) (int, error) {
	c := s.cloud
	d, chunks := c.d, len(c.chunks)
	at, half := make([]float32, 0, len(picks)*d), make([]float32, len(picks))
	for t, p := range picks {
		at = c.appendPoint(at, p)
		half[t] = s.norms[p] / 2
	}
	err := parallel(ctx, s.in.threads, chunks, func(worker, q int) {
		w, ch := &s.work[worker], c.chunks[q]
		n := ch.hi - ch.lo
		w.scores, w.ids = grow(w.scores, n), grow(w.ids, n)
		norms, distance := s.norms[ch.lo:ch.hi], s.distance[ch.lo:ch.hi]
		for t := range picks {
			s.in.kernels.Nearest(w.ids, w.scores, nil, c.planes[ch.lo*d:ch.hi*d], n, d, at[t*d:(t+1)*d], half[t:t+1])
			out := s.tried[t][ch.lo:ch.hi]
			var sum float64
			for i, score := range w.scores {
				e := norms[i] + 2*score
				// The rounding of squared lengths: below it a point cannot be told from the centroid.
				if e < norms[i]*0x1p-20 {
					e = 0
				}
				e = min(e, distance[i])
				out[i] = e
				if c.weights == nil {
					sum += float64(e)
				} else {
					sum += float64(float64(c.weights[ch.lo+i]) * float64(e))
				}
			}
			s.trySums[t*chunks+q] = sum
		}
	})
	if err != nil {
		return 0, err
	}
	best := 0
	least := total(s.trySums[:chunks])
	for t := 1; t < len(picks); t++ {
		if sum := total(s.trySums[t*chunks:][:chunks]); sum < least {
			best, least = t, sum
		}
	}
	s.distance, s.tried[best] = s.tried[best], s.distance
	copy(s.sums, s.trySums[best*chunks:][:chunks])
	return picks[best], nil
}
