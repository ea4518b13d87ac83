package dtype

import "math"

// f8 is a kind of floating-point numbers of 8 bits: a sign, an exponent and a fraction, of which
// the magnitudes ascend with their bits, so that largest is also the last that is finite.
type f8 struct {
	values   [256]float32 // of all bytes
	fraction int          // bits of it
	least    int          // the exponent of the least normal number
	largest  byte         // finite magnitude
	infinity byte         // magnitude that an infinity becomes
}

const nan8 = 0x7f

// e5m2 has the exponents of half precision, infinities and NaNs included.
var e5m2 = f8{fraction: 2, least: -14, largest: 0x7b, infinity: 0x7c}.filled(func(b byte) float32 {
	return fromF16(uint16(b) << 8)
})

// e4m3 is the one that others call E4M3FN: no infinities, and NaN where all bits but the sign are
// set. Its exponents are 8 beyond those of half precision.
var e4m3 = f8{fraction: 3, least: -6, largest: 0x7e, infinity: nan8}.filled(func(b byte) float32 {
	if b&0x7f == nan8 {
		return float32(math.NaN())
	}
	return fromF16(uint16(b&0x80)<<8|uint16(b&0x7f)<<7) * 256
})

func (k f8) filled(value func(b byte) float32) *f8 {
	for b := range k.values {
		k.values[b] = value(byte(b))
	}
	return &k
}

// appendE8M0 reads powers of two, from 2^-127 to 2^127, and NaN.
func appendE8M0(dst []float32, src []byte) []float32 {
	for _, b := range src {
		switch b {
		case 0:
			dst = append(dst, 0x1p-127)
		case 255:
			dst = append(dst, float32(math.NaN()))
		default:
			dst = append(dst, math.Float32frombits(uint32(b)<<23))
		}
	}
	return dst
}

func (k *f8) read(dst []float32, src []byte) []float32 {
	for _, b := range src {
		dst = append(dst, k.values[b])
	}
	return dst
}

func (k *f8) write(dst []byte, src []float32) {
	for i, v := range src {
		dst[i] = k.nearest(v)
	}
}

// nearest is the nearest number, ties to even. A finite value beyond the largest becomes the
// largest, as in toF16.
func (k *f8) nearest(f float32) byte {
	b := math.Float32bits(f)
	sign := byte(b >> 24 & 0x80)
	magnitude := b &^ (1 << 31)
	switch {
	case magnitude > 255<<23:
		return sign | nan8
	case magnitude == 255<<23:
		return sign | k.infinity
	case magnitude < uint32(127+k.least)<<23: // subnormal: the sum's last bit is worth the least
		last := uint32(127+k.least-k.fraction+23) << 23
		sum := math.Float32frombits(magnitude) + math.Float32frombits(last)
		return sign | byte(math.Float32bits(sum)-last)
	}
	first := uint32(126+k.least) << k.fraction // bits of exponents that there are none of
	return sign | byte(min(roundEven(magnitude, 23-k.fraction)-first, uint32(k.largest)))
}
