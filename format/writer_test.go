package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// newModel writes a small model and opens it.
func newModel(t *testing.T, dir string, metadata map[string]string, tensors ...tensor) *File {
	t.Helper()
	f, err := Open(writeModel(t, dir, metadata, tensors...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func tensorOf(t *testing.T, f *File, name string) codebook.Tensor {
	t.Helper()
	e, err := f.entry(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Tensor
}

func TestCreateFailsBeforeAnyWork(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("w", "F32", 3, 4))
	other := filepath.Join(dir, "other.pal")
	link := filepath.Join(dir, "link.pal")
	if err := os.WriteFile(other, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(dir, "dangling.pal")
	toDevice, toFolder := filepath.Join(dir, "to-device"), filepath.Join(dir, "to-folder")
	round := filepath.Join(dir, "round")
	hard := filepath.Join(dir, "hard.pal")
	if err := os.Link(src.Path(), hard); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		link: "model.safetensors", dangling: "nowhere", toDevice: os.DevNull, toFolder: ".",
		round: "round",
	} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, path string
		opts       CreateOptions
		want       string
	}{
		{"exists", other, CreateOptions{}, "exists already"},
		{"link to nothing", dangling, CreateOptions{Overwrite: true},
			"is a link to nowhere, where nothing is: name the file itself, or remove the link"},
		{"link to a device", toDevice, CreateOptions{Overwrite: true},
			"is a link to " + os.DevNull + ", a device or a pipe"},
		{"link to a folder", toFolder, CreateOptions{Overwrite: true}, "is a folder"},
		{"link to itself", round, CreateOptions{Overwrite: true},
			"too many levels of symbolic links"},
		{"folder", dir, CreateOptions{Overwrite: true}, "is a folder"},
		{"source", src.Path(), CreateOptions{Overwrite: true}, "is the input itself"},
		{"link to the source", link, CreateOptions{Overwrite: true}, "is the input itself"},
		{"the source by another name", hard, CreateOptions{Overwrite: true}, "is the input itself"},
		{"device", os.DevNull, CreateOptions{Overwrite: true}, "is a device or a pipe"},
		{"no folder", filepath.Join(dir, "none", "out"), CreateOptions{},
			"its folder: no such file"},
		{"file for a folder", filepath.Join(other, "out"), CreateOptions{}, "no folder"},
		{"settings", filepath.Join(dir, "out"), CreateOptions{Settings: "{seed"},
			"settings: invalid character"},
	}
	before := filesIn(t, dir)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, err := Create(tt.path, src, tt.opts)
			if err == nil {
				w.Abort()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), tt.path+": ") {
				t.Errorf("got %q, want %q", err, tt.want)
			}
			if tt.want == "exists already" && !errors.Is(err, fs.ErrExist) {
				t.Errorf("%v is not fs.ErrExist", err)
			}
			if got := filesIn(t, dir); !slices.Equal(got, before) {
				t.Errorf("left %v, there were %v", got, before)
			}
		})
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "precious" {
		t.Errorf("the other file is %q now (%v)", b, err)
	}
}

