package quant

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/par"
)

// SampleWeights is the most that Options.Sampled has to be: more weights tell little more.
const SampleWeights = 1 << 14

// outlierBytes is about what an outlier takes.
const outlierBytes = 3.5

// Sketch predicts what an entropy-coded layer of a matrix would cost with any step of the
// quantiser, from a sample of the rows. The matrix itself need not be in memory.
type Sketch struct {
	Signal float64 // sum of squared weights, weighted as noise is: what noise is a part of

	whole    coding  // without its weights
	sample   *coding // of some of them
	held     []int   // weights in each class of the whole
	overhead int64   // bytes of a layer's header
	last     Step    // the step of the sample's tables
}

// NewSketch takes a sample of about o.Sampled weights. It keeps nothing else of the matrix.
func NewSketch(ctx context.Context, m *Matrix, s codebook.Scheme, o Options) (*Sketch, error) {
	in, err := sensitivityOf(ctx, m, o)
	if err != nil {
		return nil, err
	}
	c := newCoding(m, s.States, o, in)
	k := &Sketch{
		Signal: in.signal, whole: *c, sample: c.sample(o.Sampled), held: c.coder.Classes.Held(),
		overhead: m.Overhead,
	}
	k.whole.w, k.whole.threads = nil, nil
	k.sample.threads = par.Fixed(1)
	k.sample.sensitivity.factor = nil // feedback would change little, and a factor is large
	return k, nil
}

// Forget drops what only Build needs and can make again: the factor of the moments, which is large.
func (k *Sketch) Forget() { k.whole.sensitivity.factor = nil }

// Restart takes a sketch back to before the first step, so that what Build makes does not depend on
// those that were tried.
func (k *Sketch) Restart() { k.sample.coder.Tables = nil }

// OfOutputs reports whether noise is that of outputs, for inputs of which moments are known, and
// not that of weights.
func (k *Sketch) OfOutputs() bool { return k.whole.sensitivity.codes != nil }

// Sensed reports whether it is known what errors cost the answers of the model.
func (k *Sketch) Sensed() bool { return k.whole.sensitivity.sensed }

// Weights is how many the matrix has.
func (k *Sketch) Weights() float64 { return float64(k.whole.rows) * float64(k.whole.cols) }

// Dims returns the number of rows and columns.
func (k *Sketch) Dims() (rows, cols int) { return k.whole.rows, k.whole.cols }

// Spread is about the root of the mean square of the weights, as a Step: with the same distance of
// the step from it, matrices have about the same bits a weight.
func (k *Sketch) Spread() Step { return k.whole.sensitivity.spread }

// Weighed returns noise in units that are the same for all matrices of a model, in which a pool of
// them adds it up.
func (k *Sketch) Weighed(noise float64) float64 { return noise / k.whole.noiseOf(0) }

// Relative is the relative error of a layer of this matrix with this noise.
func (k *Sketch) Relative(noise float64) float64 { return Relative(noise, k.Signal) }

// Relative is the relative error that goes with a noise and a signal: the root of their ratio.
func Relative(noise, signal float64) float64 {
	return math.Sqrt(noise / max(signal, math.SmallestNonzeroFloat64))
}

// Point is what a layer costs with a step.
type Point struct {
	Step  Step
	Side  float64 // bytes beside those of the weights: header, scales, centroids, tables of the coder
	Coded float64 // bytes of the entropy-coded levels, and of outliers
	Noise float64
}

// Cost is all that the layer costs.
func (p Point) Cost() Cost { return Cost{p.Side + p.Coded, p.Noise} }

// At predicts the cost with this step.
func (k *Sketch) At(ctx context.Context, to Step) (p Point, err error) {
	near := k.sample.coder.Tables != nil && max(to-k.last, k.last-to) < Octave/4
	st, err := k.sample.learn(ctx, to, near)
	if err != nil {
		return p, err
	}
	k.last, k.sample.levels = to, nil
	k.whole.coder.Tables = k.sample.coder.Tables
	factors := k.classFactors(st)
	p.Coded, err = k.sample.levelBytes(st, factors)
	p.Coded += outlierBytes * float64(len(st.outliers)) * k.Weights() / float64(k.sample.weights())
	for class, v := range st.noise {
		p.Noise += float64(v * factors[class])
	}
	p.Noise *= k.whole.noiseOf(to)
	p.Step, p.Side = to, k.whole.sideBytes(k.overhead, nil)
	return p, err
}

