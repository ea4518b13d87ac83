package format

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// Codebook is an open compressed model, in one codebook file or in several, whose headers and
// checksums have been checked. Its methods may be called at the same time. It implements
// [codebook.Store]. What was a stack is there as its slices, see [File].
type Codebook struct {
	file    *File
	version int // of the format: the newest of the files
	sums    map[string]uint64
	layers  []*stored // in the order of the file
	names   map[string]*stored
	rest    []codebook.Tensor // no layers, as in the original
	without map[string]bool   // names of rest

	narrowed map[string]string // original dtypes of the tensors that are kept as F16, by name
	stacks   map[string]int    // tensors of the original that are stored as so many slices, by name
}

// OpenCodebook opens a codebook file, or several of one model by their index or their folder. It
// reads all of it once, a piece at a time, and refuses it when any bit is not as it was written. A
// safetensors file that is none is [ErrNotCodebook], one of a version to come a [VersionError], a
// damaged one a [CorruptError].
func OpenCodebook(ctx context.Context, path string) (*Codebook, error) {
	f, err := open(path, codebookExt, modelExt)
	if err != nil {
		return nil, err
	}
	c, err := newCodebook(ctx, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// OpenModel opens a codebook file, as OpenCodebook does, or any other that Open does, whose
// matrices are then multiplied as they are: the same program runs a model compressed and as it was.
// Of a folder that has both it takes the codebook file. Closing the model closes the file.
func OpenModel(ctx context.Context, path string, opts codebook.RunOptions) (
	*codebook.Model, error) {
	f, err := open(path, codebookExt, modelExt)
	if err != nil {
		return nil, err
	}
	if !IsCodebook(f) {
		return codebook.NewModel(plain{f}, opts), nil
	}
	c, err := newCodebook(ctx, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return codebook.NewModel(c, opts), nil
}

// plain is a model without layers.
type plain struct{ *File }

func (plain) Layers() []string { return nil }

func (plain) Original(string) codebook.Tensor { return codebook.Tensor{} }

func (p plain) Stored(_ context.Context, layer string, _ func(*codebook.Layer) error) error {
	return atTensor(p.path, layer, codebook.ErrNoTensor)
}

func (p plain) Rest() codebook.Source { return p.File }

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
	c := &Codebook{
		file: f, names: make(map[string]*stored), narrowed: make(map[string]string),
		sums: make(map[string]uint64), stacks: make(map[string]int),
		without: make(map[string]bool),
	}
	parts := make(map[string]bool)
	for _, s := range f.shards {
		if err := c.checkHeader(s); err != nil {
			return nil, err
		}
		if err := c.readRecords(s, parts); err != nil {
			return nil, err
		}
	}
	c.findRest(parts)
	if err := c.checkStacks(); err != nil {
		return nil, err
	}
	for i := range f.entries {
		e := &f.entries[i]
		sum, err := f.checksum(ctx, e, e.DType)
		if err != nil {
			return nil, err
		}
		if sum != c.sums[e.Name] {
			return nil, e.corrupt(notItsChecksum)
		}
	}
	return c, nil
}

const notItsChecksum = "the data does not match its checksum"

func (s *shard) corruptHeader(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &CorruptError{
		Path: s.path, Tensor: header, Offset: 8, Reason: err.Error(), Err: errors.Unwrap(err),
	}
}

// checkHeader checks the header of a file as a whole: first its checksum, which every version has,
// then the version, so that a newer file is told from a damaged one.
func (c *Codebook) checkHeader(s *shard) error {
	l := s.layout
	switch want, ok := l.metadata[headerKey]; {
	case !l.plain:
		return s.corruptHeader("has white space or escapes that no writer uses")
	case !ok:
		return s.corruptHeader("lacks %s", headerKey)
	case want != headerChecksum(l.entries, l.metadata):
		return s.corruptHeader("does not match its checksum")
	}
	version, err := strconv.Atoi(l.metadata[versionKey])
	if err != nil || version < 1 || version > newestVersion ||
		strconv.Itoa(version) != l.metadata[versionKey] {
		return &VersionError{s.path, l.metadata[versionKey], l.metadata[producerKey], newestVersion}
	}
	s.version, c.version = version, max(c.version, version)
	if text, ok := l.metadata[blockKey]; ok {
		if version == 1 {
			return s.corruptHeader("has %s, which version 1 has not", blockKey)
		}
		if c.file.block, err = parseBlock(text); err != nil {
			return s.corruptHeader("%s: %w", blockKey, err)
		}
	}
	sums, err := decodeChecksums(l.metadata[checksumsKey], l.entries)
	if err != nil {
		return s.corruptHeader("%s %w", checksumsKey, err)
	}
	maps.Copy(c.sums, sums)
	return nil
}

// readRecords finds the layers of a file, and adds the names of their parts.
func (c *Codebook) readRecords(s *shard, parts map[string]bool) error {
	find := func(name string) *entry {
		if e := c.file.find(name); e != nil && e.in == s {
			return e
		}
		return nil
	}
	var layers []*stored
	for key, text := range s.layout.metadata {
		name, ok := strings.CutPrefix(key, layerPrefix)
		if !ok {
			if strings.HasPrefix(key, ourPrefix) && !slices.Contains(ourKeys, key) {
				return s.corruptHeader("unknown key %s", quote(key))
			}
			continue
		}
		if c.file.find(name) != nil || c.names[name] != nil {
			return s.corruptHeader("layer %s is there as a tensor too", quote(name))
		}
		l, err := newStored(name, text, find)
		if err != nil {
			return s.corruptHeader("layer %s: %w", quote(name), err)
		}
		if why := secondVersion(l.tensor); s.version == 1 && why != "" {
			return s.corruptHeader("layer %s: has %s, which version 1 has not", quote(name), why)
		}
		layers = append(layers, l)
		c.names[name] = l
		for _, p := range l.parts {
			parts[p.Name] = true
		}
	}
	slices.SortFunc(layers, func(a, b *stored) int {
		return cmp.Compare(find(a.parts[0].Name).begin, find(b.parts[0].Name).begin)
	})
	c.layers = append(c.layers, layers...)
	if err := c.readNarrowed(s, find); err != nil {
		return err
	}
	return c.readStacks(s)
}

// findRest finds what is no part of a layer.
func (c *Codebook) findRest(parts map[string]bool) {
	for _, t := range c.file.Tensors() {
		if parts[t.Name] {
			continue
		}
		if was, ok := c.narrowed[t.Name]; ok {
			t.DType = was
			t.Bytes, _ = dtype.Of(was).Size(t.Shape)
		}
		c.rest = append(c.rest, t)
		c.without[t.Name] = true
	}
}

// originals lists the tensors of the original, of a stack its slices.
func (c *Codebook) originals() []codebook.Tensor {
	tensors := slices.Clone(c.rest)
	for _, s := range c.layers {
		tensors = append(tensors, s.tensor)
	}
	return tensors
}

// readNarrowed finds the tensors of a file that are kept as F16. Parts of layers are of another
// dtype.
func (c *Codebook) readNarrowed(s *shard, find func(string) *entry) error {
	text, ok := s.layout.metadata[narrowedKey]
	if !ok {
		return nil
	}
	if s.version == 1 {
		return s.corruptHeader("has %s, which version 1 has not", narrowedKey)
	}
	narrowed, err := parseObject(text, (*scanner).string)
	if err != nil {
		return s.corruptHeader("%s: %w", narrowedKey, err)
	}
	for _, name := range slices.Sorted(maps.Keys(narrowed)) {
		if why := notNarrowed(find(name), narrowed[name]); why != "" {
			return s.corruptHeader("%s: tensor %s %s", narrowedKey, quote(name), why)
		}
	}
	maps.Copy(c.narrowed, narrowed)
	return nil
}

// notNarrowed says why a tensor cannot be one that was of this dtype and is kept as F16, "" if it
// can.
func notNarrowed(e *entry, was string) string {
	if e == nil {
		return "is missing"
	}
	if e.scaled != nil {
		return fmt.Sprintf("has the scales of %s", quote(e.scaled.Name))
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

// Size is the size of the file, or of all its files, in bytes.
func (c *Codebook) Size() int64 { return c.file.Size() }

// Folder reports whether the files are in a folder that was opened, see [File.Folder].
func (c *Codebook) Folder() bool { return c.file.Folder() }

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
		corrupt := c.file.find(s.parts[0].Name).corrupt(err.Error())
		corrupt.Tensor, corrupt.Err = s.tensor.Name, err
		return nil, corrupt
	}
	return l, nil
}

// Rest returns the tensors that have no layer, under their own names and of their original dtypes.
func (c *Codebook) Rest() codebook.Source { return rest{c} }

type rest struct{ c *Codebook }

func (r rest) Tensors() []codebook.Tensor { return slices.Clone(r.c.rest) }

func (r rest) Floats(ctx context.Context, name string) ([]float32, error) {
	file := r.c.file
	if !r.c.without[name] {
		return nil, atTensor(file.path, name,
			fmt.Errorf("%w among those without a layer", codebook.ErrNoTensor))
	}
	return file.floats(ctx, name, r.c.sums)
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
	if l.K() != s.k {
		return e.corrupt(fmt.Sprintf("not the %d centroids that the record says", s.k))
	}
	return use(l)
}
