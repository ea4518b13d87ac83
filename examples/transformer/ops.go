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

// exp returns e^x, with a relative error of at most (2 + |x|)/2^23; below -87 it is 0, above 88 the
// largest that it gives.
func exp(x float32) float32 {
	switch {
	case x < -87:
		return 0
	case x > 88:
		x = 88
	}
	steps := x * (expSteps * math.Log2E)
	rounded := steps + roundingBias
	i := int32(math.Float32bits(rounded) - math.Float32bits(roundingBias))
	rest := (steps - (rounded - roundingBias)) * (math.Ln2 / expSteps)
	near := math.Float32frombits(expTable[i&(expSteps-1)] + uint32(i>>expBits)<<23)
	return near + near*rest // e^rest within rest^2/2 of 1 + rest, which is below 6e-8
}

// Softmax replaces x by e^x over the sum of all e^x.
func Softmax(x []float32) {
	scale := 1 / expSum(x, 1)
	for i := range x {
		x[i] *= scale
	}
}

// expSum replaces x by e^(scale*(x - the largest)) and returns their sum. scale is positive.
func expSum(x []float32, scale float32) float32 {
	largest := float32(math.Inf(-1))
	for _, v := range x {
		if v > largest {
			largest = v
		}
	}
	var sum float32
	for i, v := range x {
		e := exp((v - largest) * scale)
		x[i] = e
		sum += e
	}
	return sum
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
