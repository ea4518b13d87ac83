package format

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

// tensor is one tensor of a test model.
type tensor struct {
	name, dtype string
	shape       []int
	data        []byte
}

// writeModel writes a safetensors file and returns its path.
func writeModel(t testing.TB, dir string, metadata map[string]string, tensors ...tensor) string {
	t.Helper()
	p := parts{metadata, make(map[string]*tensor)}
	for _, s := range tensors {
		p.tensors[s.name] = &s
	}
	path := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(path, p.write(t), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// random returns a tensor of seeded values: floats of moderate size, or bytes, those of 8-bit
// floats too.
func random(name, as string, shape ...int) tensor {
	rng := rand.New(rand.NewPCG(7, uint64(len(name))))
	kind := dtype.Of(as)
	size, _ := kind.Size(shape)
	data := make([]byte, size)
	if kind.Float() && kind.Bits > 8 {
		values := make([]float32, codebook.Tensor{Shape: shape}.Elements())
		for i := range values {
			values[i] = float32(rng.NormFloat64())
		}
		kind.Put(data, values)
	} else {
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
	}
	return tensor{name, as, shape, data}
}

// makeLayer returns a layer of seeded content.
func makeLayer(rows, cols, width, k, group int, scales bool) *codebook.Layer {
	rng := rand.New(rand.NewPCG(uint64(rows*cols), uint64(width*k)))
	fill := func(n, below int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.IntN(below))
		}
		return b
	}
	l := &codebook.Layer{
		Rows: rows, Cols: cols, Width: width, Centroids: fill(k*width, 256),
		ZeroPoint: 127, Scale: 0.0123, Group: group,
	}
	l.Assignments = fill(rows*l.Segments(), k)
	l.Assignments[len(l.Assignments)-1] = byte(k - 1)
	if scales {
		l.RowScales = fill(rows, 256)
	}
	if group != 0 {
		l.Multipliers = make([]int8, rows*l.Groups())
		for i := range l.Multipliers {
			l.Multipliers[i] = int8(rng.IntN(127) - 63)
		}
	}
	return l
}

var someDistortion = codebook.Distortion{
	Signal: 1234.5678, Noise: 1.25, Approx: 1230, Dot: 1232, Max: 0.0625,
}

// foldTo returns how a tensor becomes a matrix of so many rows and columns.
func foldTo(t codebook.Tensor, rows, cols int) codebook.Fold {
	for fold := codebook.FoldTransposed; int(fold) < len(t.Shape); fold++ {
		t.Fold = fold
		if r, c, ok := t.Matrix(); fold != codebook.FoldByShape && ok && r == rows && c == cols &&
			(fold > 0 || rows != cols) {
			return fold
		}
	}
	return codebook.FoldByShape
}

