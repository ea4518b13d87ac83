// Package logscale holds the 8-bit logarithmic scales of the codebook file.
package logscale

import "math"

// sixteenths holds 2^(i/16), rounded to float32: from a table, because the last bit of a computed
// power differs between machines.
var sixteenths = [16]float32{
	0x1.000000p0, 0x1.0b5586p0, 0x1.172b84p0, 0x1.2387a6p0,
	0x1.306fe0p0, 0x1.3dea64p0, 0x1.4bfdaep0, 0x1.5ab07ep0,
	0x1.6a09e6p0, 0x1.7a1148p0, 0x1.8ace54p0, 0x1.9c4918p0,
	0x1.ae89fap0, 0x1.c199bep0, 0x1.d5818ep0, 0x1.ea4afap0,
}

// Value is the value of a code: 0 for code 0, else 2^((code-255)/16), from 2^-15.875 to 1. It is a
// multiple of 2^-39.
func Value(code byte) float32 { return values[code] }

var values = func() (t [256]float32) {
	for code := 1; code < len(t); code++ {
		// code-255 = 16*octave + step, with step from 0 to 15
		octave, step := (code+1)/16-16, (code+1)%16
		t[code] = float32(math.Ldexp(float64(sixteenths[step]), octave))
	}
	return t
}()

// Code returns the code whose value is nearest to s (by ratio) for s up to 1: 0 only for s = 0, so
// that what is there keeps a scale.
func Code(s float32) byte {
	if s <= 0 {
		return 0
	}
	lo, hi := 1, 255
	for lo < hi {
		mid := (lo + hi) / 2
		// The border between two codes is their geometric mean.
		if float64(s)*float64(s) > float64(values[mid])*float64(values[mid+1]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return byte(lo)
}
