package kernels

import "fmt"

type quantizeFunc func(q []int8, scales []float32, x []float32, block int) bool

// Quantize writes each block of x, block values of it, as signed bytes with one scale, so that x is
// about scale * q (symmetric, without a zero point): q = round(x * (127 / max|x|)) in -127 to 127,
// halves to even, and scale = max|x| / 127. A block whose largest value is below 2^-100 becomes
// zeros with scale 0; the last block may be shorter. len(q) is at least len(x), and the rest of it
// is set to zero; len(scales) is at least the number of blocks. It returns false, with the outputs
// undefined, when x holds a NaN or an infinity.
func (s *Set) Quantize(q []int8, scales []float32, x []float32, block int) bool {
	if block < 1 || block > Block || len(q) < len(x) || len(scales) < ceilDiv(len(x), block) {
		panic(fmt.Sprintf("kernels: Quantize: %d values in blocks of %d into %d with %d scales",
			len(x), block, len(q), len(scales)))
	}
	clear(q[len(x):])
	return s.quantize(q, scales, x, block)
}
