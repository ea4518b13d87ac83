package dtype

import (
	"math"
	"testing"
)

// TestRoundTrip goes through all numbers of 16 bits.
func TestRoundTrip(t *testing.T) {
	for b := range 1 << 16 {
		h := uint16(b)
		if f := fromF16(h); f == f && toF16(f) != h {
			t.Fatalf("F16 %#04x is %v, which is %#04x", h, f, toF16(f))
		}
		if f := math.Float32frombits(uint32(h) << 16); f == f && toBF16(f) != h {
			t.Fatalf("BF16 %#04x is %v, which is %#04x", h, f, toBF16(f))
		}
	}
}

// TestRoundToNearestEven compares the borders between all neighbours with exact arithmetic: the
// middle of two numbers of 16 bits is a float32.
func TestRoundToNearestEven(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   func(float32) uint16
		from func(uint16) float32
		last uint16 // the largest finite
	}{
		{"F16", toF16, fromF16, 0x7bff},
		{"BF16", toBF16, func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) },
			0x7f7f},
	} {
		for h := range tt.last {
			middle := float32((float64(tt.from(h)) + float64(tt.from(h+1))) / 2)
			even := h + h&1
			below, above := math.Nextafter32(middle, 0), math.Nextafter32(middle, math.MaxFloat32)
			for _, sign := range []float32{1, -1} {
				var bit uint16
				if sign < 0 {
					bit = 0x8000
				}
				if got := tt.to(sign * middle); got != even|bit {
					t.Fatalf("%s: %v is %#04x, want %#04x", tt.name, sign*middle, got, even|bit)
				}
				if got := tt.to(sign * below); got != h|bit {
					t.Fatalf("%s: %v is %#04x, want %#04x", tt.name, sign*below, got, h|bit)
				}
				if got := tt.to(sign * above); got != (h+1)|bit {
					t.Fatalf("%s: %v is %#04x, want %#04x", tt.name, sign*above, got, (h+1)|bit)
				}
			}
		}
		if got := tt.to(math.MaxFloat32); got != tt.last {
			t.Errorf("%s: the largest float32 is %#04x, want the largest finite", tt.name, got)
		}
		if inf := tt.from(tt.to(float32(math.Inf(-1)))); !math.IsInf(float64(inf), -1) {
			t.Errorf("%s: -Inf is %v", tt.name, inf)
		}
		if nan := tt.from(tt.to(float32(math.NaN()))); nan == nan {
			t.Errorf("%s: NaN is %v", tt.name, nan)
		}
	}
}
