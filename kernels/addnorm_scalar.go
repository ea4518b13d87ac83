package kernels

import "math"

// addNormOf makes the operation of what does whole groups of lanes: add adds y and bias to x and
// returns the sum, squares returns the sum of (x - mean)^2, scale makes the results.
func addNormOf(add func(x, y, bias []float32) float32,
	squares func(x []float32, mean float32) float32,
	scale func(x, gain, shift []float32, mean, by float32)) addNormFunc {
	return func(x, y, bias, gain, shift []float32, eps float32) {
		n := len(bias)
		whole := n &^ (lanes - 1)
		for ; len(x) > 0; x, y = x[n:], y[n:] {
			row, rest := x[:whole], x[whole:n]
			sum := add(row, y[:whole], bias[:whole])
			for i, b := range bias[whole:] {
				rest[i] += y[whole+i] + b
				sum += rest[i]
			}
			mean := sum / float32(n)
			sum = squares(row, mean)
			for _, v := range rest {
				v -= mean
				sum += float32(v * v)
			}
			by := 1 / float32(math.Sqrt(float64(float32(sum/float32(n))+eps)))
			scale(row, gain[:whole], shift[:whole], mean, by)
			addNormScaleScalar(rest, gain[whole:], shift[whole:], mean, by)
		}
	}
}

func addNormScalar(x, y, bias []float32) float32 {
	var sums [lanes]float32
	for i, b := range bias {
		x[i] += y[i] + b
		sums[i%lanes] += x[i]
	}
	return fold(&sums)
}

func addNormSquaresScalar(x []float32, mean float32) float32 {
	var sums [lanes]float32
	for i, v := range x {
		v -= mean
		sums[i%lanes] += float32(v * v)
	}
	return fold(&sums)
}

func addNormScaleScalar(x, gain, shift []float32, mean, by float32) {
	for i, v := range x {
		x[i] = float32(float32((v-mean)*by)*gain[i]) + shift[i]
	}
}
