// Package transformer runs transformers whose weights a [codebook.Model] multiplies with: encoders
// of the BERT type and decoders of the Llama type. It is meant to be read and copied.
package transformer

import "math"

const (
	// roundingBias brings a float32 below 2^22 to where its unit is 1: adding it rounds to the
	// nearest whole number, which the low bits then are.
	roundingBias = 3 << 22

	expBits  = 10 // of a factor of 2 there are 2^expBits steps
	expSteps = 1 << expBits

	geluSteps  = 64 // of a unit
	geluMiddle = 8 * geluSteps
)

// expTable has the bits of 2^(i/expSteps).
var expTable = func() (t [expSteps]uint32) {
	for i := range t {
		t[i] = math.Float32bits(float32(math.Exp2(float64(i) / expSteps)))
	}
	return t
}()

// Softmax replaces x by e^x over the sum of all e^x.
func Softmax(x []float32) {
	scale := 1 / expSum(x, 1)
	for i := range x {
		x[i] *= scale
	}
}

// expSum replaces x by e^(scale*(x - the largest)) and returns their sum. scale is positive. The
// relative error of an exponential e^-z is at most (2 + z)/2^23; below e^-87 it is 0.
func expSum(x []float32, scale float32) float32 {
	largest := largest(x)
	var sums [2]float32 // so that one addition need not wait for the one before
	perUnit := scale * (expSteps * math.Log2E)
	for i, v := range x {
		steps := (v - largest) * perUnit
		if steps < -87*expSteps*math.Log2E {
			x[i] = 0
			continue
		}
		rounded := steps + roundingBias
		rest := (steps - (rounded - roundingBias)) * (math.Ln2 / expSteps)
		// What roundingBias adds to the bits ends above those that are used. The steps of a factor
		// of 2 choose from the table, the others go to the exponent.
		bits := math.Float32bits(rounded)
		near := math.Float32frombits(expTable[bits&(expSteps-1)] + bits&^(expSteps-1)<<(23-expBits))
		near += near * rest // e^rest is 1 + rest within rest^2/2, which is below 6e-8
		x[i] = near
		sums[i&1] += near
	}
	return sums[0] + sums[1]
}

// largest returns the largest value, minus infinity for none.
func largest(x []float32) float32 {
	least := float32(math.Inf(-1))
	m0, m1, m2, m3 := least, least, least, least
	for ; len(x) >= 4; x = x[4:] {
		m0, m1, m2, m3 = larger(m0, x[0]), larger(m1, x[1]), larger(m2, x[2]), larger(m3, x[3])
	}
	for _, v := range x {
		m0 = larger(m0, v)
	}
	return larger(larger(m0, m1), larger(m2, m3))
}

func larger(a, b float32) float32 {
	if b > a {
		return b
	}
	return a
}

// LayerNorm writes x, brought to a mean of 0 and a mean square of 1, times gain, plus bias to dst,
// which may be x. eps is added to the mean square.
func LayerNorm(dst, x, gain, bias []float32, eps float32) {
	var s0, s1, s2, s3 float32 // so that one addition need not wait for the one before
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i]
		s1 += x[i+1]
		s2 += x[i+2]
		s3 += x[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i]
	}
	n := float32(len(x))
	mean := ((s0 + s1) + (s2 + s3)) / n
	s0, s1, s2, s3 = 0, 0, 0, 0
	i = 0
	for ; i+4 <= len(x); i += 4 {
		a, b, c, d := x[i]-mean, x[i+1]-mean, x[i+2]-mean, x[i+3]-mean
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
	}
	for ; i < len(x); i++ {
		s0 += (x[i] - mean) * (x[i] - mean)
	}
	square := ((s0+s1)+(s2+s3))/n + eps
	scale := float32(1 / math.Sqrt(float64(square)))
	dst, gain, bias = dst[:len(x)], gain[:len(x)], bias[:len(x)]
	for i, v := range x {
		dst[i] = (v-mean)*scale*gain[i] + bias[i]
	}
}

// geluTable has the parabolas that GELU puts together, each for the arguments nearest to
// (i - geluMiddle)/geluSteps: the coefficients of 1, t and t^2, t being the distance in steps, from
// -1/2 to 1/2. They meet the function at the zeros of a Chebyshev polynomial and leave an error of
// at most 1.6e-8.
var geluTable = func() (t [2 * geluMiddle][3]float32) {
	node := math.Sqrt(3) / 4
	for i := range t {
		at := func(t float64) float64 { return gelu((float64(i-geluMiddle) + t) / geluSteps) }
		below, middle, above := at(-node), at(0), at(node)
		t[i] = [3]float32{
			float32(middle),
			float32((above - below) / (2 * node)),
			float32((above + below - 2*middle) / (2 * node * node)),
		}
	}
	return t
}()

// gelu is x times the probability that a normal variable is below x.
func gelu(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }

// GELU replaces x by x times the probability that a normal variable is below x, with an error of at
// most 1e-7 and half a unit in the last place.
func GELU(x []float32) {
	for i, v := range x {
		steps := v * geluSteps
		switch {
		case steps < 1-geluMiddle:
			x[i] = 0 // within 1e-14
			continue
		case steps > geluMiddle-1:
			continue // x itself, as near as a float32 comes
		}
		rounded := steps + roundingBias
		at := math.Float32bits(rounded) - math.Float32bits(roundingBias) + geluMiddle
		t := steps - (rounded - roundingBias)
		c := &geluTable[at&(2*geluMiddle-1)]
		x[i] = c[0] + t*(c[1]+t*c[2])
	}
}
