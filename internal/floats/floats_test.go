package floats

import (
	"math"
	"testing"
)

func TestFinite(t *testing.T) {
	for v, want := range map[float64]float32{
		1.5: 1.5, 1e300: math.MaxFloat32, -1e300: -math.MaxFloat32,
		math.Inf(1): math.MaxFloat32, math.MaxFloat32: math.MaxFloat32,
	} {
		if got := Finite(v); got != want {
			t.Errorf("%v is %v, want %v", v, got, want)
		}
	}
}

// TestUpperHalf: the nearest float with 16 lower bits of 0, ties to even, never an infinity.
func TestUpperHalf(t *testing.T) {
	for v, want := range map[float32]float32{
		1: 1, -50: -50, 1 + 0x1p-8: 1, 1 + 3*0x1p-8: 1 + 4*0x1p-8, 1 + 0x1.01p-8: 1 + 0x1p-7,
		math.MaxFloat32: 0x1.fep127, -math.MaxFloat32: -0x1.fep127,
	} {
		if got := UpperHalf(v); got != want || math.Float32bits(got)<<16 != 0 {
			t.Errorf("%v is %v, want %v", v, got, want)
		}
	}
}

func TestIndexNonfinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for want, x := range map[int][]float32{-1: {1, math.MaxFloat32, 0}, 0: {nan, 1},
		2: {0, 1, inf, nan}} {
		if got := IndexNonfinite(x); got != want {
			t.Errorf("%v: %d, want %d", x, got, want)
		}
	}
}
