package logscale

import "math"

// Log2 is the largest whole multiple of 2^-digits that is no more than the logarithm of v to base
// 2, as that multiple, for v above 0, but for rounding. Its operations round alike on all CPUs; the
// last bit of math.Log2 does not.
func Log2(v float64, digits int) int64 {
	fraction, exponent := math.Frexp(v)
	x, log := 2*fraction, int64(exponent-1)
	for range digits {
		// Squaring doubles the logarithm; what it has grown by beyond 1 octave is its next binary
		// digit.
		x *= x
		log *= 2
		if x >= 2 {
			x /= 2
			log++
		}
	}
	return log
}
