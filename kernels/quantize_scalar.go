package kernels

import "math"

// tiniest is the value below which a block of inputs counts as zero: 127/tiniest and all that
// follows stays finite and normal.
const tiniest = 0x1p-100

func quantizeScalar(q []int8, scales []float32, x []float32, block int) bool {
	for b := 0; b*block < len(x); b++ {
		lo := b * block
		xs := x[lo:min(lo+block, len(x))]
		// As integers, the bits of |x| order as the values do, and NaN and infinity come last.
		var top uint32
		for _, v := range xs {
			top = max(top, math.Float32bits(v)&0x7fffffff)
		}
		if top >= 0x7f800000 {
			return false
		}
		amax := math.Float32frombits(top)
		if amax < tiniest {
			scales[b] = 0
			clear(q[lo : lo+len(xs)])
			continue
		}
		scales[b] = amax / 127
		f := 127 / amax
		for i, v := range xs {
			q[lo+i] = int8(min(max(roundEven(float32(v*f)), -127), 127))
		}
	}
	return true
}

// roundEven rounds to the nearest integer, halves to even: adding and taking away 1.5*2^23 leaves
// no bits for a fraction, for |v| < 2^22. v must not be a bare product, which could be fused with
// the addition.
func roundEven(v float32) int32 {
	const magic = 3 << 22
	return int32(float32(v+magic) - magic)
}
