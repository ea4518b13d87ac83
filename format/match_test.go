package format

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestChanged holds tensors without a layer against models that differ from the original in one
// bit.
func TestChanged(t *testing.T) {
	original := []tensor{
		random("bias", "F32", 300), random("ids", "I64", 2, 5), random("empty", "F16", 0),
		random("one", "BF16"),
		random("head", "F32", 3, 5), random("gate", "F64", 3, 5),
	}
	src := newModel(t, t.TempDir(), nil, original...)
	path := filepath.Join(t.TempDir(), "m.pal")
	w, err := Create(path, src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range src.Tensors() {
		put := w.PutTensor
		if tensor.Name == "head" || tensor.Name == "gate" {
			put = w.PutHalf
		}
		if err := put(t.Context(), tensor); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := openBook(t, path)
	if name, err := c.Changed(t.Context(), src); name != "" || err != nil {
		t.Errorf("its own model: got %q (%v)", name, err)
	}
	for i, changed := range original {
		if len(changed.data) == 0 {
			continue
		}
		other := slices.Clone(original)
		other[i].data = slices.Clone(changed.data)
		other[i].data[len(changed.data)-1] ^= 0x80
		name, err := c.Changed(t.Context(), newModel(t, t.TempDir(), nil, other...))
		if name != changed.name || err != nil {
			t.Errorf("a bit of %q flipped: got %q (%v)", changed.name, name, err)
		}
	}
	// What F16 has no bits for it cannot tell apart.
	other := slices.Clone(original)
	head := &other[len(other)-2]
	head.data = slices.Clone(head.data)
	head.data[0] ^= 1
	if name, err := c.Changed(t.Context(), newModel(t, t.TempDir(), nil, other...)); name != "" ||
		err != nil {
		t.Errorf("the last bit of a value of head flipped: got %q (%v)", name, err)
	}
	_, err = c.Changed(t.Context(), newModel(t, t.TempDir(), nil, original[1:]...))
	if err == nil || !strings.Contains(err.Error(), `tensor "bias": no such tensor`) {
		t.Errorf("a model without bias: %v", err)
	}
}
