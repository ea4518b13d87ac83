package codebook

import "math"

const maxFloat32 = math.MaxFloat32

// sixteenths holds 2^(i/16), rounded to float32: from a table, because the last bit of a computed
// power differs between machines.
var sixteenths = [16]float32{
	0x1.000000p0, 0x1.0b5586p0, 0x1.172b84p0, 0x1.2387a6p0,
	0x1.306fe0p0, 0x1.3dea64p0, 0x1.4bfdaep0, 0x1.5ab07ep0,
	0x1.6a09e6p0, 0x1.7a1148p0, 0x1.8ace54p0, 0x1.9c4918p0,
	0x1.ae89fap0, 0x1.c199bep0, 0x1.d5818ep0, 0x1.ea4afap0,
}

// RowScale is the value of an 8-bit logarithmic scale: 0 for code 0, else 2^((code-255)/16), from 2^-15.875
// to 1. On nine encoder layers of all-MiniLM-L6-v2, segments of 2, these scales leave an error of 0.09083
// and exact ones 0.09083: a scale only has to bring rows to about one size before they are clustered,
// so that the 16 bits of a float16 would be wasted.
func RowScale(code byte) float32 { return rowScales[code] }

var rowScales = func() (t [256]float32) {
	for code := 1; code < len(t); code++ {
		// code-255 = 16*octave + step, with step from 0 to 15
		octave, step := (code+1)/16-16, (code+1)%16
		t[code] = float32(math.Ldexp(float64(sixteenths[step]), octave))
	}
	return t
}()

// rowScaleCode returns the code whose value is nearest to s (by ratio) for s up to 1: 0 only for
// s = 0, so that a row that holds anything keeps a scale.
func rowScaleCode(s float32) byte {
	if s <= 0 {
		return 0
	}
	lo, hi := 1, 255
	for lo < hi {
		mid := (lo + hi) / 2
		// The border between two codes is their geometric mean.
		if float64(s)*float64(s) > float64(rowScales[mid])*float64(rowScales[mid+1]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return byte(lo)
}
