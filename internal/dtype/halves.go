package dtype

import "math"

// fromF16 is the value of a half-precision number.
func fromF16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero or subnormal: fraction * 2^-24, exact
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinite or NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// toF16 is the nearest half-precision number, ties to even. A finite value beyond the largest
// becomes the largest: a weight that was finite stays so.
func toF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	magnitude := b &^ (1 << 31)
	switch {
	case magnitude > 255<<23:
		return sign | 0x7e00 // NaN
	case magnitude == 255<<23:
		return sign | 0x7c00
	case magnitude < (127-14)<<23: // subnormal: the sum's last bit is worth 2^-24
		sum := math.Float32frombits(magnitude) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	return sign | uint16(min(roundEven(magnitude, 13)-(127-15)<<10, 0x7bff))
}

// toBF16 is the nearest bfloat16, ties to even. A finite value beyond the largest becomes the
// largest.
func toBF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	magnitude := b &^ (1 << 31)
	switch {
	case magnitude > 255<<23:
		return sign | 0x7fc0 // NaN
	case magnitude == 255<<23:
		return sign | 0x7f80
	}
	return sign | uint16(min(roundEven(magnitude, 16), 0x7f7f))
}

// roundEven is b / 2^shift, rounded to nearest even.
func roundEven(b uint32, shift int) uint32 {
	return (b + 1<<(shift-1) - 1 + b>>shift&1) >> shift
}
