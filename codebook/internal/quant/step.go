package quant

import (
	"math"

	"github.com/palettize/palettize/internal/logscale"
)

// Step is the step size of a quantiser, as its logarithm to base 2 times 4096: a number that all
// machines compute alike.
type Step int64

// Octave is the Step of size 2, and the difference of two steps of which one is twice the other.
const Octave Step = 1 << octaveBits

const octaveBits = 12

// finest and Coarsest bound the steps: those of ordinary float32 numbers, with normal reciprocals.
const finest, Coarsest = -126 * Octave, 126 * Octave

// Value is the step size, 2^(s/4096). Roots and products round alike everywhere.
func (s Step) Value() float64 {
	v, root := 1.0, 2.0
	for bit := Octave / 2; bit > 0; bit /= 2 {
		root = math.Sqrt(root)
		if s&bit != 0 {
			v *= root
		}
	}
	return math.Ldexp(v, int(s>>octaveBits))
}

// Octaves is the step nearest to 2^log, for a log within ±2^32.
func Octaves(log float64) Step {
	return Step(math.RoundToEven(min(max(log, -1<<32), 1<<32) * float64(Octave)))
}

// stepBelow is the largest step of which v is no less than the value, v being more than 0.
func stepBelow(v float64) Step { return Step(logscale.Log2(v, octaveBits)) }