// Alone returns the point at which the matrix meets a goal of its own or, where met is false, comes
// nearest to it.
func (k *Sketch) Alone(ctx context.Context, g Goal) (best Point, met bool, err error) {
	first := Step(0)
	if k.Signal > 0 {
		first = k.Spread() - 2*Octave // about right for 3 bits
	} else {
		g = Goal{} // nothing to choose
	}
	var now Point
	met, err = g.Seek(first, k.Weights(), MostTries, func(to Step) (_ Cost, err error) {
		now, err = k.At(ctx, to)
		return now.Cost(), err
	}, func() { best = now })
	return best, met, err
}

// Near returns about the point at which the matrix meets a goal, Side not counted.
func (k *Sketch) Near(ctx context.Context, g Goal) (p Point, err error) {
	const tries, enough = 8, Octave / 16
	step := k.Spread() - 2*Octave
	if p.Step = step; k.Signal == 0 {
		return p, nil
	}
	for range tries {
		if p, err = k.At(ctx, step); err != nil {
			return p, err
		}
		change, _ := g.off(k.Weights(), Cost{p.Coded, p.Noise})
		if max(change, -change) < enough {
			break
		}
		// Not further than to where levels would not reach the weights.
		step = max(step+min(max(change, -2*Octave), 2*Octave), k.Spread()-6*Octave)
	}
	p.Step = step
	return p, nil
}

// Build makes the layer of m, the matrix that was sketched, that meets the target's goal, with a
// step near to the target's. The sketch is of no use after it.
func (k *Sketch) Build(ctx context.Context, m *Matrix, t Target, o Options) (*codebook.Layer,
	error) {
	if _, err := k.At(ctx, t.Step); err != nil {
		return nil, err
	}
	c := k.whole
	k.sample = nil
	c.threads = o.Threads
	c.w, _ = m.raised(c.threads)
	c.rowWeights = c.sensitivity.rowWeights(c.rows)
	if err := c.sensitivity.refactor(ctx, m, c.threads); err != nil {
		return nil, err
	}
	step, st, err := c.meet(ctx, t, k.overhead)
	if err != nil {
		return nil, err
	}
	return c.layer(ctx, step, st)
}

// buildTrellis makes an entropy-coded layer.
func buildTrellis(ctx context.Context, m *Matrix, s codebook.Scheme, t Target, o Options) (
	*codebook.Layer, error) {
	k, err := NewSketch(ctx, m, s, o)
	if err != nil {
		return nil, err
	}
	return k.Build(ctx, m, t, o)
}

// classFactors returns for each class how many weights of the whole matrix one weight of the sample
// stands for. That is what makes a small sample tell the rate: rows differ most by their spread,
// which is known of all.
func (k *Sketch) classFactors(st *levelStats) []float64 {
	factors := make([]float64, len(st.counts))
	seen := 0.0
	for class := range factors {
		n := 0.0
		for _, m := range st.counts[class] {
			n += float64(m)
		}
		if n > 0 {
			factors[class] = float64(k.held[class]) / n
			seen += float64(k.held[class])
		}
	}
	for class := range factors { // for the classes that the sample lacks
		factors[class] *= k.Weights() / seen
	}
	return factors
}

// meet searches levels with steps near the target's until the coding meets the goal from below.
// Where no step does, as in a matrix of a few weights, it stays with what came nearest, from below
// if anything did.
func (c *coding) meet(ctx context.Context, t Target, overhead int64) (Step, *levelStats, error) {
	type state struct {
		step   Step
		stats  *levelStats
		tables []entropy.Table
		levels []byte
	}
	now, best := state{step: t.Step}, state{}
	_, err := t.Goal.Seek(t.Step, float64(c.weights()), 8, func(to Step) (at Cost, err error) {
		if max(to-now.step, now.step-to) > Octave/4 { // far from the steps that the tables are for
			if _, err := c.learn(ctx, to, false); err != nil {
				return at, err
			}
		}
		st, err := c.search(ctx, to)
		if err != nil {
			return at, err
		}
		if err := c.refit(st, nil); err != nil {
			return at, err
		}
		now = state{step: to, stats: st}
		coded, err := c.levelBytes(st, nil)
		return Cost{c.sideBytes(overhead, st.outliers) + coded, c.noise(st, to)}, err
	}, func() {
		best.step, best.stats = now.step, now.stats
		best.tables = slices.Clone(c.coder.Tables)
		best.levels, c.levels = c.levels, best.levels // for a next try
	})
	if err != nil {
		return 0, nil, err
	}
	c.coder.Tables, c.levels = best.tables, best.levels
	return best.step, best.stats, nil
}
