package compress

import (
	"context"
	"math"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/par"
)

const (
	// capOctaves is how much coarser the step may be for errors of quant.CapFactor times that at
	// the mean rate. At low rates errors grow a little faster than steps; below lowBits they come
	// near to 1, and the rate is what is held.
	capOctaves = quant.Octave * 7 / 8
	lowBits    = 2.5
	// sensedBits is the highest rate of matrices that share a number of bits by their sensitivities:
	// at trellisBits one in a hundred weights is an outlier, which takes time, and some sensitivities
	// ask for that. At 4 bits all-MiniLM-L6-v2 is 1.1 times as fast so, its answers as good.
	sensedBits = 5.75
	// leastLevels is the part of the mean rate that the levels of a matrix have at least, whatever
	// else takes it.
	leastLevels = 0.5
)

// allotment is what a matrix gets: a step, and what it comes to then.
type allotment struct {
	step quant.Step
	quant.Cost
	cap float64 // relative error that it was to stay below; 0: none
}

func total(allotments []allotment) (sum quant.Cost) {
	for _, p := range allotments {
		sum.Bytes += p.Bytes
		sum.Noise += p.Noise
	}
	return sum
}

// sums returns how many weights sketches stand for, and the sum of squares that their noise is
// compared with.
func sums(sketches []*quant.Sketch) (weights, signal float64) {
	for _, s := range sketches {
		weights += s.Weights()
		signal += s.Signal
	}
	return weights, signal
}

// alone returns the point of a matrix that has a goal of its own.
func alone(ctx context.Context, s *quant.Sketch, g quant.Goal) (quant.Point, error) {
	p, met, err := s.Alone(ctx, g)
	if err == nil && !met {
		err = unmet(g, p.Cost(), s.Weights(), s.Signal)
	}
	return p, err
}

// equally gives each of the matrices the same bits a weight, or the same relative error, as the
// goal is for all of them together.
func equally(ctx context.Context, members []*member, g quant.Goal, threads int) (
	[]allotment, error) {
	allotments := make([]allotment, len(members))
	weights, signal := sums(sketchesOf(members))
	return allotments, par.Each(threads, len(members), func(i int) error {
		s := members[i].sketch
		own := quant.Goal{Noise: g.Noise / max(signal, math.SmallestNonzeroFloat64) * s.Signal}
		if g.Bytes > 0 {
			at, err := s.At(ctx, s.Spread())
			if err != nil {
				return err
			}
			bytes := g.Bytes / weights * s.Weights()
			own = quant.Goal{Bytes: max(bytes, at.Side+leastLevels*bytes)}
		}
		p, err := alone(ctx, s, own)
		if err != nil {
			return &codebook.TensorError{Tensor: members[i].Tensor, Err: err}
		}
		allotments[i] = allotment{step: p.Step, Cost: p.Cost()}
		return nil
	})
}

// ratePool is a goal that is being divided among matrices.
type ratePool struct {
	sketches   []*quant.Sketch
	threads    int
	own        []quant.Point // about where each would be if all were alike
	finest     []quant.Step  // of each
	coarsest   []quant.Step  // of each
	looser     quant.Step    // by how much steps may be coarser than that all the same
	allotments []allotment   // for the step that was tried last
}

// pool divides a goal among matrices. One step for all, in units of each one's sensitivity, makes
// all slopes of noise, as these units weigh it, over bytes equal, so that no other division of the
// bytes leaves less. Steps that are too far from what a matrix would have if all were alike stop
// there.
func pool(ctx context.Context, members []*member, g quant.Goal, threads int) (
	[]allotment, error) {
	sketches := sketchesOf(members)
	weights, signal := sums(sketches)
	if signal == 0 {
		g = quant.Goal{} // nothing to choose
	}
	p := &ratePool{sketches: sketches, threads: threads,
		finest: make([]quant.Step, len(sketches)), coarsest: make([]quant.Step, len(sketches))}
	p.own, p.allotments = make([]quant.Point, len(sketches)), make([]allotment, len(sketches))
	err := par.Each(threads, len(sketches), func(i int) (err error) {
		s := sketches[i]
		mean := quant.Goal{Bytes: g.Bytes / weights * s.Weights(),
			Noise: g.Noise / max(signal, math.SmallestNonzeroFloat64) * s.Signal}
		if p.own[i], err = s.Near(ctx, mean); err != nil {
			return err
		}
		most := trellisBits
		if mean.Bytes > 0 && s.Sensed() {
			most = sensedBits
		}
		// A step finer by an octave takes a bit a weight more.
		finer := max(quant.Octaves(most-8*p.own[i].Coded/s.Weights()), 0)
		p.finest[i], p.coarsest[i] = p.own[i].Step-finer, p.own[i].Step+capOctaves
		if mean.Bytes > 0 && 8*mean.Bytes < lowBits*s.Weights() {
			least, err := s.Near(ctx, quant.Goal{Bytes: leastLevels * mean.Bytes})
			p.coarsest[i] = min(p.coarsest[i], least.Step)
			return err
		}
		return nil
	})
	if err == nil {
		err = p.loosen(ctx, g)
	}
	if err != nil {
		return nil, err
	}
	return p.divide(ctx, g, weights, signal)
}

// loosen lets steps be coarser until the goal can be met: with many small matrices what stands
// beside the levels can take most of it.
func (p *ratePool) loosen(ctx context.Context, g quant.Goal) error {
	for ; g.Bytes > 0 && p.looser < 16*quant.Octave; p.looser += quant.Octave {
		if err := p.try(ctx, quant.Coarsest); err != nil {
			return err
		}
		if total(p.allotments).Bytes <= g.Bytes*(1-quant.Margin) {
			return nil
		}
	}
	return nil
}

// try measures what all matrices take and leave with a step, as far as their bounds allow it.
func (p *ratePool) try(ctx context.Context, to quant.Step) error {
	return par.Each(p.threads, len(p.sketches), func(i int) error {
		step := min(max(to, p.finest[i]), p.coarsest[i]+p.looser)
		at, err := p.sketches[i].At(ctx, step)
		p.allotments[i] = allotment{step: step, Cost: at.Cost()}
		return err
	})
}

// divide finds the step with which the matrices meet the goal together.
func (p *ratePool) divide(ctx context.Context, g quant.Goal, weights, signal float64) ([]allotment,
	error) {
	mean := 0.0
	for i, s := range p.sketches {
		mean += s.Weights() / weights * float64(p.own[i].Step)
	}
	best := make([]allotment, len(p.sketches))
	met, err := g.Seek(quant.Step(math.RoundToEven(mean)), weights, quant.MostTries,
		func(to quant.Step) (quant.Cost, error) {
			err := p.try(ctx, to)
			return total(p.allotments), err
		}, func() { copy(best, p.allotments) })
	if err != nil {
		return nil, err
	}
	sum := total(best)
	if !met {
		return nil, unmet(g, sum, weights, signal)
	}
	// What the sum stays below the goal within the margin is divided again.
	bytes, noise := 1.0, 1.0
	if g.Bytes > 0 && sum.Bytes >= g.Bytes*(1-quant.Margin) {
		bytes = g.Bytes / sum.Bytes
	} else if g.Noise > 0 && sum.Noise >= g.Noise*(1-quant.Margin) {
		noise = g.Noise / sum.Noise
	}
	for i := range best {
		best[i].Bytes *= bytes
		best[i].Noise *= noise
		best[i].cap = quant.CapFactor * p.sketches[i].Relative(p.own[i].Noise)
	}
	return best, nil
}
