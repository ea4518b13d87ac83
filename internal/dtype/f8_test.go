package dtype

import (
	"math"
	"testing"
)

// TestEveryByte holds all values of 8 bits against what the definition says: sign, exponent,
// fraction.
func TestEveryByte(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		kind     string
		fraction int
		bias     int
		special  map[int]float64 // values that the definition makes of magnitudes
	}{
		{"F8_E4M3", 3, 7, map[int]float64{0x7f: nan}},
		{"F8_E5M2", 2, 15, map[int]float64{0x7c: inf, 0x7d: nan, 0x7e: nan, 0x7f: nan}},
	} {
		kind := Of(tt.kind)
		largest := 0.0
		for b := range 256 {
			magnitude := b & 0x7f
			exponent, fraction := magnitude>>tt.fraction, magnitude&(1<<tt.fraction-1)
			want := math.Ldexp(float64(fraction), 1-tt.bias-tt.fraction)
			if exponent > 0 {
				want = math.Ldexp(float64(fraction+1<<tt.fraction), exponent-tt.bias-tt.fraction)
			}
			if v, ok := tt.special[magnitude]; ok {
				want = v
			} else {
				largest = max(largest, want)
			}
			if b != magnitude {
				want = -want
			}
			data := []byte{byte(b)}
			got := kind.Append(nil, data)[0]
			if want == want && math.Float64bits(float64(got)) != math.Float64bits(want) ||
				want != want && got == got {
				t.Errorf("%s %#02x is %v, want %v", tt.kind, b, got, want)
			}
			back := []byte{0}
			if kind.Put(back, []float32{got}); want == want && back[0] != data[0] {
				t.Errorf("%s %v becomes %#02x, read from %#02x", tt.kind, got, back[0], b)
			}
			if again := kind.Append(nil, back)[0]; want != want && again == again {
				t.Errorf("%s: NaN becomes %v", tt.kind, again)
			}
		}
		if float64(kind.Largest) != largest {
			t.Errorf("%s: the largest is %v, want %v", tt.kind, kind.Largest, largest)
		}
	}
	if v := Of("F8_E4M3").Append(nil, []byte{0x7e, 0xfe, 0x01}); v[0] != 448 || v[1] != -448 ||
		v[2] != 0x1p-9 {
		t.Errorf("F8_E4M3: %v", v)
	}
}

// TestRoundF8 compares the borders between all neighbours of 8 bits.
func TestRoundF8(t *testing.T) {
	for name, k := range map[string]*f8{"F8_E4M3": e4m3, "F8_E5M2": e5m2} {
		for b := range k.largest {
			middle := (k.values[b] + k.values[b+1]) / 2
			below, above := math.Nextafter32(middle, 0), math.Nextafter32(middle, math.MaxFloat32)
			for _, sign := range []byte{0, 0x80} {
				s := float32(1)
				if sign != 0 {
					s = -1
				}
				for v, want := range map[float32]byte{below: b, middle: b + b&1, above: b + 1} {
					if got := k.nearest(s * v); got != want|sign {
						t.Fatalf("%s: %v is %#02x, want %#02x", name, s*v, got, want|sign)
					}
				}
			}
		}
		for _, v := range []float32{k.values[k.largest] * 1.01, 1e10, math.MaxFloat32} {
			if got := k.nearest(-v); got != k.largest|0x80 {
				t.Errorf("%s: %v is %#02x, want the largest finite", name, -v, got)
			}
		}
		inf := float32(math.Inf(1))
		if got, most := k.values[k.nearest(inf)], k.values[k.largest]; got <= most {
			t.Errorf("%s: Inf is %v", name, got)
		}
	}
}

func TestPowersOfTwo(t *testing.T) {
	kind := Of("F8_E8M0")
	for b := range 256 {
		want := math.Ldexp(1, b-127)
		if b == 255 {
			want = math.NaN()
		}
		got := float64(kind.Append(nil, []byte{byte(b)})[0])
		if got != want && (got == got || want == want) {
			t.Errorf("byte %d is %v, want %v", b, got, want)
		}
	}
	if kind.Float() || !kind.Scale() {
		t.Error("it is no type of scales alone")
	}
}
