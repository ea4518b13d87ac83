package codebook

import (
	"context"
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/par"
)

const (
	// capFactor is how many times the relative error that a matrix would have at the mean rate it may have in a
	// pool: a small matrix, or one of small weights, can matter as much as any other, since a norm, an
	// activation or a residual scales up again what it puts out.
	capFactor = 2
	// capOctaves is how much coarser the step may be for that. At low rates errors grow a little faster than steps; below
	// lowBits they come near to 1, and the rate is what is held.
	capOctaves = octave * 7 / 8
	lowBits    = 2.5
	// leastLevels is the part of the mean rate that the levels of a matrix have at least, whatever else takes it.
	leastLevels = 0.5
)

// allotment is what a matrix gets: a step, and what it takes and leaves then.
type allotment struct {
	step step
	goal goal
	cap  float64 // relative error that it was to stay below; 0: none
}

func total(allotments []allotment) (sum goal) {
	for _, p := range allotments {
		sum.bytes += p.goal.bytes
		sum.noise += p.goal.noise
	}
	return sum
}

// sums returns how many weights sketches stand for, and the sum of squares that their noise is compared with.
func sums(sketches []*sketch) (weights, signal float64) {
	for _, s := range sketches {
		weights += s.weights()
		signal += s.signal
	}
	return weights, signal
}

// unmetError says that no step meets a goal, and what comes nearest.
type unmetError struct {
	goal, nearest   goal
	weights, signal float64
}

func (e *unmetError) Error() string {
	asked := fmt.Sprintf("%.4g bits a weight", 8*e.goal.bytes/e.weights)
	if e.goal.bytes == 0 {
		asked = fmt.Sprintf("an error of %.4g", math.Sqrt(e.goal.noise/e.signal))
	}
	return fmt.Sprintf("%s cannot be met: what comes nearest takes %.4g bits and leaves an error of %.4g",
		asked, 8*e.nearest.bytes/e.weights, relative(e.nearest.noise, e.signal))
}

// relative is the relative error of what has this noise and signal.
func relative(noise, signal float64) float64 {
	return math.Sqrt(noise / max(signal, math.SmallestNonzeroFloat64))
}

// alone returns the allotment of a matrix that has a goal of its own.
func (s *sketch) alone(ctx context.Context, g goal) (allotment, error) {
	first := step(0)
	if s.signal > 0 {
		first = s.whole.sensitivity.spread - 2*octave // about right for 3 bits
	} else {
		g = goal{} // nothing to choose
	}
	var now, best allotment
	met, err := g.seek(first, s.weights(), mostTries, func(to step) (bytes, noise float64, err error) {
		at, err := s.at(ctx, to)
		now = allotment{step: to, goal: goal{at.bytes(), at.noise}}
		return at.bytes(), at.noise, err
	}, func() { best = now })
	if err == nil && !met {
		err = &unmetError{g, best.goal, s.weights(), s.signal}
	}
	return best, err
}

// equally gives each of the sketches the same bits a weight, or the same relative error, as the goal is for all of
// them together.
func equally(ctx context.Context, sketches []*sketch, g goal, threads int) ([]allotment, error) {
	allotments := make([]allotment, len(sketches))
	weights, signal := sums(sketches)
	return allotments, par.Each(threads, len(sketches), func(i int) (err error) {
		s := sketches[i]
		own := goal{noise: g.noise / max(signal, math.SmallestNonzeroFloat64) * s.signal}
		if g.bytes > 0 {
			at, err := s.at(ctx, s.whole.sensitivity.spread)
			if err != nil {
				return err
			}
			bytes := g.bytes / weights * s.weights()
			own = goal{bytes: max(bytes, at.side+leastLevels*bytes)}
		}
		allotments[i], err = s.alone(ctx, own)
		return err
	})
}

// ratePool is a goal that is being divided among matrices.
type ratePool struct {
	sketches   []*sketch
	threads    int
	own        []allotment // where each would be if all were alike, what its levels take and its noise there
	coarsest   []step      // of each
	looser     step        // by how much steps may be coarser than that all the same
	allotments []allotment // for the step that was tried last
}

