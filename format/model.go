package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// File is an open safetensors file whose header has been checked. It implements [codebook.Source].
// Its methods may be called at the same time. Tensors are read at each call, nothing is mapped or
// kept.
type File struct {
	r      io.ReaderAt
	closer io.Closer // of r; nil: it is not ours to close
	path   string    // or another name for messages
	size   int64
	info   os.FileInfo // tells it from other files; nil: it is not known to be one
	layout *layout
	index  map[string]int // of entries
}

// Open opens a safetensors file and checks its header: see FORMAT.md for what is checked.
func Open(path string) (*File, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	file, err := NewFile(f, size, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file.closer = f
	return file, nil
}

// NewFile is Open for a file of this size that is read from r: one in memory, a part of an archive,
// a file over a network. Messages call it by the name. r is not closed.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	layout, err := scan(r, size)
	if err != nil {
		if what := alien(r, name, size); what != "" {
			err = errors.New(what)
		}
		return nil, at(name, err)
	}
	return withLayout(r, name, size, layout), nil
}

// openRegular opens a file that is no device, and returns its size.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // before opening it, which would wait on a pipe
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, 0, at(path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, at(path, err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, 0, errors.Join(at(path, err), f.Close())
	}
	return f, info.Size(), nil
}

func regular(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("is a folder, expected a file")
	case !info.Mode().IsRegular():
		return errors.New("is a device or a pipe, expected a file: " +
			"tensors are read by their place in it")
	}
	return nil
}

func withLayout(r io.ReaderAt, path string, size int64, layout *layout) *File {
	file := &File{
		r: r, path: path, size: size, layout: layout,
		index: make(map[string]int, len(layout.entries)),
	}
	if f, ok := r.(*os.File); ok {
		file.info, _ = f.Stat() // nil after an error: then it is taken for no other file
	}
	for i, e := range layout.entries {
		file.index[e.Name] = i
	}
	return file
}

// Tensors lists the tensors by their offset, then name.
func (f *File) Tensors() []codebook.Tensor {
	tensors := make([]codebook.Tensor, len(f.layout.entries))
	for i, e := range f.layout.entries {
		tensors[i] = e.Tensor
		tensors[i].Shape = slices.Clone(e.Shape)
	}
	return tensors
}

// Metadata returns the entries of __metadata__, nil when the file has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.layout.metadata) }

// Size is the size of the file in bytes.
func (f *File) Size() int64 { return f.size }

// Path is the path that the file was opened with, or the name that NewFile was given.
func (f *File) Path() string { return f.path }

// Close closes a file that was opened by its path. It does nothing to the reader of NewFile.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Reader returns the bytes of a tensor as they are in the file. Should the file have shrunk, they
// end early.
func (f *File) Reader(name string) (*io.SectionReader, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(f.r, f.layout.data+e.begin, e.Bytes), nil
}

// Floats returns the values of a tensor of dtype F64, F32, F16 or BF16. Values of F64 are rounded
// to nearest even. A finite one beyond the largest float32 becomes that, one that is not 0 and
// below the least becomes the least, so that it shows that it was there.
func (f *File) Floats(ctx context.Context, name string) ([]float32, error) {
	return f.floats(ctx, name, io.Discard)
}

// floats is Floats with the bytes of the values written to a sum of them.
func (f *File) floats(ctx context.Context, name string, sum io.Writer) ([]float32, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	kind := dtype.Of(e.DType)
	if !kind.Float() {
		return nil, atTensor(f.path, name,
			fmt.Errorf("dtype %s is not one of F64, F32, F16 and BF16", e.DType))
	}
	if e.Elements() > math.MaxInt/4 {
		return nil, atTensor(f.path, name, fmt.Errorf(
			"%d values: more than a %d-bit program can hold", e.Elements(), strconv.IntSize))
	}
	values := make([]float32, 0, e.Elements())
	err = f.chunks(ctx, e, func(chunk []byte) error {
		values = kind.Append(values, chunk)
		_, err := sum.Write(chunk)
		return err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

func (f *File) entry(name string) (*entry, error) {
	if e := f.find(name); e != nil {
		return e, nil
	}
	return nil, atTensor(f.path, name, codebook.ErrNoTensor)
}

// find returns the entry of a tensor, nil if there is none.
func (f *File) find(name string) *entry {
	i, ok := f.index[name]
	if !ok {
		return nil
	}
	return &f.layout.entries[i]
}

// corrupt is an error about the data of a tensor.
func (f *File) corrupt(e *entry, reason string) error {
	return &CorruptError{
		Path: f.path, Tensor: e.Name, Offset: f.layout.data + e.begin, Reason: reason,
	}
}

// verified reads a tensor as values of a dtype, see pieces, into dst, of their length, and holds
// them against a checksum.
func (f *File) verified(ctx context.Context, e *entry, as string, dst []byte, sum uint64,
	reason string) error {
	rest := dst
	err := f.pieces(ctx, e, as, func(piece []byte) error {
		rest = rest[copy(rest, piece):]
		return nil
	})
	if err != nil {
		return err
	}
	if xxh3.Hash(dst) != sum {
		return f.corrupt(e, reason)
	}
	return nil
}

// pieces calls do with the bytes of a tensor as values of a dtype: its own or, of a tensor of
// floats, another that they are rounded to.
func (f *File) pieces(ctx context.Context, e *entry, as string, do func([]byte) error) error {
	if as == e.DType {
		return f.chunks(ctx, e, do)
	}
	from, to := dtype.Of(e.DType), dtype.Of(as)
	var values []float32
	var rounded []byte
	return f.chunks(ctx, e, func(chunk []byte) error {
		values = from.Append(values[:0], chunk)
		n := len(values) * to.Bits / 8
		rounded = slices.Grow(rounded[:0], n)[:n]
		to.Put(rounded, values)
		return do(rounded)
	})
}

// chunkBytes is how much is read or written before it is asked again whether to go on.
const chunkBytes = 1 << 20

// chunks calls do with the bytes of a tensor, piece by piece, until ctx is done. Pieces hold whole
// values.
func (f *File) chunks(ctx context.Context, e *entry, do func([]byte) error) error {
	buffer := make([]byte, min(e.Bytes, chunkBytes))
	for done := int64(0); done < e.Bytes; {
		if err := ctx.Err(); err != nil {
			return atTensor(f.path, e.Name, err)
		}
		chunk := buffer[:min(e.Bytes-done, int64(len(buffer)))]
		offset := f.layout.data + e.begin + done
		n, err := f.r.ReadAt(chunk, offset)
		if n < len(chunk) {
			return at(f.path, shrunk(e.Name, offset+int64(n), err))
		}
		if err := do(chunk); err != nil {
			return err
		}
		done += int64(n)
	}
	return nil
}

// checksum is the XXH3-64 of a tensor's bytes as values of a dtype: see pieces.
func (f *File) checksum(ctx context.Context, e *entry, as string) (uint64, error) {
	sum := xxh3.New()
	err := f.pieces(ctx, e, as, func(chunk []byte) error {
		_, err := sum.Write(chunk)
		return err
	})
	return sum.Sum64(), err
}
