package kmeans

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/palettize/palettize/internal/par"
)

// coreset draws points that stand for all: a lightweight coreset (Bachem, Lucic and Krause 2018).
// Half of the draws go with the weight, half with the weight times the squared distance from the
// mean, so that the few points far out, which much of the error is about, are among them; a point's
// weight makes up for how likely it was to be drawn.
type coreset struct {
	in    *input
	all   mass
	draws []float64 // ascending, from 0 to 1
}

// mass is a sum of weights, and of weights times squared distances from the mean.
type mass struct{ w, far float64 }

func (in *input) massOf(i int) mass {
	w := in.weight(i)
	return mass{w, float64(w * in.far(i))}
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

// few returns about m points, with weights, that stand for all of the input: all that have a weight
// where there are no more.
func (in *input) few(ctx context.Context, m int, random *rand.Rand) (*cloud, error) {
	if in.n <= m {
		var all []drawn
		for i := range in.n {
			if w := in.weight(i); w > 0 {
				all = append(all, in.drawn(i, w))
			}
		}
		return in.cloudOf(ctx, all)
	}
	chunks := split(nil, 0, min(in.n, math.MaxInt32), in.d)
	masses := make([]mass, len(chunks))
	err := par.Tasks(ctx, in.threads, len(chunks), func(_, t int) {
		for i := chunks[t].lo; i < chunks[t].hi; i++ {
			one := in.massOf(i)
			masses[t].w += one.w
			masses[t].far += one.far
		}
	})
	if err != nil {
		return nil, err
	}
	return newCoreset(in, masses, m, random).take(ctx, chunks, masses)
}

// newCoreset makes one draw from each of m equal stretches of the probability.
func newCoreset(in *input, masses []mass, m int, random *rand.Rand) *coreset {
	c := &coreset{in: in, draws: make([]float64, m)}
	for _, s := range masses {
		c.all.w += s.w
		c.all.far += s.far
	}
	if c.all.far == 0 { // not to be told from the mean: the draws go with the weight
		c.all.far = 1
	}
	for i := range c.draws {
		c.draws[i] = (float64(i) + random.Float64()) / float64(m)
	}
	return c
}

// chance is the probability that a draw hits what has this mass.
func (c *coreset) chance(s mass) float64 { return (s.w/c.all.w + s.far/c.all.far) / 2 }

// take returns the points that the draws hit.
func (c *coreset) take(ctx context.Context, chunks []chunk, masses []mass) (*cloud, error) {
	m := len(c.draws)
	first := make([]int, len(chunks)+1)      // of a chunk: its first draw
	before := make([]float64, len(chunks)+1) // the probability of all chunks before
	for t, s := range masses {
		before[t+1] = before[t] + c.chance(s)
		for first[t+1] = first[t]; first[t+1] < m && c.draws[first[t+1]] < before[t+1]; {
			first[t+1]++
		}
	}
	parts := make([][]drawn, len(chunks))
	err := par.Tasks(ctx, c.in.threads, len(chunks), func(_, t int) {
		parts[t] = c.takeFrom(chunks[t], before[t], c.draws[first[t]:first[t+1]])
	})
	if err != nil {
		return nil, err
	}
	return c.in.cloudOf(ctx, slices.Concat(parts...))
}

// takeFrom returns the points of a chunk that these draws hit. sum is the probability of all points
// before.
func (c *coreset) takeFrom(ch chunk, sum float64, draws []float64) (taken []drawn) {
	for i := ch.lo; i < ch.hi && len(draws) > 0; i++ {
		one := c.in.massOf(i)
		sum += c.chance(one)
		hits := 0
		for ; hits < len(draws) && draws[hits] < sum; hits++ {
		}
		if hits == 0 || one.w == 0 {
			continue
		}
		draws = draws[hits:]
		// hits * w / chance, with all weights counted in parts of their sum.
		likely := float64(len(c.draws)) * (1 + float64(c.in.far(i)/c.all.far*c.all.w)) / 2
		taken = append(taken, c.in.drawn(i, float64(hits)/likely))
	}
	return taken
}
