package format

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/verify"
	"github.com/palettize/palettize/internal/dtype"
)

// as returns whether an error is, or has behind it, one of a type that fits.
func as[E error](fits func(e E) bool) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[E](err)
		return ok && fits(e)
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func aboutTensor(name string) func(error) bool {
	return as(func(e *codebook.TensorError) bool { return e.Tensor == name })
}

// TestErrors goes through the errors that a caller can act on: what call returns each, through all
// that wraps it, and its text.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	nan := random("nan", "F32", 32, 32)
	dtype.Of("F32").Put(nan.data[4*7:], []float32{float32(math.NaN())})
	src := newModel(t, dir, nil, nan, random("m", "F32", 32, 32), random("ids", "I32", 32, 32))
	small := newModel(t, t.TempDir(), nil, random("w", "F32", 40, 40))
	bookPath := goldenPath("segments.pal")
	book := openBook(t, bookPath)
	model := codebook.NewModel(book, codebook.RunOptions{})
	closed := codebook.NewModel(justStore{book}, codebook.RunOptions{})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	exists := filepath.Join(dir, "exists")
	if err := os.WriteFile(exists, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	floats := func(s codebook.Source, name string) error {
		_, err := s.Floats(t.Context(), name)
		return err
	}
	opened := func(file []byte) error {
		_, err := openMemory(t, file)
		return err
	}
	damaged := contentOf(t, bookPath)
	damaged[len(damaged)-1] ^= 1
	shrunken := func() (*File, error) {
		file := contentOf(t, goldenPath("tiny.dense.safetensors"))
		return NewFile(bytes.NewReader(file[:len(file)-4]), int64(len(file)), "cut")
	}
	compressed := func(src *File, opts compress.Options) error {
		w, err := NewWriter(io.Discard, src, "")
		if err != nil {
			return err
		}
		defer w.Abort()
		_, err = compress.Compress(t.Context(), w, src, opts)
		return err
	}
	layer := func(name string) error {
		_, _, err := book.Layer(t.Context(), name)
		return err
	}
	verified := func(truth codebook.Source) error {
		l, about, err := book.Layer(t.Context(), "b.weight")
		if err != nil {
			return err
		}
		_, err = verify.Run(t.Context(), []verify.Layer{{
			Tensor: about.Tensor, Recorded: &about.Distortion,
			Read: func(context.Context) (*codebook.Layer, error) { return l, nil },
		}}, verify.Options{Truth: truth})
		return err
	}
	x, y := make([]float32, 387), make([]float32, 3)
	bits := func(bits float64) compress.Options {
		return compress.Options{Settings: compress.Settings{Bits: bits}}
	}
	tests := []struct {
		what string
		err  error
		fits []func(error) bool
		text string // or a part of it, where it ends in ...
	}{
		{"Floats of no tensor", floats(src, "none"),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("none")},
			src.Path() + `: tensor "none": no such tensor`},
		{"Layer of no layer", layer("a.bias"),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("a.bias")},
			bookPath + `: tensor "a.bias": no such tensor among the layers`},
		{"Stored of no layer", book.Stored(t.Context(), "none", nil),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("none")},
			bookPath + `: tensor "none": no such tensor among the layers`},
		{"Rest of a layer", floats(book.Rest(), "b.weight"),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("b.weight")},
			bookPath + `: tensor "b.weight": no such tensor among those without a layer`},
		{"MatMul of no tensor", model.MatMul(y, "none", x, 1),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("none")},
			`tensor "none": no such tensor`},
		{"verify of no tensor", verified(src),
			[]func(error) bool{is(codebook.ErrNoTensor), aboutTensor("b.weight")},
			`tensor "b.weight": no such tensor in the original model`},
		{"Floats of integers", floats(src, "ids"), []func(error) bool{aboutTensor("ids")},
			src.Path() + `: tensor "ids": dtype I32 is not one of ` +
				`F64, F32, F16, BF16, F8_E4M3 and F8_E5M2`},
		{"MatMul after Close", closed.MatMul(y, "b.weight", x, 1),
			[]func(error) bool{is(codebook.ErrClosed), aboutTensor("b.weight")},
			`tensor "b.weight": the model is closed`},
		{"MatMul with too few inputs", model.MatMul(y, "b.weight", x[1:], 1),
			[]func(error) bool{
				as(func(e *codebook.ShapeError) bool { return e.Len == 386 && e.Want == 387 }),
				aboutTensor("b.weight"),
			}, `tensor "b.weight": x has 386 values, wanted 387`},
		{"MatMul with an infinity",
			model.MatMul(y, "b.weight", []float32{386: float32(math.Inf(1))}, 1),
			[]func(error) bool{
				as(func(e *codebook.NotFiniteError) bool { return e.Index == 386 }),
				aboutTensor("b.weight"),
			}, `tensor "b.weight": input 386 is +Inf`},
		{"Compress of a NaN", compressed(src, compress.Options{}),
			[]func(error) bool{
				as(func(e *codebook.NotFiniteError) bool { return e.Index == 7 }),
				aboutTensor("nan"),
			}, `tensor "nan": value 7 is NaN`},
		{"Compress to bits that cannot be", compressed(small, bits(0.5)),
			[]func(error) bool{as(func(e *compress.GoalError) bool {
				return e.Bits == 0.5 && e.NearestBits > 0.5
			})}, "0.5 bits a weight cannot be met: what comes nearest takes ..."},
		{"Compress to a size that cannot be", compressed(small, compress.Options{Size: 400}),
			[]func(error) bool{as(func(e *compress.GoalError) bool {
				return e.Size == 400 && e.NearestSize > 400 && e.Rest > 0
			})}, "a file of 400 bytes cannot be: what is not to be compressed takes ..."},
		{"OpenCodebook of a newer version", opened(newerBook(t)),
			[]func(error) bool{as(func(e *VersionError) bool {
				return e.Path == "memory" && e.Version == "3" && e.Producer == "palettize 3.1" &&
					e.Newest == 2
			})},
			`memory: codebook file of version "3", made by "palettize 3.1": ` +
				"this program reads versions 1 to 2, get a newer one"},
		{"OpenCodebook of a model", opened(contentOf(t, goldenPath("tiny.dense.safetensors"))),
			[]func(error) bool{is(ErrNotCodebook)},
			"memory: is an ordinary safetensors file, not a codebook file " +
				"(palettize compress makes one of it)"},
		{"OpenCodebook of a damaged file", opened(damaged),
			[]func(error) bool{
				as(func(e *CorruptError) bool { return e.Path == "memory" }),
				aboutTensor("b.weight.scales"),
			}, `memory: tensor "b.weight.scales": offset ...`},
		{"Floats of a file that has shrunk", func() error {
			f, err := shrunken()
			return errors.Join(err, floats(f, "w"))
		}(), []func(error) bool{
			is(io.ErrUnexpectedEOF), as(func(e *CorruptError) bool { return e.Tensor == "w" }),
			aboutTensor("w"),
		}, `cut: tensor "w": offset ...`},
		{"Compress of a file that has shrunk", func() error {
			f, err := shrunken()
			if err != nil {
				return err
			}
			return compressed(f, compress.Options{})
		}(), []func(error) bool{is(io.ErrUnexpectedEOF), aboutTensor("w")},
			`cut: tensor "w": offset ...`},
		{"Open of no file", func() error {
			_, err := Open(filepath.Join(dir, "none"))
			return err
		}(), []func(error) bool{is(fs.ErrNotExist)},
			filepath.Join(dir, "none") + ": no such file or directory"},
		{"Create of a file that is there", func() error {
			_, err := Create(exists, src, CreateOptions{})
			return err
		}(), []func(error) bool{is(fs.ErrExist)}, exists + ": exists already"},
		{"Floats once the context is done", func() error {
			_, err := src.Floats(done, "m")
			return err
		}(), []func(error) bool{is(context.Canceled), aboutTensor("m")},
			src.Path() + `: tensor "m": context canceled`},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			if tt.err == nil {
				t.Fatal("no error")
			}
			text := tt.err.Error()
			if want, more := strings.CutSuffix(tt.text, "..."); text != tt.text &&
				!(more && strings.HasPrefix(text, want)) {
				t.Errorf("got  %s\nwant %s", text, tt.text)
			}
			for i, fits := range tt.fits {
				if !fits(tt.err) {
					t.Errorf("%v: is not what number %d of errors.Is and errors.As wants",
						tt.err, i)
				}
			}
		})
	}
}

// justStore has nothing to close.
type justStore struct{ codebook.Store }

// newerBook is a codebook file of a version to come.
func newerBook(t *testing.T) []byte {
	t.Helper()
	f, err := Open(goldenPath("tiny.pal"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	newer := takeApart(t, f)
	newer.metadata[versionKey], newer.metadata[producerKey] = "3", "palettize 3.1"
	return newer.seal(t)
}

// TestErrorsAreNotWrittenTo: naming the file of an error leaves the error itself alone.
func TestErrorsAreNotWrittenTo(t *testing.T) {
	below := &CorruptError{Tensor: "w", Offset: 8, Reason: "is bad"}
	for _, path := range []string{"one", "two"} {
		named, ok := errors.AsType[*CorruptError](at(path, below))
		if !ok || named.Path != path || named.Tensor != "w" || below.Path != "" {
			t.Errorf("named %q: %+v, and the error itself is %+v", path, named, below)
		}
	}
	once := at("one", errors.New("fails"))
	if twice := at("two", once); twice.Error() != "one: fails" {
		t.Errorf("named twice: %v", twice)
	}
}
