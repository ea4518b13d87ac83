package format

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/internal/dtype"
)

// narrowModel has one matrix to compress and others that no codebook makes smaller.
func narrowModel() []tensor {
	tiny := random("tiny", "F32", 8, 16)
	values := dtype.Of("F32").Append(nil, tiny.data)
	for i := range values[:16] {
		values[i] *= 1e-9
	}
	dtype.Of("F32").Put(tiny.data, values)
	return []tensor{
		random("layer", "F32", 64, 64),
		random("head", "F32", 4, 20), random("gate", "F64", 2, 3, 7), tiny,
		random("bias", "F32", 64), random("half", "F16", 4, 20), random("ids", "I64", 4, 20),
		random("gate.rotary.cos_cached", "F32", 4, 20), random("few", "F32", 2, 4),
	}
}

// compressAll compresses a model.
func compressAll(t *testing.T, src *File, path string, opts compress.Options) *compress.Report {
	t.Helper()
	dst, err := Create(path, src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Abort()
	report, err := compress.Compress(t.Context(), dst, src, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dst.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return report
}

// TestNarrowedRoundTrip: small matrices come back as F16 left them, of their own dtype, and all
// that is no such matrix bit for bit. Too few values to gain from F16 are none.
func TestNarrowedRoundTrip(t *testing.T) {
	dir := t.TempDir()
	model := narrowModel()
	src := newModel(t, dir, nil, model...)
	path, dense := filepath.Join(dir, "out"), filepath.Join(dir, "dense")
	report := compressAll(t, src, path, compress.Options{})
	narrowed := []string{"head", "gate"}
	for _, e := range report.Entries {
		if e.Narrowed != slices.Contains(narrowed, e.Tensor.Name) ||
			e.Narrowed && e.Bytes != 2*e.Tensor.Elements() {
			t.Errorf("%s: %+v", e.Tensor.Name, e)
		}
	}
	c := openBook(t, path)
	info := c.Info()
	if info.Version != 2 || len(info.Narrowed) != len(narrowed) ||
		len(info.Tensors) != len(model)-1 {
		t.Errorf("version %d, %d tensors, narrowed %v", info.Version, len(info.Tensors),
			info.Narrowed)
	}
	for _, tensor := range slices.Concat(info.Tensors, c.Rest().Tensors()) {
		want := tensorOf(t, src, tensor.Name)
		if describe(tensor) != describe(want) || tensor.Bytes != want.Bytes {
			t.Errorf("%s: %+v, want %+v", tensor.Name, tensor, want)
		}
	}
	if name, err := c.Changed(t.Context(), src); name != "" || err != nil {
		t.Errorf("its own model: got %q (%v)", name, err)
	}
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	got, err := Open(dense)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	for _, m := range model[1:] {
		if describe(tensorOf(t, got, m.name)) != describe(tensorOf(t, src, m.name)) {
			t.Errorf("%s: is %s", m.name, describe(tensorOf(t, got, m.name)))
		}
		if slices.Contains(narrowed, m.name) {
			kind, half := dtype.Of(m.dtype), dtype.Of(dtype.F16)
			values := kind.Append(nil, m.data)
			bytes := make([]byte, 2*len(values))
			half.Put(bytes, values)
			values = half.Append(values[:0], bytes)
			kind.Put(m.data, values)
			floats, err := c.Rest().Floats(t.Context(), m.name)
			if err != nil || !slices.Equal(floats, values) {
				t.Errorf("%s: got %v, want %v (%v)", m.name, floats, values, err)
			}
		}
		if !bytes.Equal(readAll(t, got, m.name), m.data) {
			t.Errorf("%s: differs", m.name)
		}
	}
	y, book := make([]float32, 6), codebook.NewModel(c, codebook.RunOptions{})
	if err := book.MatMul(y, "gate", make([]float32, 7), 1); err != nil {
		t.Errorf("gate: %v", err)
	}
}

// TestNarrowedBytes: the same file on any number of threads, and version 1 where nothing is
// narrowed.
func TestNarrowedBytes(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, narrowModel()...)
	var want []byte
	for _, threads := range []int{1, 2, 7} {
		path := filepath.Join(dir, fmt.Sprint("out", threads))
		compressAll(t, src, path, compress.Options{Threads: threads})
		got := contentOf(t, path)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("other bytes with %d threads", threads)
		}
	}
	if !bytes.Contains(want, []byte(`"palettize.narrowed":"{\"gate\":\"F64\",\"head\":\"F32\"}"`)) {
		t.Errorf("the header is %q", want[:1200])
	}
	others := slices.DeleteFunc(narrowModel(), func(m tensor) bool {
		return m.name == "head" || m.name == "gate"
	})
	path := filepath.Join(dir, "none")
	compressAll(t, newModel(t, t.TempDir(), nil, others...), path, compress.Options{})
	c := openBook(t, path)
	info, named := c.Info(), bytes.Contains(contentOf(t, path), []byte("narrowed"))
	if info.Version != 1 || len(info.Narrowed) != 0 || named {
		t.Errorf("version %d, narrowed %v", info.Version, info.Narrowed)
	}
}

// TestNarrowedInASize: a size that is asked for is kept, though what will be narrowed counts in
// full.
func TestNarrowedInASize(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, narrowModel()...)
	for _, size := range []int64{5000, 6000} {
		path := filepath.Join(dir, fmt.Sprint(size))
		report := compressAll(t, src, path, compress.Options{Size: size})
		narrowed := 0
		for _, e := range report.Entries {
			if e.Narrowed {
				narrowed++
			}
		}
		got := int64(len(contentOf(t, path)))
		if got > size || got < size-600 || narrowed != 2 {
			t.Errorf("asked for %d bytes, got %d, %d tensors kept as F16", size, got, narrowed)
		}
	}
}

// TestHalfOverhead holds what is said to be the cost of keeping a tensor as F16 against two files.
func TestHalfOverhead(t *testing.T) {
	dir := t.TempDir()
	model := writeModel(t, dir, nil,
		random("head.weight", "F32", 20, 30), random("a \"quoted\" <head>", "F64", 20, 30))
	src, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	size := func(narrowed ...string) int64 {
		path := filepath.Join(t.TempDir(), "out")
		writeBook(t, model, path, nil, narrowed...)
		return int64(len(contentOf(t, path)))
	}
	w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range src.Tensors() {
		got, want := size(tensor.Name)-size(),
			tensor.Half().Bytes-tensor.Bytes+w.HalfOverhead(tensor)
		if got < want-16 || got > want+8 { // padding, and digits of offsets
			t.Errorf("%s: the file grows by %d bytes, said %d", tensor.Name, got, want)
		}
	}
}

// TestDamagedHalf: what is read of it is held against its checksum.
func TestDamagedHalf(t *testing.T) {
	file := contentOf(t, goldenPath("narrowed.pal"))
	c, err := openMemory(t, file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.file.entry("head")
	if err != nil {
		t.Fatal(err)
	}
	file[e.in.layout.data+e.begin] ^= 1
	_, err = c.Rest().Floats(t.Context(), "head")
	out := filepath.Join(t.TempDir(), "out")
	for what, err := range map[string]error{
		"read": err, "decompressed": decompress(t.Context(), c, out, false),
	} {
		if err == nil || !strings.Contains(err.Error(), notItsChecksum) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
