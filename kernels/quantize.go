package kernels

import "fmt"

type quantizeFunc func(q []int8, scales []float32, x []float32, block int) bool

// Quantize writes each block of x as int8 with one scale: q = round(x * (127 / max|x|)), halves to
// even, and scale = max|x| / 127. A block whose largest value is below 2^-100 becomes zeros with
// scale 0. len(q) must be at least len(x) (the rest is set to zero), len(scales) the number of
// blocks. It returns false, with the outputs undefined, when x holds a NaN or an infinity.
func (s *Set) Quantize(q []int8, scales []float32, x []float32, block int) bool {
	if block < 1 || block > Block || len(q) < len(x) || len(scales) < ceilDiv(len(x), block) {
		panic(fmt.Sprintf("kernels: Quantize: %d values in blocks of %d into %d with %d scales",
			len(x), block, len(q), len(scales)))
	}
	clear(q[len(x):])
	return s.quantize(q, scales, x, block)
}
