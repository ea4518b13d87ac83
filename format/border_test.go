package format

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/palettize/palettize/codebook"
)

// border is a model of a layer and tensors that pass through, of 5 MiB each, and a calibration
// file, all in memory.
type border struct {
	model, book, calibration []byte
	layer                    *codebook.Layer
}

func newBorder(t *testing.T) border {
	t.Helper()
	const rows, cols = 1280, 4096
	b := border{layer: makeLayer(rows, cols, 1, 256, 0, true)}
	dir := t.TempDir()
	b.model = contentOf(t, writeModel(t, dir, map[string]string{"format": "pt"},
		random("layer", "F16", rows, cols), random("rest", "F32", rows, 1024),
		random("ids", "I32", rows, 1024), random("half", "F64", rows, 512)))
	squares := random("layer", "F32", rows, 1024)
	for i := 3; i < len(squares.data); i += 4 {
		squares.data[i] &= 0x7f // no sign
	}
	b.calibration = contentOf(t, writeModel(t, dir, nil, squares))
	b.book = b.compressed(t, t.Context())
	return b
}

// file opens the model.
func (b border) file(t *testing.T) *File {
	t.Helper()
	f, err := NewFile(bytes.NewReader(b.model), int64(len(b.model)), "model")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// opened opens the codebook file.
func (b border) opened(t *testing.T) *Codebook {
	t.Helper()
	c, err := openMemory(t, b.book)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compressed is the model with its layer.
func (b border) compressed(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, b.file(t), `{"seed": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.commit(ctx, w); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// commit puts all tensors and commits.
func (b border) commit(ctx context.Context, w *Writer) error {
	defer w.Abort()
	for _, tensor := range w.src.Tensors() {
		if err := b.put(ctx, w, tensor); err != nil {
			return err
		}
	}
	_, err := w.Commit(ctx)
	return err
}

func (b border) put(ctx context.Context, w *Writer, t codebook.Tensor) error {
	switch t.Name {
	case "layer":
		_, err := w.PutLayer(ctx, t, b.layer, someDistortion)
		return err
	case "half":
		return w.PutHalf(ctx, t)
	}
	return w.PutTensor(ctx, t)
}

// askedOften is a context that is done once Err was called so many times.
type askedOften struct {
	context.Context
	left atomic.Int64
}

func (a *askedOften) Err() error {
	if a.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestStopsOnceDone ends each thing that reads or writes at every place where it can end: it must
// ask once a chunk or more often, say that it was ended, and leave no file.
func TestStopsOnceDone(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	b := newBorder(t)
	src, c := b.file(t), b.opened(t)
	calibration, err := NewCalibration(bytes.NewReader(b.calibration),
		int64(len(b.calibration)), "c")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	put := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			w, err := Create(path, src, CreateOptions{})
			if err != nil {
				return err
			}
			defer w.Abort()
			return b.put(ctx, w, tensorOf(t, src, name))
		}
	}
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		bytes int // that it has to read and write, at least
		run   func(ctx context.Context) error
	}{
		"File.Floats": {5 * mib, func(ctx context.Context) error {
			_, err := src.Floats(ctx, "rest")
			return err
		}},
		"NewCodebook": {len(b.book), func(ctx context.Context) error {
			_, err := NewCodebook(ctx, bytes.NewReader(b.book), int64(len(b.book)), "book")
			return err
		}},
		"Codebook.Layer": {5 * mib, func(ctx context.Context) error {
			_, _, err := c.Layer(ctx, "layer")
			return err
		}},
		"Codebook.Stored": {5 * mib, func(ctx context.Context) error {
			return c.Stored(ctx, "layer", func(*codebook.Layer) error { return nil })
		}},
		"Codebook.Rest.Floats": {5 * mib, func(ctx context.Context) error {
			_, err := c.Rest().Floats(ctx, "rest")
			return err
		}},
		"Codebook.Changed": {15 * mib, func(ctx context.Context) error {
			_, err := c.Changed(ctx, src)
			return err
		}},
		"Calibration.Moments": {5 * mib, func(ctx context.Context) error {
			_, err := calibration.Moments(ctx, "layer", 1024)
			return err
		}},
		"Model.Load": {5 * mib, func(ctx context.Context) error {
			return codebook.NewModel(c, codebook.RunOptions{}).Load(ctx, 1)
		}},
		"Model.Tensor of a layer": {5 * mib, func(ctx context.Context) error {
			_, err := codebook.NewModel(c, codebook.RunOptions{}).Tensor(ctx, "layer")
			return err
		}},
		"Model.Tensor of the rest": {5 * mib, func(ctx context.Context) error {
			_, err := codebook.NewModel(c, codebook.RunOptions{}).Tensor(ctx, "rest")
			return err
		}},
		"Writer.PutLayer":  {5 * mib, put("layer")},
		"Writer.PutTensor": {5 * mib, put("rest")},
		"Writer.PutHalf":   {5 * mib, put("half")},
		"Writer.Commit of Create": {50 * mib, func(ctx context.Context) error {
			w, err := Create(path, src, CreateOptions{Overwrite: true})
			if err != nil {
				return err
			}
			return b.commit(ctx, w)
		}},
		"Writer.Commit of NewWriter": {50 * mib, func(ctx context.Context) error {
			w, err := NewWriter(io.Discard, src, "")
			if err != nil {
				return err
			}
			return b.commit(ctx, w)
		}},
		"Decompress": {40 * mib, func(ctx context.Context) error {
			return decompress(ctx, c, path, true)
		}},
		"DecompressTo": {40 * mib, func(ctx context.Context) error {
			return DecompressTo(ctx, io.Discard, c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := &askedOften{Context: t.Context()}
			asked.left.Store(1 << 40)
			if err := tt.run(asked); err != nil {
				t.Fatal(err)
			}
			times := 1<<40 - asked.left.Load()
			if times < int64(tt.bytes/chunkBytes) {
				t.Errorf("asked %d times whether to go on, for %d bytes", times, tt.bytes)
			}
			os.Remove(path)
			places := min(times, 24)
			if testing.Short() {
				places = min(times, 6)
			}
			for n := range places {
				ended := &askedOften{Context: t.Context()}
				ended.left.Store(n * times / places)
				if err := tt.run(ended); !errors.Is(err, context.Canceled) {
					t.Fatalf("ended after %d of %d: %v", n, times, err)
				}
				if left := slices.Concat(filesIn(t, dir), filesIn(t, temporary)); len(left) > 0 {
					t.Fatalf("ended after %d of %d: left %v", n, times, left)
				}
			}
		})
	}
}

// TestAnyReaderAndWriter: what is read from memory and written to a buffer is what is read and
// written by path.
func TestAnyReaderAndWriter(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	b := newBorder(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	w, err := Create(path, b.file(t), CreateOptions{Settings: `{"seed":1}`})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.commit(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, path); !bytes.Equal(got, b.book) {
		t.Errorf("%d bytes by path, %d to a writer: not the same", len(got), len(b.book))
	}
	c := openBook(t, path)
	dense := filepath.Join(dir, "dense")
	var out bytes.Buffer
	err = errors.Join(decompress(t.Context(), c, dense, false),
		DecompressTo(t.Context(), &out, b.opened(t)))
	if err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, dense); !bytes.Equal(got, out.Bytes()) {
		t.Errorf("%d bytes by path, %d to a writer: not the same", len(got), out.Len())
	}
	if left := filesIn(t, temporary); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// closable notices that it is closed.
type closable struct {
	*bytes.Reader
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}

func TestCloseLeavesOthersReadersOpen(t *testing.T) {
	book := contentOf(t, goldenPath("tiny.pal"))
	size := int64(len(book))
	for name, open := range map[string]func(io.ReaderAt) (io.Closer, error){
		"NewFile": func(r io.ReaderAt) (io.Closer, error) { return NewFile(r, size, "f") },
		"NewCodebook": func(r io.ReaderAt) (io.Closer, error) {
			return NewCodebook(t.Context(), r, size, "f")
		},
		"NewCalibration": func(r io.ReaderAt) (io.Closer, error) {
			return NewCalibration(r, size, "f")
		},
	} {
		r := &closable{Reader: bytes.NewReader(book)}
		f, err := open(r)
		if err == nil {
			err = f.Close()
		}
		if err != nil || r.closed {
			t.Errorf("%s: closed %v (%v)", name, r.closed, err)
		}
	}
	f, err := Open(goldenPath("tiny.pal"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Floats(t.Context(), "bias"); err == nil {
		t.Error("a file that was opened by path can be read after Close")
	}
}

// TestWriterThatFails: an error of the writer is returned, wherever it comes, and nothing is left.
func TestWriterThatFails(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	src := newModel(t, t.TempDir(), nil, random("w", "F32", 3, 4), random("bias", "F32", 3))
	run := func(w io.Writer) error {
		dst, err := NewWriter(w, src, "")
		if err != nil {
			return err
		}
		defer dst.Abort()
		_, err = dst.PutLayer(t.Context(), tensorOf(t, src, "w"),
			makeLayer(3, 4, 2, 3, 0, true), someDistortion)
		err = errors.Join(err, dst.PutTensor(t.Context(), tensorOf(t, src, "bias")))
		if err != nil {
			return err
		}
		_, err = dst.Commit(t.Context())
		return err
	}
	var whole bytes.Buffer
	if err := run(&whole); err != nil {
		t.Fatal(err)
	}
	for room := range whole.Len() {
		err := run(&full{room})
		if !errors.Is(err, errFull) || err.Error() != "output: "+errFull.Error() {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
	}
	if err := run(short{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a writer that drops bytes: %v", err)
	}
	if left := filesIn(t, temporary); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// short drops what it is to write, and does not say so.
type short struct{}

func (short) Write([]byte) (int, error) { return 0, nil }

// TestReaderThatSaysNothing: a reader that returns no bytes and no error is at its end.
func TestReaderThatSaysNothing(t *testing.T) {
	file := contentOf(t, goldenPath("tiny.dense.safetensors"))
	f, err := NewFile(&silent{Reader: bytes.NewReader(file)}, int64(len(file)), "silent")
	if err != nil {
		t.Fatal(err)
	}
	f.shards[0].r.(*silent).now = true
	if _, err := f.Floats(t.Context(), "bias"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

type silent struct {
	*bytes.Reader
	now bool
}

func (s *silent) ReadAt(p []byte, off int64) (int, error) {
	if s.now {
		return 0, nil
	}
	return s.Reader.ReadAt(p, off)
}

// TestHeaderLimit: a header that readers would refuse is not written, however its length comes.
func TestHeaderLimit(t *testing.T) {
	for _, step := range []int{1, 3, 8, 20} {
		for length, fails := range map[uint64]bool{maxHeader: false, maxHeader + 1: true} {
			file := append(binary.LittleEndian.AppendUint64(nil, length), "{} and the rest"...)
			var got bytes.Buffer
			var err error
			h := &headerLimit{w: &got}
			for piece := range slices.Chunk(file, step) {
				if _, err = h.Write(piece); err != nil {
					break
				}
			}
			if (err != nil) != fails || !fails && !bytes.Equal(got.Bytes(), file) ||
				fails && bytes.ContainsRune(got.Bytes(), '{') {
				t.Errorf("a header of %d bytes, %d at a time: %v, wrote %q",
					length, step, err, &got)
			}
		}
	}
}
