package kernels

import "fmt"

type (
	expSumFunc  func(x []float32, scale float32) float32
	expGateFunc func(x, y []float32) // of each value of x and the one of y
)

// ExpSum replaces each value of x by e^(scale*(x - m)), m being the largest of them, and returns
// their sum: what a softmax divides by. x and scale are finite, scale is 0 or more. The relative
// error of an e^-z is at most (3 + z)*2^-22; what is below 2^-126 becomes that.
func (s *Set) ExpSum(x []float32, scale float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return s.expSum(x, scale)
}

// GELU replaces each value of x, the one of bias added, by its product with the probability that a
// normal variable is below it. The error is at most 1.5*2^-23 of the value and 2e-7. len(bias) is
// at least len(x).
func (s *Set) GELU(x, bias []float32) {
	if len(bias) < len(x) {
		panic(fmt.Sprintf("kernels: GELU: %d values with %d biases", len(x), len(bias)))
	}
	s.expGELU(x, bias[:len(x)])
}

// SwiGLU replaces each value of gate by SiLU(gate) times the one of up, SiLU(x) being x/(1 + e^-x).
// Both are finite. The relative error of SiLU is at most (4 + m)*2^-22, m being -x where x is below
// 0, else 0; what is below -87 is taken for that, where SiLU is -1e-36. len(up) is at least
// len(gate).
func (s *Set) SwiGLU(gate, up []float32) {
	if len(up) < len(gate) {
		panic(fmt.Sprintf("kernels: SwiGLU: %d gates of %d values", len(gate), len(up)))
	}
	s.expSwiGLU(gate, up[:len(gate)])
}