func TestCollidingNamesAreRefused(t *testing.T) {
	tests := []struct {
		name     string
		metadata map[string]string
		tensors  []tensor
		want     string // "": accepted
	}{
		{"centroids of a matrix", nil,
			[]tensor{random("w", "F32", 3, 4), random("w.centroids", "U8", 1)},
			`tensor "w.centroids"`},
		{"multipliers of a matrix", nil,
			[]tensor{random("w", "F32", 3, 4), random("w.multipliers", "F32", 1)},
			`tensor "w.multipliers"`},
		{"scales of a vector", nil, []tensor{random("w", "F32", 3), random("w.scales", "F32", 3)},
			""},
		{"centroids of nothing", nil, []tensor{random("quantizer.centroids", "F32", 3, 4)}, ""},
		{"our metadata", map[string]string{"palettize.note": "x"},
			[]tensor{random("w", "F32", 3, 4)}, "it is a codebook file already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			src := newModel(t, dir, tt.metadata, tt.tensors...)
			w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
			if err == nil {
				w.Abort()
			}
			if (tt.want == "") != (err == nil) ||
				err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestWriterRefusesWhatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("w", "F32", 3, 4), random("steps", "I32", 3, 4))
	w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	good := makeLayer(3, 4, 2, 3, 0, true)
	invalid := makeLayer(3, 4, 2, 3, 0, true)
	invalid.Assignments[0] = 3
	weights := tensorOf(t, src, "w")
	ctx, steps := t.Context(), tensorOf(t, src, "steps")
	put := func(tensor codebook.Tensor, l *codebook.Layer, d codebook.Distortion) error {
		_, err := w.PutLayer(ctx, tensor, l, d)
		return err
	}
	commit := func() error {
		put(weights, good, someDistortion)
		_, err := w.Commit(ctx)
		return err
	}
	aborted := func() error {
		w.Abort()
		return w.PutTensor(ctx, steps)
	}
	turned, nan := makeLayer(4, 3, 2, 3, 0, true), codebook.Distortion{Noise: math.NaN()}
	halves, doubles, unknown := weights, weights, weights
	halves.DType, doubles.DType, unknown.Name = "F16", "F64", "v"
	for name, err := range map[string]error{
		`tensor "v": no such tensor`:          w.PutTensor(ctx, unknown),
		"is F32 [3, 4], not F16 [3, 4]":       w.PutTensor(ctx, halves),
		"F16 [3, 4] is not kept as F16":       w.PutHalf(ctx, halves),
		"I32 [3, 4] is not kept as F16":       w.PutHalf(ctx, steps),
		"is F32 [3, 4], not F64 [3, 4]":       w.PutHalf(ctx, doubles),
		"its layer: assignment 0 is 3":        put(weights, invalid, someDistortion),
		"cannot be a layer [4, 3]":            put(weights, turned, someDistortion),
		"I32 [3, 4] cannot be a layer [3, 4]": put(steps, good, someDistortion),
		"a distortion of NaN":                 put(weights, good, nan),

		`tensor "steps": was left out, ` + src.path + " has it": commit(),

		"writer is closed": aborted(),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q", err, name)
		}
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors"}) {
		t.Errorf("left %v", got)
	}
}

func TestTensorsArePutOnce(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("w", "F32", 3, 4))
	w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.PutTensor(t.Context(), tensorOf(t, src, "w")); err != nil {
		t.Fatal(err)
	}
	_, err = w.PutLayer(t.Context(), tensorOf(t, src, "w"),
		makeLayer(3, 4, 2, 3, 0, true), someDistortion)
	if err == nil || !strings.Contains(err.Error(), "was put already") {
		t.Errorf("got %v", err)
	}
}

// TestNothingIsLeftBehind looks at the folder at each stage of an interrupted run.
func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("w", "F32", 30, 40), random("bias", "F32", 30))
	path := filepath.Join(dir, "out")
	w, err := Create(path, src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.PutLayer(t.Context(), tensorOf(t, src, "w"),
		makeLayer(30, 40, 2, 256, 0, true), someDistortion)
	if err != nil {
		t.Fatal(err)
	}
	// The program may be killed here.
	if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors", "out.partial"}) {
		t.Errorf("in mid-run there are %v", got)
	}
	w.Abort()
	w.Abort()
	if _, err := w.Commit(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("Commit after Abort says %v", err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors"}) {
		t.Errorf("after Abort there are %v", got)
	}
}

// TestAbortAfterCommitKeepsTheFile also overwrites a file.
func TestAbortAfterCommitKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("bias", "F32", 30))
	path := filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	w, err := Create(path, src, CreateOptions{Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PutTensor(t.Context(), tensorOf(t, src, "bias")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	openBook(t, path)
	if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors", "out"}) {
		t.Errorf("there are %v", got)
	}
}

// TestOutputThatAppearsMeanwhile is a second run that was faster.
func TestOutputThatAppearsMeanwhile(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("bias", "F32", 30))
	path := filepath.Join(dir, "out")
	w, err := Create(path, src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.PutTensor(t.Context(), tensorOf(t, src, "bias")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err == nil || err.Error() != path+": exists already" {
		t.Errorf("got %v", err)
	}
	w.Abort()
	if got := string(contentOf(t, path)); got != "precious" {
		t.Errorf("the file is %q now", got)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors", "out"}) {
		t.Errorf("there are %v", got)
	}
}

// TestSourceThatChanges: the source is read twice, and what changes in between must not get into a
// file with the checksum of the first reading.
func TestSourceThatChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(path string, size int64) error
		want   string
	}{
		"changes": {func(path string, size int64) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1}, size-1)
			return errors.Join(err, f.Close())
		}, "changed while it was read"},
		"shrinks": {func(path string, size int64) error { return os.Truncate(path, size-1) },
			"it has shrunk"},
	} {
		type putter func(*Writer, context.Context, codebook.Tensor) error
		test := func(t *testing.T, put putter) {
			dir := t.TempDir()
			src := newModel(t, dir, nil, random("bias", "F32", 30))
			w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Abort()
			if err := put(w, t.Context(), tensorOf(t, src, "bias")); err != nil {
				t.Fatal(err)
			}
			if err := tt.change(src.Path(), src.Size()); err != nil {
				t.Fatal(err)
			}
			_, err = w.Commit(t.Context())
			w.Abort()
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Tensor != "bias" ||
				corrupt.Path != src.Path() || !strings.Contains(corrupt.Reason, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if got := filesIn(t, dir); !slices.Equal(got, []string{"model.safetensors"}) {
				t.Errorf("there are %v", got)
			}
			if name == "shrinks" {
				if _, err := src.Floats(t.Context(), "bias"); !errors.As(err, &corrupt) {
					t.Errorf("Floats says %v", err)
				}
			}
		}
		t.Run(name, func(t *testing.T) { test(t, (*Writer).PutTensor) })
		t.Run(name+" as F16", func(t *testing.T) { test(t, (*Writer).PutHalf) })
	}
}

