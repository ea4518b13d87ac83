package format

import (
	"bytes"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// TestHalvesRoundTrip goes through all numbers of 16 bits.
func TestHalvesRoundTrip(t *testing.T) {
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

// TestHalvesRoundToNearestEven compares the borders between all neighbours with exact arithmetic: the
// middle of two numbers of 16 bits is a float32.
func TestHalvesRoundToNearestEven(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   func(float32) uint16
		from func(uint16) float32
		last uint16 // the largest finite
	}{
		{"F16", toF16, fromF16, 0x7bff},
		{"BF16", toBF16, func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }, 0x7f7f},
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

func TestFloatsOfEveryDtype(t *testing.T) {
	want := []float32{0, 1, -2.5, 0x1p-14, 0.099975586}
	doubles := make([]byte, 0, 48)
	for _, v := range append([]float64{math.MaxFloat64, math.Inf(-1), 1 + 0x1p-24}, 0x1p-149, -1e-60, 0) {
		doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(v))
	}
	var tensors []tensor
	for _, dtype := range []string{"F64", "F32", "F16", "BF16"} {
		data := make([]byte, 5*dtypeBits(dtype)/8)
		putFloats(data, want, dtype)
		tensors = append(tensors, tensor{dtype, dtype, []int{5}, data})
	}
	// More than a chunk, so that values are put together from several.
	long := random("long", "F32", 1<<18+3)
	tensors = append(tensors, tensor{"doubles", "F64", []int{2, 3}, doubles}, random("ints", "I32", 2), random("empty", "F16", 0, 3), long)
	f := newModel(t, t.TempDir(), nil, tensors...)
	for _, dtype := range []string{"F64", "F32", "F16"} {
		if got, err := f.Floats(dtype); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v (%v)", dtype, got, want, err)
		}
	}
	if got, err := f.Floats("BF16"); err != nil || got[4] != 0.10009765625 || got[2] != -2.5 {
		t.Errorf("BF16: got %v (%v)", got, err)
	}
	inf := float32(math.Inf(1))
	if got, err := f.Floats("doubles"); err != nil || !slices.Equal(got, []float32{math.MaxFloat32, -inf, 1, 0x1p-149, -0x1p-149, 0}) {
		t.Errorf("F64: got %v (%v)", got, err)
	}
	if got, err := f.Floats("empty"); err != nil || len(got) != 0 {
		t.Errorf("empty: got %v (%v)", got, err)
	}
	got, err := f.Floats("long")
	back := make([]byte, 4*len(got))
	putFloats(back, got, "F32")
	if err != nil || !bytes.Equal(back, long.data) {
		t.Errorf("long: differs (%v)", err)
	}
	for _, name := range []string{"ints", "none"} {
		if _, err := f.Floats(name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if f.Path() != filepath.Join(filepath.Dir(f.Path()), "model.safetensors") || f.Metadata() != nil {
		t.Errorf("path %q, metadata %v", f.Path(), f.Metadata())
	}
}
