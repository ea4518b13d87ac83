package format

import (
	"encoding/binary"
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
	"github.com/palettize/palettize/internal/halves"
)

// File is an open safetensors file whose header has been checked. It implements [codebook.Source].
// Its methods may be called at the same time. Tensors are read at each call, nothing is mapped or
// kept.
type File struct {
	f      reader
	path   string
	size   int64
	info   os.FileInfo // tells the file from others
	layout *layout
	index  map[string]int // of entries
}

// reader is an open file.
type reader interface {
	io.ReaderAt
	io.Closer
}

// Open opens a safetensors file and checks its header: see FORMAT.md for what is checked.
func Open(path string) (*File, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	file, err := newFile(f, path, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file.info = info
	return file, nil
}

func openRegular(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(path) // before opening it, which would wait on a pipe
	if err != nil {
		return nil, nil, at(path, err)
	}
	if err := regular(path, info); err != nil {
		return nil, nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, at(path, err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(at(path, err), f.Close())
	}
	return f, info, nil
}

func regular(path string, info os.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("%s: is a folder, expected a file", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: is a device or a pipe, expected a file: "+
			"tensors are read by their place in it", path)
	}
	return nil
}

// newFile checks the header of what is open under this path.
func newFile(f reader, path string, size int64) (*File, error) {
	layout, err := scan(f, size)
	if err != nil {
		if what := alien(f, path, size); what != nil {
			return nil, what
		}
		return nil, at(path, err)
	}
	return withLayout(f, path, size, layout), nil
}

func withLayout(f reader, path string, size int64, layout *layout) *File {
	file := &File{f: f, path: path, size: size, layout: layout, index: make(map[string]int, len(layout.entries))}
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

// Path is the path that the file was opened with.
func (f *File) Path() string { return f.path }

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Reader returns the bytes of a tensor as they are in the file. Should the file have shrunk, they end
// early.
func (f *File) Reader(name string) (*io.SectionReader, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(f.f, f.layout.data+e.begin, e.Bytes), nil
}

// Floats returns the values of a tensor of dtype F64, F32, F16 or BF16. Values of F64 are rounded
// to nearest even. A finite one beyond the largest float32 becomes that, one that is not 0 and
// below the least becomes the least, so that it shows that it was there.
func (f *File) Floats(name string) ([]float32, error) {
	values, _, err := f.floats(name)
	return values, err
}

// floats returns the values and the checksum of their bytes.
func (f *File) floats(name string) ([]float32, uint64, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, 0, err
	}
	if !e.Float() {
		return nil, 0, fmt.Errorf("%s: tensor %q: dtype %s is not one of F64, F32, F16 and BF16", f.path, name, e.DType)
	}
	if e.Elements() > math.MaxInt/4 {
		return nil, 0, fmt.Errorf("%s: tensor %q: %d values: more than a %d-bit program can hold",
			f.path, name, e.Elements(), strconv.IntSize)
	}
	values := make([]float32, 0, e.Elements())
	sum := xxh3.New()
	err = f.chunks(e, func(chunk []byte) error {
		values = appendFloats(values, chunk, e.DType)
		_, err := sum.Write(chunk)
		return err
	})
	return values, sum.Sum64(), err
}

func (f *File) entry(name string) (*entry, error) {
	i, ok := f.index[name]
	if !ok {
		return nil, fmt.Errorf("%s: no tensor %q", f.path, name)
	}
	return &f.layout.entries[i], nil
}

// verified reads a tensor as values of a dtype, see pieces, into dst, of their length, and holds them
// against a checksum.
func (f *File) verified(e *entry, dtype string, dst []byte, sum uint64, reason string) error {
	rest := dst
	err := f.pieces(e, dtype, func(piece []byte) error {
		rest = rest[copy(rest, piece):]
		return nil
	})
	if err != nil {
		return err
	}
	if xxh3.Hash(dst) != sum {
		return &CorruptError{Path: f.path, Tensor: e.Name, Offset: f.layout.data + e.begin, Reason: reason}
	}
	return nil
}

// pieces calls do with the bytes of a tensor as values of a dtype: its own or, of a tensor of floats,
// F16, which its values are rounded to.
func (f *File) pieces(e *entry, dtype string, do func([]byte) error) error {
	if dtype == e.DType {
		return f.chunks(e, do)
	}
	var values []float32
	var rounded []byte
	return f.chunks(e, func(chunk []byte) error {
		values = appendFloats(values[:0], chunk, e.DType)
		rounded = slices.Grow(rounded[:0], 2*len(values))[:2*len(values)]
		putFloats(rounded, values, dtype)
		return do(rounded)
	})
}

// chunks calls do with the bytes of a tensor, piece by piece. Pieces hold whole values.
func (f *File) chunks(e *entry, do func([]byte) error) error {
	buffer := make([]byte, min(e.Bytes, 1<<20))
	for done := int64(0); done < e.Bytes; {
		chunk := buffer[:min(e.Bytes-done, int64(len(buffer)))]
		offset := f.layout.data + e.begin + done
		n, err := f.f.ReadAt(chunk, offset)
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
func (f *File) checksum(e *entry, dtype string) (uint64, error) {
	sum := xxh3.New()
	err := f.pieces(e, dtype, func(chunk []byte) error {
		_, err := sum.Write(chunk)
		return err
	})
	return sum.Sum64(), err
}

// appendFloats converts little-endian values of a dtype whose Float is true.
func appendFloats(dst []float32, src []byte, dtype string) []float32 {
	le := binary.LittleEndian
	switch dtype {
	case "F64":
		for ; len(src) >= 8; src = src[8:] {
			dst = append(dst, fromF64(math.Float64frombits(le.Uint64(src))))
		}
	case "F32":
		for ; len(src) >= 4; src = src[4:] {
			dst = append(dst, math.Float32frombits(le.Uint32(src)))
		}
	case "F16":
		for ; len(src) >= 2; src = src[2:] {
			dst = append(dst, halves.FromF16(le.Uint16(src)))
		}
	case "BF16":
		for ; len(src) >= 2; src = src[2:] {
			dst = append(dst, math.Float32frombits(uint32(le.Uint16(src))<<16))
		}
	}
	return dst
}