// full takes so many bytes and then no more.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestSerializeReportsEveryFailure(t *testing.T) {
	for _, kind := range []string{"U8", "F8_E4M3"} { // by the library and without it
		to := func(w io.Writer, load func(context.Context, []byte) error) error {
			name := codebook.Tensor{Name: "a", DType: kind, Shape: []int{5}, Bytes: 5}
			return serialize(t.Context(), w, []blob{{Tensor: name, load: load}}, nil)
		}
		load := func(context.Context, []byte) error { return nil }
		var whole bytes.Buffer
		if err := to(&whole, load); err != nil {
			t.Fatal(err)
		}
		for room := range whole.Len() {
			if err := to(&full{room}, load); !errors.Is(err, errFull) {
				t.Errorf("%s: room for %d bytes: %v", kind, room, err)
			}
		}
		err := to(io.Discard, func(context.Context, []byte) error { return errFull })
		if !errors.Is(err, errFull) {
			t.Errorf("%s: a tensor that cannot be read: %v", kind, err)
		}
	}
}

// TestWriteIsAsTheLibraryWrites: files are the same bytes, whoever writes them.
func TestWriteIsAsTheLibraryWrites(t *testing.T) {
	load := func(_ context.Context, dst []byte) error {
		for i := range dst {
			dst[i] = byte(i)
		}
		return nil
	}
	var blobs []blob
	shapes := map[string][]int{"w<&>\u2028": {3, 4}, "s": {}, "é": {0, 2}, "b\x01": {7}}
	for name, shape := range shapes {
		for _, kind := range []string{"F32", "U8", "BOOL", "I64", "BF16", "F16"} {
			size, _ := dtype.Of(kind).Size(shape)
			tensor := codebook.Tensor{Name: kind + name, DType: kind, Shape: shape, Bytes: size}
			blobs = append(blobs, blob{Tensor: tensor, load: load})
		}
	}
	arrange(blobs)
	for _, metadata := range []map[string]string{nil, {}, {"format": "pt", "<": "\"\\"}} {
		var theirs, ours bytes.Buffer
		err := errors.Join(writeByLibrary(t.Context(), &theirs, blobs, metadata),
			write(t.Context(), &ours, blobs, metadata))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(theirs.Bytes(), ours.Bytes()) {
			t.Errorf("the library writes\n%q\nand we\n%q", theirs.Bytes(), ours.Bytes())
		}
		l, err := scan(bytes.NewReader(ours.Bytes()), int64(ours.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range l.entries {
			if align := int64(dtype.Of(e.DType).Bits / 8); (l.data+e.begin)%align != 0 {
				t.Errorf("%s %q begins at byte %d", e.DType, e.Name, l.data+e.begin)
			}
		}
	}
}

func TestDecompressIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	c := openBook(t, goldenPath("segments.pal"))
	path := filepath.Join(dir, "out")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := decompress(ctx, c, path, false); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if got := filesIn(t, dir); len(got) != 0 {
		t.Errorf("left %v", got)
	}
	if err := decompress(t.Context(), c, goldenPath("segments.pal"), true); err == nil ||
		!strings.Contains(err.Error(), "is the input itself") {
		t.Errorf("onto itself: %v", err)
	}
	var err error
	for range 2 {
		if err = decompress(t.Context(), c, path, false); err != nil {
			break
		}
	}
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("twice: %v", err)
	}
}

