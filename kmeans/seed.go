package kmeans

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
)

const (
	// seedPoints is how many points, spread over all, the first centroids are picked from, and
	// seedValues how many values at most they may hold, so that seeding wide points stays cheap
	// beside one pass of Lloyd's iteration.
	seedPoints = 1 << 15
	seedValues = 1 << 22

	// stream tells the generators of kmeans from others with the same seed.
	stream = 0x9e3779b97f4a7c15
)

// sample returns the indices of up to m points of positive weight: one from each of m equal
// stretches, picked at random.
func (in *input) sample(m int, random *rand.Rand) []uint32 {
	have := min(in.n, math.MaxUint32)
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

// seed picks k of the points by greedy k-means++ (Arthur and Vassilvitskii 2007): each next centroid
// is drawn with a probability that goes with weight times squared distance to the nearest one so
// far, and of several such draws the one that lowers the sum most is kept.
func (in *input) seed(ctx context.Context, k int) ([]float32, error) {
	random := rand.New(rand.NewPCG(in.seedValue, stream))
	order := in.sample(min(seedPoints, max(seedValues/in.d, 4*k)), random)
	c, err := in.newCloud(ctx, order, split(nil, 0, len(order), in.d), false)
	if err != nil {
		return nil, err
	}
	centroids := make([]float32, 0, k*in.d)
	s := in.newSeeder(c, 2+7*bits.Len(uint(k))/10)
	for i := range k {
		tries := s.tries
		if i == 0 {
			tries = 1 // whichever comes first is soon joined by others
		}
		for t := range tries {
			s.picks[t] = s.draw(random)
		}
		best, err := s.join(ctx, tries)
		if err != nil {
			return nil, err
		}
		p := int(order[best])
		centroids = append(centroids, in.points[p*in.d:][:in.d]...)
	}
	return centroids, nil
}

// seeder holds the squared distance of each point of a cloud to its nearest centroid so far.
type seeder struct {
	in       *input
	cloud    *cloud
	tries    int
	picks    []int       // the points that may become the next centroid
	norms    []float32   // squared lengths
	distance []float32   // 0: too near to tell from the centroid
	tried    [][]float32 // the distances if a pick becomes a centroid
	sums     []float64   // a chunk: the sum of weight*distance
	trySums  []float64   // tries x chunks
	work     []scratch
}

func (in *input) newSeeder(c *cloud, tries int) *seeder {
	n := len(c.planes) / c.d
	s := &seeder{
		in: in, cloud: c, tries: tries, picks: make([]int, tries),
		norms: make([]float32, n), distance: make([]float32, n), tried: make([][]float32, tries),
		sums: make([]float64, len(c.chunks)), trySums: make([]float64, tries*len(c.chunks)),
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

// join makes that of the first picks a centroid that leaves the least sum, and returns it.
func (s *seeder) join(ctx context.Context, tries int) (int, error) {
	c := s.cloud
	d, chunks := c.d, len(c.chunks)
	at, half := make([]float32, tries*d), make([]float32, tries)
	for t := range tries {
		p := int(c.order[s.picks[t]])
		for j := range d {
			at[t*d+j] = s.in.toWork(s.in.points[p*d+j], j)
		}
		half[t] = s.norms[s.picks[t]] / 2
	}
	err := parallel(ctx, s.in.threads, chunks, func(worker, q int) {
		w, ch := &s.work[worker], c.chunks[q]
		n := ch.hi - ch.lo
		w.scores, w.ids = grow(w.scores, n), grow(w.ids, n)
		norms, distance := s.norms[ch.lo:ch.hi], s.distance[ch.lo:ch.hi]
		for t := range tries {
			s.in.kernels.Nearest(w.ids, w.scores, c.planes[ch.lo*d:ch.hi*d], n, d, at[t*d:(t+1)*d], half[t:t+1])
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
	for t := 1; t < tries; t++ {
		if sum := total(s.trySums[t*chunks:][:chunks]); sum < least {
			best, least = t, sum
		}
	}
	s.distance, s.tried[best] = s.tried[best], s.distance
	copy(s.sums, s.trySums[best*chunks:][:chunks])
	return s.picks[best], nil
}