// pool divides a goal among sketches. One step for all, in units of each one's sensitivity, makes all slopes of noise, as
// these units weigh it, over bytes equal, so that no other division of the bytes leaves less. Steps that are too
// far from what a matrix would have if all were alike stop there.
func pool(ctx context.Context, sketches []*sketch, g goal, threads int) ([]allotment, error) {
	weights, signal := sums(sketches)
	if signal == 0 {
		g = goal{} // nothing to choose
	}
	p := &ratePool{sketches: sketches, threads: threads, coarsest: make([]step, len(sketches))}
	p.own, p.allotments = make([]allotment, len(sketches)), make([]allotment, len(sketches))
	err := par.Each(threads, len(sketches), func(i int) (err error) {
		s := sketches[i]
		mean := goal{g.bytes / weights * s.weights(), g.noise / max(signal, math.SmallestNonzeroFloat64) * s.signal}
		if p.own[i], err = s.near(ctx, mean); err != nil {
			return err
		}
		p.coarsest[i] = p.own[i].step + capOctaves
		if mean.bytes > 0 && 8*mean.bytes < lowBits*s.weights() {
			least, err := s.near(ctx, goal{bytes: leastLevels * mean.bytes})
			p.coarsest[i] = min(p.coarsest[i], least.step)
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

// near returns about where the levels of a matrix alone come to a goal.
func (s *sketch) near(ctx context.Context, g goal) (p allotment, err error) {
	const tries, enough = 8, octave / 16
	if p.step = s.whole.sensitivity.spread - 2*octave; s.signal == 0 {
		return p, nil
	}
	for range tries {
		at, err := s.at(ctx, p.step)
		if err != nil {
			return p, err
		}
		p.goal = goal{at.coded, at.noise}
		change, _ := g.off(s.weights(), at.coded, at.noise)
		if max(change, -change) < enough {
			break
		}
		// Not further than to where levels would not reach the weights.
		p.step = max(p.step+min(max(change, -2*octave), 2*octave), s.whole.sensitivity.spread-6*octave)
	}
	return p, nil
}

// loosen lets steps be coarser until the goal can be met: with many small matrices what stands beside the levels can
// take most of it.
func (p *ratePool) loosen(ctx context.Context, g goal) error {
	for ; g.bytes > 0 && p.looser < 16*octave; p.looser += octave {
		if err := p.try(ctx, coarsest); err != nil {
			return err
		}
		if total(p.allotments).bytes <= g.bytes*(1-margin) {
			return nil
		}
	}
	return nil
}

// try measures what all matrices take and leave with a step, as far as their bounds allow it.
func (p *ratePool) try(ctx context.Context, to step) error {
	return par.Each(p.threads, len(p.sketches), func(i int) error {
		// A step finer by an octave takes a bit a weight more, of which there are to be no more than trellisBits.
		own := p.own[i]
		finer := max(octaves(trellisBits-8*own.goal.bytes/p.sketches[i].weights()), 0)
		s := min(max(to, own.step-finer), p.coarsest[i]+p.looser)
		at, err := p.sketches[i].at(ctx, s)
		p.allotments[i] = allotment{step: s, goal: goal{at.bytes(), at.noise}}
		return err
	})
}

// divide finds the step with which the matrices meet the goal together.
func (p *ratePool) divide(ctx context.Context, g goal, weights, signal float64) ([]allotment, error) {
	mean := 0.0
	for i, s := range p.sketches {
		mean += s.weights() / weights * float64(p.own[i].step)
	}
	best := make([]allotment, len(p.sketches))
	met, err := g.seek(step(math.RoundToEven(mean)), weights, mostTries, func(to step) (bytes, noise float64, err error) {
		err = p.try(ctx, to)
		sum := total(p.allotments)
		return sum.bytes, sum.noise, err
	}, func() { copy(best, p.allotments) })
	if err != nil {
		return nil, err
	}
	sum := total(best)
	if !met {
		return nil, &unmetError{g, sum, weights, signal}
	}
	// What the sum stays below the goal within the margin is divided again.
	bytes, noise := 1.0, 1.0
	if g.bytes > 0 && sum.bytes >= g.bytes*(1-margin) {
		bytes = g.bytes / sum.bytes
	} else if g.noise > 0 && sum.noise >= g.noise*(1-margin) {
		noise = g.noise / sum.noise
	}
	for i := range best {
		best[i].goal.bytes *= bytes
		best[i].goal.noise *= noise
		best[i].cap = capFactor * relative(p.own[i].goal.noise, p.sketches[i].signal)
	}
	return best, nil
}