// writeBook writes a codebook file with these layers, some tensors as F16 and all others as they
// are. A tensor is taken apart, however small, where its first slice is a layer.
func writeBook(t testing.TB, model, path string, layers map[string]*codebook.Layer,
	narrowed ...string) {
	t.Helper()
	src, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	src = src.sliced(func(t codebook.Tensor) bool { return layers[stack.Slice(t.Name, 0)] != nil })
	w, err := Create(path, src, CreateOptions{Settings: `{"seed": 1}`})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range src.Tensors() {
		if l := layers[tensor.Name]; l != nil {
			tensor.Fold = foldTo(tensor, l.Rows, l.Cols)
			_, err = w.PutLayer(t.Context(), tensor, l, someDistortion)
		} else if slices.Contains(narrowed, tensor.Name) {
			err = w.PutHalf(t.Context(), tensor)
		} else {
			err = w.PutTensor(t.Context(), tensor)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	size, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		t.Fatalf("Commit says %d bytes, the file has %v (%v)", size, info, err)
	}
}

// openBook opens a codebook file until the test ends.
func openBook(t testing.TB, path string) *Codebook {
	t.Helper()
	c, err := OpenCodebook(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sameLayer compares what a file stores of a layer.
func sameLayer(a, b *codebook.Layer) bool {
	return a.Rows == b.Rows && a.Cols == b.Cols && a.Width == b.Width && a.Group == b.Group &&
		a.Scale == b.Scale && a.ZeroPoint == b.ZeroPoint &&
		bytes.Equal(a.Centroids, b.Centroids) && bytes.Equal(a.Assignments, b.Assignments) &&
		bytes.Equal(a.RowScales, b.RowScales) && (a.RowScales == nil) == (b.RowScales == nil) &&
		slices.Equal(a.Multipliers, b.Multipliers) &&
		bytes.Equal(a.ColScales, b.ColScales) && slices.Equal(a.Outliers, b.Outliers) &&
		bytes.Equal(a.Stream, b.Stream)
}

// filesIn lists a folder.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRoundTrip(t *testing.T) {
	tests := []struct {
		name                        string
		dtype                       string
		shape                       []int
		rows, cols, width, k, group int
		scales                      bool
	}{
		{"whole rows", "F32", []int{9, 20}, 9, 20, 20, 5, 0, false},
		{"whole rows wider than segments", "F32", []int{9, 200}, 9, 200, 200, 256, 0, true},
		{"segments", "F32", []int{7, 64}, 7, 64, 2, 256, 0, true},
		{"segments of 8 in 387 columns", "BF16", []int{5, 387}, 5, 387, 8, 256, 0, true},
		{"one centroid", "F16", []int{3, 387}, 3, 387, 2, 1, 0, true},
		{"two centroids", "F32", []int{3, 387}, 3, 387, 1, 2, 0, false},
		{"three centroids", "F32", []int{3, 387}, 3, 387, 1, 3, 0, true},
		{"16 values in groups", "F32", []int{3, 387}, 3, 387, 1, 16, 16, false},
		{"17 values in groups and rows", "F64", []int{3, 387}, 3, 387, 1, 17, 8, true},
		{"256 values", "F32", []int{3, 387}, 3, 387, 1, 256, 0, true},
		{"three dimensions", "F32", []int{4, 3, 10}, 4, 30, 4, 33, 0, true},
		{"one weight", "F32", []int{1, 1}, 1, 1, 1, 1, 8, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			model := writeModel(t, dir, map[string]string{"format": "pt", "quote": "\"<&>\u2028"},
				random("w", tt.dtype, tt.shape...), random("bias", "F32", 3), random("step", "I64"),
				random("none", "F32", 0, 4), random("mask", "BOOL", 3))
			l := makeLayer(tt.rows, tt.cols, tt.width, tt.k, tt.group, tt.scales)
			path := filepath.Join(dir, "out.pal")
			writeBook(t, model, path, map[string]*codebook.Layer{"w": l})

			c := openBook(t, path)
			got, about, err := c.Layer(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			if !sameLayer(got, l) {
				t.Errorf("got layer %+v, want %+v", got, l)
			}
			if about.Tensor.DType != tt.dtype || !slices.Equal(about.Tensor.Shape, tt.shape) {
				t.Errorf("got tensor %+v", about.Tensor)
			}
			if d := about.Distortion; d.Noise != 1.25 || d.Signal != 1234.57 || d.Max != 0.0625 {
				t.Errorf("got distortion %+v", about.Distortion)
			}
			info := c.Info()
			if info.Settings != `{"seed":1}` || len(info.Layers) != 1 ||
				info.Layers[0].Scheme != l.Scheme() ||
				info.Layers[0].Scheme.K != tt.k || info.Layers[0].Bytes != about.Bytes {
				t.Errorf("got info %+v", info)
			}
			want := map[string]string{"format": "pt", "quote": "\"<&>\u2028"}
			if !maps.Equal(info.Metadata, want) {
				t.Errorf("got metadata %q, want %q", info.Metadata, want)
			}

			dense := filepath.Join(dir, "dense.safetensors")
			if err := decompress(t.Context(), c, dense, false); err != nil {
				t.Fatal(err)
			}
			checkDecompressed(t, model, dense, map[string]*codebook.Layer{"w": l})
		})
	}
}

// checkDecompressed compares a rebuilt model with the original: the same names, dtypes, shapes and
// metadata, the layers as they approximate, all else bit for bit.
func checkDecompressed(t *testing.T, model, dense string, layers map[string]*codebook.Layer) {
	t.Helper()
	a, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Open(dense)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if !reflect.DeepEqual(a.Tensors(), b.Tensors()) || !maps.Equal(a.Metadata(), b.Metadata()) {
		t.Fatalf("got %v %v, want %v %v", b.Tensors(), b.Metadata(), a.Tensors(), a.Metadata())
	}
	for _, tensor := range a.Tensors() {
		want, got := readAll(t, a, tensor.Name), readAll(t, b, tensor.Name)
		if l := layers[tensor.Name]; l != nil {
			dtype.Of(tensor.DType).Put(want, l.Dense())
		}
		if !bytes.Equal(got, want) {
			t.Errorf("tensor %q differs", tensor.Name)
		}
	}
}

func readAll(t *testing.T, f *File, name string) []byte {
	t.Helper()
	r, err := f.Reader(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRestIsWhatWasPassedThrough also asks for what is not there.
func TestRestIsWhatWasPassedThrough(t *testing.T) {
	path := goldenPath("tiny.pal")
	c := openBook(t, path)
	rest := c.Rest()
	if tensors := rest.Tensors(); len(tensors) != 1 || tensors[0].Name != "bias" {
		t.Errorf("got %v", tensors)
	}
	if got, err := rest.Floats(t.Context(), "bias"); err != nil ||
		!slices.Equal(got, []float32{1, -2}) {
		t.Errorf("got %v (%v)", got, err)
	}
	for _, name := range []string{"w", "w.centroids", "none"} {
		if _, err := rest.Floats(t.Context(), name); err == nil {
			t.Errorf("%q is there", name)
		}
	}
	if _, _, err := c.Layer(t.Context(), "bias"); err == nil {
		t.Error("bias is a layer")
	}
	if c.Path() != path || c.Size() != int64(len(contentOf(t, path))) {
		t.Errorf("path %q, size %d", c.Path(), c.Size())
	}
	if l, _, err := c.Layer(t.Context(), "w"); err != nil || !sameLayer(l, golden[0].layers["w"]) {
		t.Errorf("got layer %+v, %v", l, err)
	}
}

// TestDamageAfterOpening: what is read is checked again, by whichever way it is read.
func TestDamageAfterOpening(t *testing.T) {
	file := contentOf(t, goldenPath("tiny.pal"))
	for _, tensor := range []string{"bias", "w.assignments", "w.centroids", "w.scales"} {
		c, err := openMemory(t, file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.file.entry(tensor)
		if err != nil {
			t.Fatal(err)
		}
		file[e.in.layout.data+e.begin] ^= 1
		if tensor == "bias" {
			_, err = c.Rest().Floats(t.Context(), "bias")
		} else {
			err = codebook.NewModel(c, codebook.RunOptions{}).Load(t.Context(), 1)
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.Tensor != tensor {
			t.Errorf("%s: got %v", tensor, err)
		}
		out := filepath.Join(t.TempDir(), "out")
		if err := decompress(t.Context(), c, out, false); err == nil ||
			len(filesIn(t, filepath.Dir(out))) != 0 {
			t.Errorf("%s: decompressed (%v)", tensor, err)
		}
		file[e.in.layout.data+e.begin] ^= 1
	}
}

// TestNullMetadataIsNone takes a model with null for metadata there and back: what comes out has
// none.
func TestNullMetadataIsNone(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "null.safetensors")
	path, dense := filepath.Join(dir, "c"), filepath.Join(dir, "d")
	content := fileOf(`{"__metadata__":null,`+tensorText("w", "F32", "[8,8]", 0, 256)+"}", 256)
	if err := os.WriteFile(model, content, 0o666); err != nil {
		t.Fatal(err)
	}
	l := makeLayer(8, 8, 2, 4, 0, true)
	writeBook(t, model, path, map[string]*codebook.Layer{"w": l})
	c := openBook(t, path)
	if got := c.Info().Metadata; len(got) != 0 {
		t.Errorf("the codebook file keeps metadata %q of a model that has none", got)
	}
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, dense); bytes.Contains(got, []byte(metadataKey)) {
		t.Errorf("the rebuilt model has %s: %q", metadataKey, got[:100])
	}
	checkDecompressed(t, model, dense, map[string]*codebook.Layer{"w": l})
}

// decompress is Decompress to one file.
func decompress(ctx context.Context, c *Codebook, path string, overwrite bool) error {
	_, err := Decompress(ctx, c, path, CreateOptions{Overwrite: overwrite})
	return err
}

// TestOpenModel opens what is no codebook file, and what is no file.
func TestOpenModel(t *testing.T) {
	ctx := context.Background()
	const dense = "testdata/golden/v1/segments.dense.safetensors"
	m, err := OpenModel(ctx, dense, codebook.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Row(nil, "missing", 0); !errors.Is(err, codebook.ErrNoTensor) {
		t.Errorf("a tensor that is missing: %v", err)
	}
	if err := m.Load(ctx, 1); err != nil || m.BitsResident() != 0 {
		t.Errorf("loading no layers: %v, %d bits", err, m.BitsResident())
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Row(nil, "a.weight", 0); !errors.Is(err, codebook.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	for _, path := range []string{"testdata/none", "testdata/bad/duplicate-key.safetensors"} {
		if _, err := OpenModel(ctx, path, codebook.RunOptions{}); err == nil ||
			!strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