// TestLayerBytesAreWhatTheFileGrowsBy compares the bytes of a layer with two files, with and
// without it.
func TestLayerBytesAreWhatTheFileGrowsBy(t *testing.T) {
	dir := t.TempDir()
	var tensors []tensor
	layers := make(map[string]*codebook.Layer)
	for _, name := range []string{"model.layers.0.self_attn.q_proj.weight",
		"model.layers.1.self_attn.q_proj.weight"} {
		tensors = append(tensors, random(name, "F32", 384, 384))
		layers[name] = makeLayer(384, 384, 1, 16, 16, true)
	}
	var sizes []int64
	var bytes int64
	for n := range 2 {
		path := filepath.Join(dir, "out")
		writeBook(t, writeModel(t, dir, nil, tensors[:n+1]...), path, layers)
		c, err := OpenCodebook(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		info := c.Info()
		c.Close()
		os.Remove(path)
		sizes, bytes = append(sizes, info.Size), info.Layers[0].Bytes
		data := int64(16 + 384*192 + 384 + 384*21)
		if share := info.Layers[0].Bytes - data; share > 800 {
			t.Errorf("a layer takes %d bytes of header, the limit is 800", share)
		} else {
			t.Logf("a layer takes %d bytes of header", share)
		}
	}
	// Ten digits are counted for each of eight offsets, the files have about six.
	if grown := sizes[1] - sizes[0]; bytes < grown-8 || bytes > grown+48 {
		t.Errorf("a layer is said to take %d bytes, the file grows by %d", bytes, grown)
	}
}

// TestWriterKeepsNoData: layers lie in the temporary file until Commit, not in memory.
func TestWriterKeepsNoData(t *testing.T) {
	const layers, side = 40, 256
	dir := t.TempDir()
	var tensors []tensor
	for i := range layers {
		tensors = append(tensors, random(fmt.Sprintf("w%d", i), "F16", side, side))
	}
	src := newModel(t, dir, nil, tensors...)
	w, err := Create(filepath.Join(dir, "out"), src, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	before := liveBytes()
	for _, s := range src.Tensors() {
		l := makeLayer(side, side, 1, 256, 0, true)
		if _, err := w.PutLayer(t.Context(), s, l, someDistortion); err != nil {
			t.Fatal(err)
		}
	}
	const data = layers * side * side
	if kept := liveBytes() - before; kept > data/10 {
		t.Errorf("%d bytes are in memory after %d bytes of layers", kept, data)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// liveBytes is what is allocated and reachable.
func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestOutputThroughALink: a link stays, and the file that it leads to, in another folder, is
// replaced, once that is asked for.
func TestOutputThroughALink(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("bias", "F32", 30))
	folder, inside := filepath.Join(dir, "folder"), filepath.Join(dir, "folder", "inside")
	if err := errors.Join(os.MkdirAll(inside, 0o777),
		os.WriteFile(filepath.Join(folder, "file"), []byte("old"), 0o666),
		os.Symlink("folder/inside", filepath.Join(dir, "aside")),
		// This is folder/file, not that beside aside.
		os.Symlink("aside/../file", filepath.Join(dir, "first")),
		os.Symlink(filepath.Join(dir, "first"), filepath.Join(inside, "second"))); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "aside", "second")
	data := []byte("new")
	if err := WriteFile(t.Context(), link, always(data), false, src); err == nil ||
		err.Error() != link+": exists already" {
		t.Errorf("without leave: %v", err)
	}
	if err := WriteFile(t.Context(), link, always(data), true, src); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, filepath.Join(folder, "file")); !bytes.Equal(got, data) {
		t.Errorf("the file that the link leads to holds %q, want %q", got, data)
	}
	if to, err := os.Readlink(link); err != nil || to != filepath.Join(dir, "first") {
		t.Errorf("the link leads to %q now (%v)", to, err)
	}
	if got := filesIn(t, folder); !slices.Equal(got, []string{"file", "inside"}) {
		t.Errorf("in the folder: %v", got)
	}
}

// TestOutputKeepsTheMode of a file that it replaces, whatever the mask for new files says.
func TestOutputKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	src := newModel(t, dir, nil, random("bias", "F32", 30))
	for _, mode := range []os.FileMode{0o600, 0o640, 0o444, 0o777} {
		path := filepath.Join(dir, mode.String())
		err := errors.Join(os.WriteFile(path, []byte("old"), 0o666), os.Chmod(path, mode))
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(t.Context(), path, always([]byte("new")), true, src); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode ||
			string(contentOf(t, path)) != "new" {
			t.Errorf("got %v (%v), want %v", info.Mode(), err, mode)
		}
	}
}

// always returns a function that returns data.
func always(data []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return data, nil }
}
