// Package floats rounds and checks float32 values.
package floats

import "math"

// Finite rounds to float32 without leaving it: what is beyond the largest becomes that.
func Finite(v float64) float32 {
	return float32(min(max(v, -math.MaxFloat32), math.MaxFloat32))
}

// UpperHalf rounds to nearest even to the floats whose lower 16 bits are 0, to a finite one.
func UpperHalf(v float32) float32 {
	bits := math.Float32bits(v)
	rounded := math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
	if rounded-rounded != 0 {
		return math.Float32frombits(bits &^ 0xffff)
	}
	return rounded
}

// IndexNonfinite returns the index of the first NaN or infinity in x, -1 where there is none.
func IndexNonfinite(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
