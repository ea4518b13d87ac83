package format

import (
	"bytes"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"github.com/palettize/palettize/internal/dtype"
)

// TestDtypesAreTheLibrarys holds the table against the library that writes most files: the size of
// values, the order of tensors, which tensors it can write.
func TestDtypesAreTheLibrarys(t *testing.T) {
	for kind := safetensors.BOOL; kind <= safetensors.U64; kind++ {
		ours := dtype.Of(kind.String())
		if ours.Bits != int(8*kind.Size()) || ours.Rank != int(kind) {
			t.Errorf("%v: %d bits, rank %d; the library has %d bytes and %d",
				kind, ours.Bits, ours.Rank, kind.Size(), kind)
		}
		if parsed, err := safetensors.ParseDType(ours.Name); err != nil || parsed != kind {
			t.Errorf("%v: the library reads it as %v (%v)", kind, parsed, err)
		}
	}
}

func TestFloatsOfEveryDtype(t *testing.T) {
	want := []float32{0, 1, -2.5, 0x1p-14, 0.099975586}
	doubles := make([]byte, 0, 48)
	for _, v := range []float64{math.MaxFloat64, math.Inf(-1), 1 + 0x1p-24, 0x1p-149, -1e-60, 0} {
		doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(v))
	}
	var tensors []tensor
	for _, name := range []string{"F64", "F32", "F16", "BF16"} {
		kind := dtype.Of(name)
		data := make([]byte, 5*kind.Bits/8)
		kind.Put(data, want)
		tensors = append(tensors, tensor{name, name, []int{5}, data})
	}
	// More than a chunk, so that values are put together from several.
	long := random("long", "F32", 1<<18+3)
	tensors = append(tensors, tensor{"doubles", "F64", []int{2, 3}, doubles},
		random("ints", "I32", 2), random("empty", "F16", 0, 3), long)
	f := newModel(t, t.TempDir(), nil, tensors...)
	for _, name := range []string{"F64", "F32", "F16"} {
		if got, err := f.Floats(t.Context(), name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v (%v)", name, got, want, err)
		}
	}
	if got, err := f.Floats(t.Context(), "BF16"); err != nil || got[4] != 0.10009765625 ||
		got[2] != -2.5 {
		t.Errorf("BF16: got %v (%v)", got, err)
	}
	singles := []float32{
		math.MaxFloat32, float32(math.Inf(-1)), 1, 0x1p-149, -0x1p-149, 0,
	}
	if got, err := f.Floats(t.Context(), "doubles"); err != nil || !slices.Equal(got, singles) {
		t.Errorf("F64: got %v, want %v (%v)", got, singles, err)
	}
	if got, err := f.Floats(t.Context(), "empty"); err != nil || len(got) != 0 {
		t.Errorf("empty: got %v (%v)", got, err)
	}
	got, err := f.Floats(t.Context(), "long")
	back := make([]byte, 4*len(got))
	dtype.Of(dtype.F32).Put(back, got)
	if err != nil || !bytes.Equal(back, long.data) {
		t.Errorf("long: differs (%v)", err)
	}
	for _, name := range []string{"ints", "none"} {
		if _, err := f.Floats(t.Context(), name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if filepath.Base(f.Path()) != "model.safetensors" || f.Metadata() != nil {
		t.Errorf("path %q, metadata %v", f.Path(), f.Metadata())
	}
}
