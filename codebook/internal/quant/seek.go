package quant

import "math"

// Cost is what a layer, or several together, take in a file and lose of the weights.
type Cost struct {
	Bytes float64
	Noise float64 // sum of squared errors, each weighted by its column's inputs where these are known
}

// Goal is a cost that a layer, or several together, are not to exceed: in Bytes or in Noise, the
// other is 0. Where both are 0 any cost will do.
type Goal Cost

// Margin is the part of a goal that may be left unused.
const Margin = 0.0006

// off says by how much the step must change for n weights of this cost to come to the middle of the
// margin below the goal, and whether the cost is within the margin.
func (g Goal) off(n float64, at Cost) (change Step, within bool) {
	switch {
	case g == Goal{}:
		return 0, true
	case g.Bytes > 0:
		// A bit a weight less for each octave of the step. What is left without noise is of no use.
		return Octaves((at.Bytes - g.Bytes*(1-Margin/2)) * 8 / n),
			at.Bytes <= g.Bytes && (at.Bytes >= g.Bytes*(1-Margin) || at.Noise <= 0)
	case at.Noise <= 0:
		return Octave, false
	}
	// The squared error grows with the squared step.
	return stepBelow(g.Noise*(1-Margin/2)/at.Noise) / 2,
		at.Noise <= g.Noise && at.Noise >= g.Noise*(1-Margin)
}

// MostTries is how many tries are enough to get from any step to any other.
const MostTries = 64

// settled is how many tries it takes until tables have followed the levels, so that what a step
// came to holds for later tries.
const settled = 16

// Seek searches the step with which n weights cost as much as the goal allows, and no more: it
// calls try for the cost of one step after the other, from s on, until a cost is within the margin
// below the goal, or tries are used up. It calls keep after each try that is the best so far: the
// nearest to the goal, of those that do not exceed it if there are any. met tells whether there
// are: as long as not, more tries are made, MostTries in all. With few weights, costs jump and the
// margin may not be reached.
func (g Goal) Seek(s Step, n float64, tries int, try func(Step) (Cost, error), keep func()) (
	met bool, err error) {
	s = min(max(s, finest), Coarsest)
	lower, upper := finest-1, Coarsest+1 // the goal lies between
	miss, stretch := Step(math.MaxInt64), Step(1)
	var last, from Step // what the last try, from there, said of the change
	for i := 0; tries > 0 && i < MostTries; i++ {
		at, err := try(s)
		if err != nil {
			return met, err
		}
		change, within := g.off(n, at)
		below := g.Bytes > 0 && at.Bytes <= g.Bytes || g.Bytes == 0 && at.Noise <= g.Noise
		if size := max(change, -change); below && !met || below == met && size < miss {
			miss, met = size, below
			keep()
		}
		if within {
			break
		}
		if tries--; !met {
			tries = max(tries, 5) // for what is to come nearer than the first step below
		}
		if change > 0 {
			lower = s
		} else {
			upper = s
		}
		// Far from the goal the cost says little of how far: strides grow as long as it gets no
		// nearer.
		if stretch *= 2; last*change <= 0 || 4*max(change, -change) < 3*max(last, -last) {
			stretch = 1
		}
		stride := min(max(change, -3*Octave), 3*Octave) * stretch
		if last*change < 0 { // between the last two tries
			between := float64(from-s) * float64(change) / float64(change-last)
			stride = Step(math.RoundToEven(between))
		}
		last, from = change, s
		s = min(max(s+stride, finest), Coarsest)
		switch {
		case s > lower && s < upper:
		case i < settled:
			lower, upper = finest-1, Coarsest+1
		default:
			s = lower + (upper-lower)/2
		}
		if s == from || s == lower {
			break
		}
	}
	return met, nil
}
