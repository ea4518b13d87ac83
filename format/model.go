package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// File is an open model in the safetensors format, in one file or in several, whose headers have
// been checked. It implements [codebook.Source]. Its methods may be called at the same time.
// Tensors are read at each call, nothing is mapped or kept.
//
// Of a model, a tensor T of large matrices on top of each other, such as the experts of a mixture,
// [experts, out, in], is there as its slices T[0], T[1] and so on, [out, in] each.
type File struct {
	path    string // that it was opened with, or another name for messages
	folder  *folder
	shards  []*shard
	entries []entry        // of all shards, one after the other, each by offset, then name
	index   map[string]int // of entries
	stacks  map[string]int // tensors that are there as so many slices, by name
	whole   *File          // with these as they are stored; nil: this is it
	block   [2]int         // rows and columns that share a scale, see SetBlock
}

// shard is one of the safetensors files of a model.
type shard struct {
	r      io.ReaderAt
	closer io.Closer // of r; nil: it is not ours to close
	path   string    // or another name for messages
	size   int64
	info   os.FileInfo // tells it from other files; nil: it is not known to be one
	layout *layout

	version int // of the format, of a codebook file that has been checked
}

// Open opens a model and checks its headers: see FORMAT.md for what is checked. The path is that of
// a safetensors file, of an index of several (model.safetensors.index.json), or of a folder with
// one of these. No name in an index leads out of the index's folder.
func Open(path string) (*File, error) { return open(path, modelExt, codebookExt) }

func open(path string, preferred ...string) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return openFolder(path, preferred)
	case strings.HasSuffix(path, indexExt):
		return openIndex(path)
	}
	return openShards(path, nil, path)
}

