package codebook

import "math"

// goal is what a coding, or several together, are to stay below: one of bytes and noise, the other is 0.
type goal struct {
	bytes float64
	noise float64 // sum of squared errors
}

// off says by how much the step must change for a coding of n weights with these figures to come to the middle of
// the margin below the goal, and whether it is within the margin.
func (g goal) off(n, bytes, noise float64) (change step, within bool) {
	switch {
	case g == goal{}:
		return 0, true
	case g.bytes > 0:
		// A bit a weight less for each octave of the step. What is left without noise is of no use.
		return octaves((bytes - g.bytes*(1-margin/2)) * 8 / n), bytes <= g.bytes && (bytes >= g.bytes*(1-margin) || noise <= 0)
	case noise <= 0:
		return octave, false
	}
	// The squared error grows with the squared step.
	return stepBelow(g.noise*(1-margin/2)/noise) / 2, noise <= g.noise && noise >= g.noise*(1-margin)
}

// finest and coarsest bound the steps: those of ordinary float32 numbers, with normal reciprocals.
const finest, coarsest = -126 * octave, 126 * octave

// mostTries is how many tries are enough to cross all steps.
const mostTries = 64

// settled is how many tries it takes until tables have followed the levels, so that what a step came to holds for later tries.
const settled = 16

// seek tries steps for n weights, from s on, until one comes to the goal from below within the margin, or as near to it as
// any step does: with few weights, figures jump. try says what a step comes to; keep is called after a try that is
// the nearest so far, from below if there was any below. met tells whether there was: if not, seek tries on.
func (g goal) seek(s step, n float64, tries int, try func(step) (bytes, noise float64, err error), keep func()) (met bool, err error) {
	s = min(max(s, finest), coarsest)
	lower, upper := finest-1, coarsest+1 // the goal lies between
	miss, stretch := step(math.MaxInt64), step(1)
	var last, from step // what the last try, from there, said of the change
	for i := 0; tries > 0 && i < mostTries; i++ {
		bytes, noise, err := try(s)
		if err != nil {
			return met, err
		}
		change, within := g.off(n, bytes, noise)
		below := g.bytes > 0 && bytes <= g.bytes || g.bytes == 0 && noise <= g.noise
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
		// Far from the goal the figures say little of how far: strides grow as long as they get no nearer.
		if stretch *= 2; last*change <= 0 || 4*max(change, -change) < 3*max(last, -last) {
			stretch = 1
		}
		stride := min(max(change, -3*octave), 3*octave) * stretch
		if last*change < 0 { // between the last two tries
			stride = step(math.RoundToEven(float64(from-s) * float64(change) / float64(change-last)))
		}
		last, from = change, s
		s = min(max(s+stride, finest), coarsest)
		switch {
		case s > lower && s < upper:
		case i < settled:
			lower, upper = finest-1, coarsest+1
		default:
			s = lower + (upper-lower)/2
		}
		if s == from || s == lower {
			break
		}
	}
	return met, nil
}
