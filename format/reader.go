package format

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/palettize/palettize/codebook"
)

// Codebook is an open codebook file whose header and checksums have been checked. Its methods may be
// called at the same time.
type Codebook struct {
	file    *File
	version int // of the format
	sums    map[string]uint64
	layers  []*stored // in the order of the file
	names   map[string]*stored
	rest    []codebook.Tensor // no layers, as in the original

	narrowed map[string]string // original dtypes of the tensors that are kept as F16, by name
}

// OpenCodebook opens a codebook file. It reads the whole file once, a piece at a time, and refuses it
// when any bit is not as it was written.
func OpenCodebook(path string) (*Codebook, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	c, err := newCodebook(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

func newCodebook(f *File) (*Codebook, error) {
	if !IsCodebook(f) {
		return nil, fmt.Errorf("%s: is an ordinary safetensors file, not a codebook file "+
			"(palettize compress makes one of it)", f.path)
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
		sum, err := f.checksum(e, e.DType)
		if err != nil {
			return nil, err
		}
		if sum != c.sums[e.Name] {
			return nil, c.corrupt(e, notItsChecksum)
		}
	}
	return c, nil
}

const notItsChecksum = "the data does not match its checksum"

func (c *Codebook) corrupt(e *entry, reason string) error {
	return &CorruptError{Path: c.file.path, Tensor: e.Name, Offset: c.file.layout.data + e.begin, Reason: reason}
}

func (c *Codebook) corruptHeader(format string, args ...any) error {
	return &CorruptError{Path: c.file.path, Tensor: header, Offset: 8, Reason: fmt.Sprintf(format, args...)}
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
		return fmt.Errorf("%s: codebook file of version %s, made by %s: "+
			"this program reads versions 1 to %d, get a newer one",
			c.file.path, quote(version), quote(l.metadata[producerKey]), Version)
	}
	var err error
	if c.sums, err = decodeChecksums(l.metadata[checksumsKey], l.entries); err != nil {
		return c.corruptHeader("%s %v", checksumsKey, err)
	}
	return nil
}

// readRecords finds the layers and what is no part of one.
func (c *Codebook) readRecords() error {
	find := func(name string) *entry {
		e, err := c.file.entry(name)
		if err != nil {
			return nil
		}
		return e
	}
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
			return c.corruptHeader("layer %s: %v", quote(name), err)
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
		if dtype, ok := c.narrowed[t.Name]; ok {
			t.DType = dtype
			t.Bytes, _ = sizeOf(dtype, t.Shape)
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
		return c.corruptHeader("%s: %v", narrowedKey, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.narrowed)) {
		if why := c.notNarrowed(name, c.narrowed[name]); why != "" {
			return c.corruptHeader("%s: tensor %s %s", narrowedKey, quote(name), why)
		}
	}
	return nil
}

// notNarrowed says why a tensor cannot be one that had this dtype and is kept as F16, "" if it can.
func (c *Codebook) notNarrowed(name, dtype string) string {
	e, err := c.file.entry(name)
	if err != nil {
		return "is missing"
	}
	original := codebook.Tensor{DType: dtype, Shape: e.Shape}
	switch _, why := sizeOf(dtype, e.Shape); {
	case e.DType != "F16":
		return fmt.Sprintf("is %s, expected F16", describe(e.Tensor))
	case !original.Wide():
		return fmt.Sprintf("was %s, expected F32 or F64", quote(dtype))
	case why != "":
		return fmt.Sprintf("was %s: %s", describe(original), why)
	}
	return ""
}

// Close closes the file.
func (c *Codebook) Close() error { return c.file.Close() }

// Path is the path that the file was opened with.
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
func (c *Codebook) Layer(name string) (*codebook.Layer, LayerInfo, error) {
	s := c.names[name]
	if s == nil {
		return nil, LayerInfo{}, fmt.Errorf("%s: no layer %q", c.file.path, name)
	}
	l, err := c.layer(s)
	if err != nil {
		return nil, LayerInfo{}, err
	}
	return l, s.info(), nil
}

func (c *Codebook) layer(s *stored) (*codebook.Layer, error) {
	var failed error // in reading: it says where already
	l, err := s.decode(func(name string) ([]byte, error) {
		e, err := c.file.entry(name)
		if err != nil {
			return nil, err
		}
		data := make([]byte, e.Bytes)
		failed = c.file.verified(e, e.DType, data, c.sums[name], notItsChecksum)
		return data, failed
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		e, _ := c.file.entry(s.parts[0].Name)
		return nil, &CorruptError{Path: c.file.path, Tensor: s.tensor.Name, Offset: c.file.layout.data + e.begin, Reason: err.Error()}
	}
	return l, nil
}

// Rest returns the tensors that have no layer, under their own names and of their original dtypes.
func (c *Codebook) Rest() codebook.Source { return rest{c} }

type rest struct{ c *Codebook }

func (r rest) Tensors() []codebook.Tensor { return slices.Clone(r.c.rest) }

func (r rest) Floats(name string) ([]float32, error) {
	if !slices.ContainsFunc(r.c.rest, func(t codebook.Tensor) bool { return t.Name == name }) {
		return nil, fmt.Errorf("%s: no tensor %q without a layer", r.c.file.path, name)
	}
	values, sum, err := r.c.file.floats(name)
	if err != nil {
		return nil, err
	}
	if sum != r.c.sums[name] {
		e, _ := r.c.file.entry(name)
		return nil, r.c.corrupt(e, notItsChecksum)
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
// use returns. It makes a Codebook a [codebook.Store].
func (c *Codebook) Stored(layer string, use func(l *codebook.Layer) error) error {
	s := c.names[layer]
	if s == nil {
		return fmt.Errorf("%s: no layer %q", c.file.path, layer)
	}
	if s.record.K == 0 {
		l, err := c.layer(s)
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
	if err := c.file.verified(e, e.DType, *buffer, c.sums[e.Name], notItsChecksum); err != nil {
		return err
	}
	l := s.layer()
	l.Stream = *buffer
	if len(l.Stream) < 2 || int(l.Stream[1])+1 != s.k {
		return c.corrupt(e, fmt.Sprintf("not the %d centroids that the record says", s.k))
	}
	return use(l)
}
