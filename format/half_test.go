package format

import (
	"bytes"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

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
