package kernels

import "fmt"

type addNormFunc func(x, y, bias, gain, shift []float32, eps float32)

// AddNorm adds y and bias to each row of x, of len(bias) values, and normalises it (LayerNorm, Ba
// et al. 2016): with z = x + (y + bias), m their mean and v the mean of (z - m)^2, x becomes
//
//	(z - m) * (1 / sqrt(v + eps)) * gain + shift
//
// Of whole sixteens in a row, value i goes into sum i mod 16, and these sums are folded in halves;
// then what is left over is added. y is as long as x, whole rows, gain and shift as long as bias.
func (s *Set) AddNorm(x, y, bias, gain, shift []float32, eps float32) {
	n := len(bias)
	if len(y) != len(x) || len(gain) != n || len(shift) != n || n == 0 && len(x) > 0 ||
		n > 0 && len(x)%n != 0 {
		panic(fmt.Sprintf("kernels: AddNorm: %d and %d values, biases, gains and shifts of %d, "+
			"%d and %d", len(x), len(y), n, len(gain), len(shift)))
	}
	if len(x) > 0 {
		s.addNorm(x, y, bias, gain, shift, eps)
	}
}
