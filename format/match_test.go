package format

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestChanged holds tensors that passed through against models that differ from the original in one
// bit.
func TestChanged(t *testing.T) {
	original := []tensor{
		random("bias", "F32", 300), random("ids", "I64", 2, 5), random("empty", "F16", 0), random("one", "BF16"),
	}
	src := newModel(t, t.TempDir(), nil, original...)
	path := filepath.Join(t.TempDir(), "m.pal.safetensors")
	w, err := Create(path, src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range src.Tensors() {
		if err := w.PutTensor(tensor); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCodebook(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if name, err := c.Changed(src); name != "" || err != nil {
		t.Errorf("its own model: got %q (%v)", name, err)
	}
	for i, changed := range original {
		if len(changed.data) == 0 {
			continue
		}
		other := slices.Clone(original)
		other[i].data = slices.Clone(changed.data)
		other[i].data[len(changed.data)-1] ^= 0x80
		if name, err := c.Changed(newModel(t, t.TempDir(), nil, other...)); name != changed.name || err != nil {
			t.Errorf("a bit of %q flipped: got %q (%v)", changed.name, name, err)
		}
	}
	_, err = c.Changed(newModel(t, t.TempDir(), nil, original[1:]...))
	if err == nil || !strings.Contains(err.Error(), `no tensor "bias"`) {
		t.Errorf("a model without bias: %v", err)
	}
}