// openShards opens a model that consists of these files.
func openShards(path string, in *folder, files ...string) (*File, error) {
	f := &File{path: path, folder: in, block: usualBlock}
	for _, name := range files {
		r, size, err := openRegular(name)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		s := &shard{r: r, closer: r, path: name, size: size}
		f.shards = append(f.shards, s)
		if err = s.scan(); err == nil {
			err = f.add(s)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := f.configureBlock(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.asModel(), nil
}

// asModel joins what is stored apart. It returns a model with the slices of its stacks, a codebook
// file as it is.
func (f *File) asModel() *File {
	f.join()
	if IsCodebook(f) {
		return f
	}
	return f.sliced(isStack)
}

// NewFile is Open for a file of this size that is read from r: one in memory, a part of an archive,
// a file over a network. Messages call it by the name. r is not closed.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	s := &shard{r: r, path: name, size: size}
	if err := s.scan(); err != nil {
		return nil, err
	}
	f, err := withShard(s)
	if err != nil {
		return nil, err
	}
	return f.asModel(), nil
}

// withShard returns a model in one file.
func withShard(s *shard) (*File, error) {
	f := &File{path: s.path, shards: []*shard{s}, block: usualBlock}
	return f, f.add(s)
}

// scan reads the header.
func (s *shard) scan() (err error) {
	if s.layout, err = scan(s.r, s.size); err != nil {
		if what := alien(s.r, s.path, s.size); what != "" {
			err = errors.New(what)
		}
	}
	return at(s.path, err)
}

// add takes in the tensors of a shard.
func (f *File) add(s *shard) error {
	if r, ok := s.r.(*os.File); ok {
		s.info, _ = r.Stat() // nil after an error: then it is taken for no other file
	}
	start := len(f.entries)
	if start == 0 { // which takes no copy
		f.entries = slices.Clip(s.layout.entries)
		f.index = make(map[string]int, len(f.entries))
	} else {
		f.entries = append(f.entries, s.layout.entries...)
	}
	for i := start; i < len(f.entries); i++ {
		e := &f.entries[i]
		e.in = s
		if other := f.find(e.Name); other != nil {
			return atTensor(s.path, e.Name, fmt.Errorf("is in %s too", other.in.path))
		}
		f.index[e.Name] = i
	}
	return nil
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

// Tensors lists the tensors, of one file after the other, by their offset, then name. Scales of
// 8-bit floats that are called NAME_scale_inv belong to tensor NAME, which is
// [codebook.Tensor.Scaled].
func (f *File) Tensors() []codebook.Tensor {
	tensors := make([]codebook.Tensor, 0, len(f.entries))
	for i := range f.entries {
		if e := &f.entries[i]; e.scaled == nil {
			tensors = append(tensors, e.tensor())
		}
	}
	return tensors
}

// Metadata returns the entries of __metadata__, nil when there is none. Of several files it has
// those of all; where they differ, the first counts.
func (f *File) Metadata() map[string]string {
	var metadata map[string]string
	for _, s := range slices.Backward(f.shards) {
		if metadata == nil {
			metadata = maps.Clone(s.layout.metadata)
		} else {
			maps.Copy(metadata, s.layout.metadata)
		}
	}
	return metadata
}

// Size is the size of the file, or of all its files, in bytes.
func (f *File) Size() int64 {
	size := int64(0)
	for _, s := range f.shards {
		size += s.size
	}
	return size
}

// HeaderSize is the size of the header in bytes, its length not counted, of several files that of
// the largest. This package reads up to 100,000,000; huggingface_hub and its JavaScript library
// read up to 25,000,000.
func (f *File) HeaderSize() int64 {
	size := int64(0)
	for _, s := range f.shards {
		size = max(size, s.layout.data-8)
	}
	return size
}

// Path is the path that the file was opened with, or the name that NewFile was given.
func (f *File) Path() string { return f.path }

// Folder reports whether the model is one of a folder, opened by it or by an index in it: what is
// made of it is a folder too.
func (f *File) Folder() bool { return f.folder != nil }

// Close closes files that were opened by their path. It does nothing to the reader of NewFile.
func (f *File) Close() error {
	var errs []error
	for _, s := range f.shards {
		if s.closer != nil {
			errs = append(errs, s.closer.Close())
		}
	}
	return errors.Join(errs...)
}

// is reports whether a file is one of the model's, its index and configuration too.
func (f *File) is(info os.FileInfo) bool {
	if in := f.folder; in != nil {
		for _, name := range []string{in.index, configName} {
			beside, err := os.Stat(filepath.Join(in.path, name))
			if err == nil && name != "" && os.SameFile(info, beside) {
				return true
			}
		}
	}
	return slices.ContainsFunc(f.shards, func(s *shard) bool { return os.SameFile(info, s.info) })
}

// Reader returns the bytes of a tensor as they are in the file. Should the file have shrunk, they
// end early.
func (f *File) Reader(name string) (*io.SectionReader, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(e.in.r, e.in.layout.data+e.begin, e.Bytes), nil
}

// Floats returns the values of a tensor of dtype F64, F32, F16, BF16, F8_E4M3 or F8_E5M2, times
// their scales where it has any. Values of F64 are rounded to nearest even. A finite one beyond the
// largest float32 becomes that, one that is not 0 and below the least becomes the least, so that it
// shows that it was there.
func (f *File) Floats(ctx context.Context, name string) ([]float32, error) {
	return f.floats(ctx, name, nil)
}

// floats is Floats, unless the checksum of what is read is not that of sums; nil: whatever it is.
func (f *File) floats(ctx context.Context, name string, sums map[string]uint64) (
	[]float32, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	if e.scales != nil {
		if err := f.checkScales(e); err != nil {
			return nil, err
		}
	}
	var read [][]float32
	for _, part := range e.together() {
		sum, to := xxh3.New(), io.Discard // which takes no time
		if sums != nil {
			to = sum
		}
		values, err := f.values(ctx, part, to)
		if err != nil {
			return nil, err
		}
		if sums != nil && sum.Sum64() != sums[part.Name] {
			return nil, part.corrupt(notItsChecksum)
		}
		read = append(read, values)
	}
	if e.scales != nil {
		err = f.scale(ctx, e, read[0], read[1])
	}
	return read[0], err
}

// values returns what a tensor of the file holds, and writes its bytes to a sum of them.
func (f *File) values(ctx context.Context, e *entry, sum io.Writer) ([]float32, error) {
	kind := dtype.Of(e.DType)
	if !kind.Float() && (e.scaled == nil || !kind.Scale()) {
		return nil, atTensor(e.in.path, e.Name, fmt.Errorf(
			"dtype %s is not one of F64, F32, F16, BF16, F8_E4M3 and F8_E5M2", e.DType))
	}
	if e.Elements() > math.MaxInt/4 {
		return nil, atTensor(e.in.path, e.Name, fmt.Errorf(
			"%d values: more than a %d-bit program can hold", e.Elements(), strconv.IntSize))
	}
	values := make([]float32, 0, e.Elements())
	err := f.chunks(ctx, e, func(chunk []byte) error {
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
	return &f.entries[i]
}

// corrupt is an error about the data of a tensor.
func (e *entry) corrupt(reason string) *CorruptError {
	return &CorruptError{
		Path: e.in.path, Tensor: e.Name, Offset: e.in.layout.data + e.begin, Reason: reason,
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
		return e.corrupt(reason)
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
			return atTensor(e.in.path, e.Name, err)
		}
		chunk := buffer[:min(e.Bytes-done, int64(len(buffer)))]
		offset := e.in.layout.data + e.begin + done
		n, err := e.in.r.ReadAt(chunk, offset)
		if n < len(chunk) {
			return at(e.in.path, shrunk(e.Name, offset+int64(n), err))
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
