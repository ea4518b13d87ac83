package format

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// Codebook is an open codebook file whose header and checksums have been checked. Its methods may
// be called at the same time. It implements [codebook.Store].
type Codebook struct {
	file    *File
	version int // of the format
	sums    map[string]uint64
	layers  []*stored // in the order of the file
	names   map[string]*stored
	rest    []codebook.Tensor // no layers, as in the original

	narrowed map[string]string // original dtypes of the tensors that are kept as F16, by name
}

// OpenCodebook opens a codebook file. It reads the whole file once, a piece at a time, and refuses
// it when any bit is not as it was written. A safetensors file that is none is [ErrNotCodebook],
// one of a version to come a [VersionError], a damaged one a [CorruptError].
func OpenCodebook(ctx context.Context, path string) (*Codebook, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	c, err := newCodebook(ctx, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// NewCodebook is OpenCodebook for a file of this size that is read from r. Messages call it by the
// name. r is not closed.
func NewCodebook(ctx context.Context, r io.ReaderAt, size int64, name string) (*Codebook, error) {
	f, err := NewFile(r, size, name)
	if err != nil {
		return nil, err
	}
	return newCodebook(ctx, f)
}

func newCodebook(ctx context.Context, f *File) (*Codebook, error) {
	if !IsCodebook(f) {
		return nil, at(f.path, ErrNotCodebook)
	}
	c := &Codebook{file: f, names: make(map[string]*stored)}
	if err := c.checkHeader(); err != nil {
		return nil, err
	}
	if err := c.readRecords(); err != nil {
		return nil, err
	}
	for i := range f.layout.entries {
		e := &f.layout.entries[i]
		sum, err := f.checksum(ctx, e, e.DType)
		if err != nil {
			return nil, err
		}
		if sum != c.sums[e.Name] {
			return nil, f.corrupt(e, notItsChecksum)
		}
	}
	return c, nil
}

const notItsChecksum = "the data does not match its checksum"

func (c *Codebook) corruptHeader(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &CorruptError{
		Path: c.file.path, Tensor: header, Offset: 8, Reason: err.Error(), Err: errors.Unwrap(err),
	}
}

// checkHeader checks the header as a whole: first its checksum, which every version has, then the
// version, so that a newer file is told from a damaged one.
func (c *Codebook) checkHeader() error {
	l := c.file.layout
	switch want, ok := l.metadata[headerKey]; {
	case !l.plain:
		return c.corruptHeader("has white space or escapes that no writer uses")
	case !ok:
		return c.corruptHeader("lacks %s", headerKey)
	case want != headerChecksum(l.entries, l.metadata):
		return c.corruptHeader("does not match its checksum")
	}
	switch version := l.metadata[versionKey]; version {
	case "1":
		c.version = 1
	case "2":
		c.version = 2
	default:
		return &VersionError{c.file.path, version, l.metadata[producerKey], newestVersion}
	}
	var err error
	if c.sums, err = decodeChecksums(l.metadata[checksumsKey], l.entries); err != nil {
		return c.corruptHeader("%s %w", checksumsKey, err)
	}
	return nil
}

// readRecords finds the layers and what is no part of one.
func (c *Codebook) readRecords() error {
	find := c.file.find
	parts := make(map[string]bool)
	for key, text := range c.file.layout.metadata {
		name, ok := strings.CutPrefix(key, layerPrefix)
		if !ok {
			if strings.HasPrefix(key, ourPrefix) && !slices.Contains(ourKeys, key) {
				return c.corruptHeader("unknown key %s", quote(key))
			}
			continue
		}
		if find(name) != nil {
			return c.corruptHeader("layer %s is there as a tensor too", quote(name))
		}
		s, err := newStored(name, text, find)
		if err != nil {
			return c.corruptHeader("layer %s: %w", quote(name), err)
		}
		if c.version == 1 && s.tensor.Fold != 1 {
			return c.corruptHeader("layer %s: has a fold, which version 1 has not", quote(name))
		}
		c.layers = append(c.layers, s)
		c.names[name] = s
		for _, p := range s.parts {
			parts[p.Name] = true
		}
	}
	slices.SortFunc(c.layers, func(a, b *stored) int {
		return cmp.Compare(find(a.parts[0].Name).begin, find(b.parts[0].Name).begin)
	})
	if err := c.readNarrowed(); err != nil {
		return err
	}
	for _, t := range c.file.Tensors() {
		if parts[t.Name] {
			continue
		}
		if was, ok := c.narrowed[t.Name]; ok {
			t.DType = was
			t.Bytes, _ = dtype.Of(was).Size(t.Shape)
		}
		c.rest = append(c.rest, t)
	}
	return nil
}

// readNarrowed finds the tensors that are kept as F16. Parts of layers are of another dtype.
func (c *Codebook) readNarrowed() error {
	text, ok := c.file.layout.metadata[narrowedKey]
	if !ok {
		return nil
	}
	if c.version == 1 {
		return c.corruptHeader("has %s, which version 1 has not", narrowedKey)
	}
	var err error
	if c.narrowed, err = parseNarrowed(text); err != nil {
		return c.corruptHeader("%s: %w", narrowedKey, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.narrowed)) {
		if why := c.notNarrowed(name, c.narrowed[name]); why != "" {
			return c.corruptHeader("%s: tensor %s %s", narrowedKey, quote(name), why)
		}
	}
	return nil
}

// notNarrowed says why a tensor cannot be one that was of this dtype and is kept as F16, "" if it
// can.
func (c *Codebook) notNarrowed(name, was string) string {
	e := c.file.find(name)
	if e == nil {
		return "is missing"
	}
	original := codebook.Tensor{DType: was, Shape: e.Shape}
	switch _, err := dtype.Of(was).Size(e.Shape); {
	case e.DType != dtype.F16:
		return fmt.Sprintf("is %s, expected F16", describe(e.Tensor))
	case !original.Wide():
		return fmt.Sprintf("was %s, expected F32 or F64", quote(was))
	case err != nil:
		return fmt.Sprintf("was %s: %v", describe(original), err)
	}
	return ""
}

// Close closes a file that was opened by its path. It does nothing to the reader of NewCodebook.
func (c *Codebook) Close() error { return c.file.Close() }

// Path is the path that the file was opened with, or the name that NewCodebook was given.
func (c *Codebook) Path() string { return c.file.path }

// Size is the size of the file in bytes.
func (c *Codebook) Size() int64 { return c.file.size }

// Layers returns the names of the layers in the order of the file.
func (c *Codebook) Layers() []string {
	names := make([]string, len(c.layers))
	for i, s := range c.layers {
		names[i] = s.tensor.Name
	}
	return names
}

// Layer reads a layer, and returns what the header says of it too.
func (c *Codebook) Layer(ctx context.Context, name string) (*codebook.Layer, LayerInfo, error) {
	s, err := c.named(name)
	if err != nil {
		return nil, LayerInfo{}, err
	}
	l, err := c.layer(ctx, s)
	if err != nil {
		return nil, LayerInfo{}, err
	}
	return l, s.info(), nil
}

// named finds a layer.
func (c *Codebook) named(layer string) (*stored, error) {
	if s := c.names[layer]; s != nil {
		return s, nil
	}
	return nil, atTensor(c.file.path, layer,
		fmt.Errorf("%w among the layers", codebook.ErrNoTensor))
}

func (c *Codebook) layer(ctx context.Context, s *stored) (*codebook.Layer, error) {
	parts := make(map[string][]byte, len(s.parts))
	for _, p := range s.parts {
		e, err := c.file.entry(p.Name)
		if err != nil {
			return nil, err
		}
		data := make([]byte, e.Bytes)
		err = c.file.verified(ctx, e, e.DType, data, c.sums[p.Name], notItsChecksum)
		if err != nil {
			return nil, err
		}
		parts[p.Name] = data
	}
	l, err := s.decode(parts)
	if err != nil {
		return nil, &CorruptError{
			Path: c.file.path, Tensor: s.tensor.Name, Reason: err.Error(), Err: err,
			Offset: c.file.layout.data + c.file.find(s.parts[0].Name).begin,
		}
	}
	return l, nil
}

// Rest returns the tensors that have no layer, under their own names and of their original dtypes.
func (c *Codebook) Rest() codebook.Source { return rest{c} }

type rest struct{ c *Codebook }

func (r rest) Tensors() []codebook.Tensor { return slices.Clone(r.c.rest) }

func (r rest) Floats(ctx context.Context, name string) ([]float32, error) {
	file := r.c.file
	if !slices.ContainsFunc(r.c.rest, func(t codebook.Tensor) bool { return t.Name == name }) {
		return nil, atTensor(file.path, name,
			fmt.Errorf("%w among those without a layer", codebook.ErrNoTensor))
	}
	sum := xxh3.New()
	values, err := file.floats(ctx, name, sum)
	if err != nil {
		return nil, err
	}
	if sum.Sum64() != r.c.sums[name] {
		return nil, file.corrupt(file.find(name), notItsChecksum)
	}
	return values, nil
}

// Original describes the tensor that a layer stands for; it has no name where there is no layer.
func (c *Codebook) Original(layer string) codebook.Tensor {
	if s := c.names[layer]; s != nil {
		return s.tensor
	}
	return codebook.Tensor{}
}

// streams are buffers for the data of layers, which take as much as a tenth of what they become.
var streams = sync.Pool{New: func() any { return new([]byte) }}

// Stored calls use with a layer that is not decoded where it is of scheme trellis, and valid until
// use returns.
func (c *Codebook) Stored(ctx context.Context, layer string,
	use func(l *codebook.Layer) error) error {
	s, err := c.named(layer)
	if err != nil {
		return err
	}
	if s.record.K == 0 {
		l, err := c.layer(ctx, s)
		if err != nil {
			return err
		}
		return use(l)
	}
	e, err := c.file.entry(s.parts[0].Name)
	if err != nil {
		return err
	}
	buffer := streams.Get().(*[]byte)
	defer streams.Put(buffer)
	*buffer = slices.Grow((*buffer)[:0], int(e.Bytes))[:e.Bytes]
	err = c.file.verified(ctx, e, e.DType, *buffer, c.sums[e.Name], notItsChecksum)
	if err != nil {
		return err
	}
	l := s.layer()
	l.Stream = *buffer
	if len(l.Stream) < 2 || int(l.Stream[1])+1 != s.k {
		return c.file.corrupt(e, fmt.Sprintf("not the %d centroids that the record says", s.k))
	}
	return use(l)
}
