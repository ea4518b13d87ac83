package format

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
)

// In the metadata of an attention file: its version.
const (
	attentionKey     = "palettize_attention"
	attentionVersion = "1"
)

// What the tensors of an Attention have behind its name.
const (
	partCentroids   = ".centroids"
	partScales      = ".scales"
	partZeros       = ".zeros"
	partStep        = ".step"
	partQueries     = ".queries"
	partQueryScales = ".query_scales"
)

// EncodeAttention returns an attention file, see FORMAT.md: each head of attention under its name,
// for [WriteFile].
func EncodeAttention(ctx context.Context, heads map[string]*codebook.Attention) ([]byte, error) {
	var blobs []blob
	add := func(name, dtype string, values any, shape ...int) error {
		data, err := binary.Append(nil, binary.LittleEndian, values)
		if err != nil {
			return err
		}
		blobs = append(blobs, blob{
			Tensor: codebook.Tensor{Name: name, DType: dtype, Shape: shape, Bytes: int64(len(data))},
			load:   func(_ context.Context, dst []byte) error { copy(dst, data); return nil },
		})
		return nil
	}
	for name, a := range heads {
		p := a.Parts()
		n := len(p.Scales)
		segments := (n + p.Width - 1) / p.Width
		err := errors.Join(
			add(name+partCentroids, "U8", p.Centroids, segments, codebook.MaxCentroids, p.Width),
			add(name+partScales, "F32", p.Scales, n),
			add(name+partZeros, "I32", p.Zeros, n),
			add(name+partStep, "F32", p.Step))
		if err == nil && p.Queries != nil {
			err = errors.Join(
				add(name+partQueries, "F32", p.Queries, codebook.MaxCentroids, n),
				add(name+partQueryScales, "F32", p.QueryScales, n))
		}
		if err != nil {
			return nil, err
		}
	}
	var data bytes.Buffer
	err := serialize(ctx, &data, blobs, map[string]string{attentionKey: attentionVersion})
	return data.Bytes(), err
}

// ReadAttention reads an attention file and returns the heads by their names. Everything in it is
// checked.
func ReadAttention(ctx context.Context, path string) (map[string]*codebook.Attention, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	f = f.Whole()
	switch version, ok := f.Metadata()[attentionKey]; {
	case !ok:
		return nil, at(path, errors.New("is no attention file: its metadata does not have "+
			attentionKey))
	case version != attentionVersion:
		return nil, at(path, fmt.Errorf("attention file of version %s: this program reads version %s",
			quote(version), attentionVersion))
	}
	heads, parts := make(map[string]*codebook.Attention), 0
	for _, t := range f.Tensors() {
		name, ok := strings.CutSuffix(t.Name, partCentroids)
		if !ok {
			continue
		}
		r := attentionReader{ctx: ctx, f: f, head: name}
		p := r.parts()
		if r.err != nil {
			return nil, r.err
		}
		if heads[name], err = codebook.NewAttention(p, nil); err != nil {
			return nil, at(path, fmt.Errorf("head %s: %w", quote(name), err))
		}
		parts += r.read
	}
	if n := len(f.Tensors()); n != parts {
		return nil, at(path, fmt.Errorf("has %d tensors, of which %d are parts of heads", n, parts))
	}
	return heads, nil
}

// attentionReader reads the parts of a head, and keeps the first error.
type attentionReader struct {
	ctx  context.Context
	f    *File
	head string
	read int // tensors
	err  error
}

func (r *attentionReader) parts() (p codebook.AttentionParts) {
	const any = -1
	p.Scales = fromBytes[float32](r.part(partScales, "F32", any))
	n := len(p.Scales)
	p.Zeros = fromBytes[int32](r.part(partZeros, "I32", n))
	if step := fromBytes[float32](r.part(partStep, "F32")); len(step) == 1 {
		p.Step = step[0]
	}
	if p.Centroids = r.part(partCentroids, "U8", any, codebook.MaxCentroids, any); r.err == nil {
		p.Width = r.f.find(r.head + partCentroids).Shape[2]
	}
	if r.f.find(r.head+partQueries) != nil {
		p.Queries = fromBytes[float32](r.part(partQueries, "F32", codebook.MaxCentroids, n))
		p.QueryScales = fromBytes[float32](r.part(partQueryScales, "F32", n))
	}
	return p
}

// part returns the bytes of a tensor, which must have this dtype and shape; a dimension of -1 may
// be any.
func (r *attentionReader) part(part, dtype string, shape ...int) []byte {
	if r.err != nil {
		return nil
	}
	var e *entry
	if e, r.err = r.f.entry(r.head + part); r.err != nil {
		return nil
	}
	same := func(is, want int) bool { return is == want || want < 0 }
	if e.DType != dtype || !slices.EqualFunc(e.Shape, shape, same) {
		r.err = atTensor(r.f.path, e.Name, fmt.Errorf("is %s, expected %s %s", describe(e.Tensor),
			dtype, strings.ReplaceAll(shapeText(shape), "-1", "any")))
		return nil
	}
	data := make([]byte, 0, e.Bytes)
	r.err = r.f.chunks(r.ctx, e, func(chunk []byte) error {
		data = append(data, chunk...)
		return nil
	})
	r.read++
	return data
}

// fromBytes returns values that are stored in four bytes each.
func fromBytes[T float32 | int32](data []byte) []T {
	values := make([]T, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil {
		panic(err) // of too few bytes, which cannot be
	}
	return values
}
