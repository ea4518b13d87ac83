package format

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/internal/dtype"
)

func TestWhatIsAStack(t *testing.T) {
	for _, c := range []struct {
		what  string
		dtype string
		shape []int
		want  bool
	}{
		{"experts", "BF16", []int{8, 128, 128}, true},
		{"directions", "F32", []int{2, 512, 32}, true},
		{"small experts", "BF16", []int{8, 128, 127}, false},
		{"one matrix", "F32", []int{1, 256, 256}, false},
		{"a convolution", "F32", []int{512, 2048, 16}, false},
		{"scales", "F32", []int{2, 1, 1 << 14}, false},
		{"a matrix", "F32", []int{512, 512}, false},
		{"images", "F32", []int{2, 3, 256, 256}, false},
		{"bytes", "U8", []int{2, 256, 256}, false},
		{"floats of 8 bits", "F8_E4M3", []int{2, 256, 256}, true},
		{"nothing", "F32", []int{2, 0, 256}, false},
	} {
		if got := isStack(codebook.Tensor{DType: c.dtype, Shape: c.shape}); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// stackModel has a stack among other tensors.
func stackModel() []tensor {
	return []tensor{
		random("a", "F32", 64, 96), random("moe.experts", "BF16", 3, 128, 160), random("z", "F32", 5),
	}
}

func TestStackIsThereAsItsSlices(t *testing.T) {
	model := stackModel()
	f := newModel(t, t.TempDir(), nil, model...)
	var names []string
	for _, x := range f.Tensors() {
		names = append(names, x.Name+" "+describe(x))
	}
	want := []string{"a F32 [64, 96]", "z F32 [5]", "moe.experts[0] BF16 [128, 160]",
		"moe.experts[1] BF16 [128, 160]", "moe.experts[2] BF16 [128, 160]"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	data, size := model[1].data, 2*128*160
	for i := range 3 {
		name, want := fmt.Sprintf("moe.experts[%d]", i), data[i*size:][:size]
		if !bytes.Equal(readAll(t, f, name), want) {
			t.Errorf("%s has other bytes", name)
		}
		values, err := f.Floats(t.Context(), name)
		if err != nil || !slices.Equal(values, dtype.Of("BF16").Append(nil, want)) {
			t.Errorf("%s has other values (%v)", name, err)
		}
	}
	for _, name := range []string{"moe.experts", "moe.experts[3]"} {
		if _, err := f.Floats(t.Context(), name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	if !bytes.Equal(readAll(t, f.Whole(), "moe.experts"), data) || len(f.Whole().Tensors()) != 3 {
		t.Errorf("as a whole: %v", f.Whole().Tensors())
	}
	if f.Whole().Whole().Size() != f.Size() {
		t.Error("the whole of the whole is another file")
	}
}

func TestStackOfATakenNameStaysWhole(t *testing.T) {
	f := newModel(t, t.TempDir(), nil, random("x", "F32", 2, 128, 128), random("x[1]", "F32", 4))
	if tensors := f.Tensors(); len(tensors) != 2 || tensorOf(t, f, "x").Elements() != 2<<14 {
		t.Errorf("%v", tensors)
	}
}

func TestStacksAreTakenApartUpToALimit(t *testing.T) {
	var entries []string
	for i := range 3 {
		entries = append(entries, tensorText(fmt.Sprint("x", i), "F16",
			fmt.Sprintf("[%d,1,1]", mostSliced/2), int64(i*mostSliced), int64((i+1)*mostSliced)))
	}
	file := fileOf("{"+strings.Join(entries, ",")+"}", 3*mostSliced)
	f, err := NewFile(bytes.NewReader(file), int64(len(file)), "memory")
	if err != nil {
		t.Fatal(err)
	}
	all := func(codebook.Tensor) bool { return true }
	if n := len(f.sliced(all).Tensors()); n != mostSliced/2+2 {
		t.Errorf("%d tensors, want those of one stack", n)
	}
}

// TestStackRoundTrip: each slice is a layer or not by itself, and decompressing joins them.
func TestStackRoundTrip(t *testing.T) {
	dir := t.TempDir()
	model := stackModel()
	metadata := map[string]string{"format": "pt"}
	src := newModel(t, dir, metadata, model...)
	opts := compress.Options{
		Exclude: []string{"moe.experts[1]"}, Transposed: []string{"moe.experts"},
		Overrides: []compress.Override{{Glob: "moe.*", Settings: compress.Settings{Bits: 5}}},
	}
	var content []byte
	for _, threads := range []int{1, 3} {
		opts.Threads = threads
		path := filepath.Join(dir, fmt.Sprint("out", threads))
		compressAll(t, src, path, opts)
		if got := contentOf(t, path); content != nil && !bytes.Equal(got, content) {
			t.Errorf("other bytes with %d threads", threads)
		}
		content = contentOf(t, path)
	}
	c := openBook(t, filepath.Join(dir, "out1"))
	if info := c.Info(); info.Version != 2 || info.Stacks["moe.experts"] != 3 ||
		len(info.Layers) != 3 || len(info.Stacks) != 1 {
		t.Errorf("%+v", info)
	}
	if name, err := c.Changed(t.Context(), src); name != "" || err != nil {
		t.Errorf("its own model: got %q (%v)", name, err)
	}
	dense := filepath.Join(dir, "dense")
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dense)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := tensorOf(t, f.Whole(), "moe.experts")
	if want := tensorOf(t, src.Whole(), "moe.experts"); describe(got) != describe(want) ||
		f.Metadata()["format"] != "pt" || len(f.Metadata()) != 1 {
		t.Errorf("%s with %v, want %s", describe(got), f.Metadata(), describe(want))
	}
	if want := model[1].data[2*128*160:][:2*128*160]; !bytes.Equal(
		readAll(t, f, "moe.experts[1]"), want) {
		t.Error("the slice that passed through differs")
	}
	book := codebook.NewModel(c, codebook.RunOptions{})
	x, y := make([]float32, 128), make([]float32, 160)
	for _, name := range []string{"moe.experts[0]", "moe.experts[2]"} {
		l, info, err := c.Layer(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if l.Rows != 160 || l.Cols != 128 || info.Distortion.Relative() > 0.05 {
			t.Errorf("%s is [%d, %d], error %v", name, l.Rows, l.Cols, info.Distortion.Relative())
		}
		want := make([]byte, 2*128*160)
		dtype.Of("BF16").Put(want, info.Tensor.Restored(l.Dense()))
		if !bytes.Equal(readAll(t, f, name), want) {
			t.Errorf("%s is not its layer", name)
		}
		if err := book.MatMul(y, name, x, 1); err != nil {
			t.Error(err)
		}
	}
	if _, err := book.Describe("moe.experts"); err == nil {
		t.Error("the stack is a matrix of the model too")
	}
}

// TestOnly: a part of a codebook has the tensors that were asked for, of stacks all slices, and is
// decompressed to these alone.
func TestOnly(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, append(stackModel(), random("a[0]", "F32", 3))...)
	path := filepath.Join(dir, "out")
	compressAll(t, src, path, compress.Options{Exclude: []string{"moe.experts[1]"}})
	c := openBook(t, path)
	whole := decompressed(t, c)
	for _, want := range [][]string{
		{"a", "a[0]", "moe.experts", "z"}, {"moe.experts"}, {"a"}, {"a[0]", "z"}, nil,
	} {
		asked := make(map[string]int)
		only := c.Only(func(name string) bool {
			asked[name]++
			return slices.Contains(want, name)
		})
		if len(asked) != 4 || asked["moe.experts"] != 1 || asked["a[0]"] != 1 {
			t.Errorf("asked of %v", asked)
		}
		f := decompressed(t, only)
		var names []string
		for _, x := range f.Tensors() {
			names = append(names, x.Name)
			if !bytes.Equal(readAll(t, f, x.Name), readAll(t, whole, x.Name)) {
				t.Errorf("%s of %v is not what it is among all", x.Name, want)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("got %v, want %v", names, want)
		}
		info := only.Info()
		if stacks := slices.Contains(want, "moe.experts"); len(info.Stacks) > 0 != stacks ||
			slices.Contains(only.Layers(), "a") != slices.Contains(want, "a") {
			t.Errorf("%v: layers %v, stacks %v", want, only.Layers(), info.Stacks)
		}
		_, _, err := only.Layer(t.Context(), "a")
		if there := slices.Contains(want, "a"); (err == nil) != there {
			t.Errorf("%v: layer a: %v", want, err)
		}
	}
}

// decompressed returns what a codebook is decompressed to, stacks as a whole.
func decompressed(t *testing.T, c *Codebook) *File {
	t.Helper()
	var out bytes.Buffer
	if err := DecompressTo(t.Context(), &out, c); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile(bytes.NewReader(out.Bytes()), int64(out.Len()), "decompressed")
	if err != nil {
		t.Fatal(err)
	}
	return f.Whole()
}

// TestStackThatPassesThrough: a file that is written from slices has the bytes of the one that was
// written at once.
func TestStackThatPassesThrough(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, stackModel()...)
	path, dense := filepath.Join(dir, "out"), filepath.Join(dir, "dense")
	compressAll(t, src, path, compress.Options{Exclude: []string{"*"}})
	c := openBook(t, path)
	if len(c.Layers()) != 0 || c.Info().Stacks["moe.experts"] != 3 {
		t.Fatalf("%+v", c.Info())
	}
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(contentOf(t, dense), contentOf(t, src.Path())) {
		t.Error("the file differs")
	}
}

// TestDecompressHoldsOneSlice: however many there are.
func TestDecompressHoldsOneSlice(t *testing.T) {
	src := newModel(t, t.TempDir(), nil, random("experts", "F32", 64, 64, 256))
	path := filepath.Join(t.TempDir(), "out")
	compressAll(t, src, path, compress.Options{Exclude: []string{"*"}})
	c := openBook(t, path)
	most := 0
	for _, b := range c.joined(c.blobs(false)) {
		for _, s := range b.slices {
			most = max(most, int(s.Bytes))
		}
		if b.load != nil || len(b.slices) != 64 {
			t.Errorf("%s is loaded at once, or as %d slices", b.Name, len(b.slices))
		}
	}
	if most != 64*256*4 {
		t.Errorf("%d bytes", most)
	}
}

// TestOlderBookOfAStack: a file in which a stack is one layer fits its model as a whole.
func TestOlderBookOfAStack(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, stackModel()...)
	path, dense := filepath.Join(dir, "out"), filepath.Join(dir, "dense")
	compressAll(t, src.Whole(), path, compress.Options{Exclude: []string{"a"}})
	c := openBook(t, path)
	if layers := c.Layers(); !slices.Equal(layers, []string{"moe.experts"}) ||
		len(c.Info().Stacks) > 0 {
		t.Errorf("%q, %v", layers, c.Info().Stacks)
	}
	if name, err := c.Changed(t.Context(), src.Whole()); name != "" || err != nil {
		t.Errorf("its own model: got %q (%v)", name, err)
	}
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dense); err != nil || info.Size() != src.Size() {
		t.Errorf("%v, %v", info, err)
	}
}

func TestStackOfSlicesThatOverflow(t *testing.T) {
	slice := codebook.Tensor{DType: "F64", Shape: []int{0, math.MaxInt >> 8}}
	tensors := map[string]codebook.Tensor{"x[0]": slice, "x[1]": slice, "x[2]": slice, "x[3]": slice}
	why := notStack("x", 4, tensors)
	if strconv.IntSize == 64 && !strings.Contains(why, "overflows") {
		t.Errorf("%q", why)
	}
}
