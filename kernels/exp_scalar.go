package kernels

import "math"

// expNumbers are what exp2 and gelu are computed with. Kernels read it.
var expNumbers = [...]float32{
	0: roundingBias,
	// 2^f = 1 + f*(c1 + f*(c2 + ...)) for f from -1/2 to 1/2, the relative error of which is least:
	// 9.2e-8.
	1: 1, 2: 0.693147, 3: 0.24022242, 4: 0.055507336, 5: 0.009671513, 6: 0.0013264724,
	7: expLeast,
	// The base 2 logarithm of the probability that a normal variable is above a, for a from 0 to
	// geluMost: the polynomial whose error, times a and that probability, is least: 5.1e-8.
	8: -0.999993085861206, 9: -1.1512017250061035, 10: -0.4587709605693817,
	11: -0.05341210961341858, 12: 0.008080719038844109, 13: -0.0007692205253988504,
	14: 3.3092903322540224e-05,
	15: geluMost,
	16: siluLeast, 17: -math.Log2E,
}

const (
	roundingBias = 3 << 22 // what is added to it is rounded to a whole number, in its low bits
	expLeast     = -126    // of the exponents that exp2 takes
	geluMost     = 6       // beyond, nothing of a value is taken off
	siluLeast    = -87     // below, e^-x leaves float32
)

// exp2 returns 2^y for expLeast <= y <= 127.
func exp2(y float32) float32 {
	c := &expNumbers
	rounded := y + c[0]
	f := y - (rounded - c[0])
	p := float32(c[6]*f) + c[5]
	p = float32(p*f) + c[4]
	p = float32(p*f) + c[3]
	p = float32(p*f) + c[2]
	p = float32(p*f) + c[1]
	// The whole number is added to the exponent; what else is in these bits is shifted out.
	return math.Float32frombits(math.Float32bits(p) + math.Float32bits(rounded)<<23)
}

// expSumOf makes the operation of what does whole groups of lanes: one that finds the largest
// value, minus infinity for none, and one that replaces each value by 2^(perUnit*(x - largest)) and
// returns the sum. Sums of the lanes are folded in halves; what is left over is added after.
func expSumOf(largest func(x []float32) float32,
	exps func(x []float32, largest, perUnit float32) float32) expSumFunc {
	return func(x []float32, scale float32) float32 {
		whole := len(x) &^ (lanes - 1)
		top, perUnit := largest(x[:whole]), float32(scale*math.Log2E)
		for _, v := range x[whole:] {
			if v > top {
				top = v
			}
		}
		sum := exps(x[:whole], top, perUnit)
		for i, v := range x[whole:] {
			e := expOf(v, top, perUnit)
			x[whole+i] = e
			sum += e
		}
		return sum
	}
}

func expOf(v, largest, perUnit float32) float32 {
	y := float32((v - largest) * perUnit)
	if y < expLeast {
		y = expLeast
	}
	return exp2(y)
}

func expSumLargestScalar(x []float32) float32 {
	top := float32(math.Inf(-1))
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

func expSumScalar(x []float32, largest, perUnit float32) float32 {
	var sums [lanes]float32
	for i, v := range x {
		e := expOf(v, largest, perUnit)
		x[i] = e
		sums[i%lanes] += e
	}
	return fold(&sums)
}

// expGELUScalar takes off what a value has too much: of a value and its negative, the larger loses
// as much as the other keeps.
func expGELUScalar(x, bias []float32) {
	c := &expNumbers
	for i, v := range x {
		v += bias[i]
		a := float32(math.Abs(float64(v)))
		if a > geluMost {
			a = geluMost
		}
		l := float32(c[14]*a) + c[13]
		l = float32(l*a) + c[12]
		l = float32(l*a) + c[11]
		l = float32(l*a) + c[10]
		l = float32(l*a) + c[9]
		l = float32(l*a) + c[8]
		positive := v
		if v < 0 {
			positive = 0
		}
		x[i] = positive - float32(a*exp2(l))
	}
}

func expSwiGLUScalar(gate, up []float32) {
	c := &expNumbers
	for i, v := range gate {
		if v < siluLeast {
			v = siluLeast
		}
		y := float32(v * c[17])
		if y < expLeast {
			y = expLeast
		}
		gate[i] = float32(v/(1+exp2(y))) * up[i]
	}
}
