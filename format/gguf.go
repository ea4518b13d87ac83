package format

import (
	"fmt"
	"io"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/palettize/palettize/internal/dtype"
)

// Importance matrices of llama.cpp in GGUF (ggml's docs/gguf.md; tools/imatrix). For each tensor
// NAME the file has two of dtype F32, dimensions in ggml's order, the fastest first:
//
//	NAME.in_sum2  [cols, matrices]  sums of x^2 over tokens
//	NAME.counts   [1, matrices]     how many tokens
//
// matrices is 1 but for mixtures of experts, whose counts differ: 0 for experts that no token has
// reached.

const (
	ggufMagic     = "GGUF"
	ggufAlignment = "general.alignment"
	ggufSums      = ".in_sum2"
	ggufCounts    = ".counts"

	ggufU32    = 4 // types of values
	ggufString = 8
	ggufArray  = 9
	ggufF32    = 0 // a dtype
)

// ggufSizes are the bytes of the types of values, 0 for those whose length varies.
var ggufSizes = []uint64{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

// ggufTensor is what the header says of a tensor of sums or counts.
type ggufTensor struct {
	shape  []int // ggml's order, without the ones at the end
	offset uint64
	where  int64 // of the entry, in the file
}

// scanGGUF reads the names, and where their sums are. counts has the tokens of each. Tensors that
// no token has reached are left out: nothing is known of their inputs.
func scanGGUF(r io.ReaderAt, size int64) (entries []entry, counts map[string][]float64,
	err error) {
	c := newCursor(r, min(size, maxHeader))
	tensors, alignment := c.gguf()
	if c.err != nil {
		return nil, nil, c.err
	}
	data := uint64(c.pos) + (-uint64(c.pos))&(alignment-1)
	counts = make(map[string][]float64)
	room := size // for counts: wherever they claim to be, they take no more memory than the file
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		base, ok := strings.CutSuffix(name, ggufSums)
		if !ok {
			continue
		}
		sums := tensors[name]
		e, err := sums.entry(base, data, size)
		if err != nil {
			return nil, nil, err
		}
		matrices := e.Elements() / int64(max(1, e.Shape[len(e.Shape)-1]))
		count, err := tensors[base+ggufCounts].counts(r, base, matrices, data, size)
		if err != nil {
			return nil, nil, err
		}
		if room -= 4 * int64(len(count)); room < 0 {
			return nil, nil, &CorruptError{Tensor: base,
				Reason: "its counts are those of other tensors"}
		}
		if slices.Max(count) > 0 {
			entries = append(entries, e)
			counts[base] = count
		}
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("a GGUF file without an importance matrix: "+
			"no tensor named *%s was reached by a token", ggufSums)
	}
	return entries, counts, nil
}

// gguf reads the header up to where the data is aligned, and returns its tensors of sums and
// counts.
func (c *cursor) gguf() (tensors map[string]*ggufTensor, alignment uint64) {
	c.skip(uint64(len(ggufMagic)))
	switch version := c.u32(); {
	case c.err != nil:
	case version > 0 && version&0xffff == 0:
		c.fail("a GGUF file in big-endian order, expected little-endian")
	case version < 2 || version > 3:
		c.fail("GGUF version %d, expected 2 or 3", version)
	}
	n, keys := c.many("tensors"), c.many("keys")
	alignment = 32
	for range keys {
		if key, kind := c.key(), c.u32(); key == ggufAlignment && kind == ggufU32 {
			alignment = uint64(c.u32())
		} else {
			c.skipValue(kind)
		}
		if c.err != nil {
			return nil, 0
		}
	}
	if bits.OnesCount64(alignment) != 1 {
		c.fail("%s is %d, expected a power of two", ggufAlignment, alignment)
	}
	tensors = make(map[string]*ggufTensor)
	for range n {
		name, t := c.ggufTensor()
		if c.err == nil && tensors[name] != nil {
			c.fail("tensor %s is there twice", quote(name))
		}
		if c.err != nil {
			return nil, 0
		}
		tensors[name] = t
	}
	return tensors, alignment
}

// many reads a number of things.
func (c *cursor) many(what string) uint64 {
	n := c.u64()
	if n > maxEntries {
		c.fail("claims %d %s, the limit is %d", n, what, maxEntries)
		return 0
	}
	return n
}

// key reads a string that is perhaps too long to matter.
func (c *cursor) key() string {
	n := c.u64()
	if n == 0 || n > maxName {
		c.skip(n)
		return ""
	}
	return c.text(n)
}

// skipValue leaves out a value of a type. Arrays of arrays are not in use.
func (c *cursor) skipValue(kind uint32) {
	n := uint64(1)
	if kind == ggufArray {
		kind, n = c.u32(), c.u64()
	}
	if c.err != nil {
		return
	}
	if kind == ggufArray || kind >= uint32(len(ggufSizes)) {
		c.fail("a value of unknown type %d", kind)
		return
	}
	if kind != ggufString {
		hi, lo := bits.Mul64(n, ggufSizes[kind])
		if hi != 0 {
			lo = math.MaxUint64
		}
		c.skip(lo)
		return
	}
	for ; n > 0 && c.err == nil; n-- { // each takes 8 bytes or more
		c.skip(c.u64())
	}
}

// ggufTensor reads what the header says of one tensor.
func (c *cursor) ggufTensor() (string, *ggufTensor) {
	t := &ggufTensor{where: c.pos}
	name := c.text(c.u64())
	rank := c.u32()
	if rank > 4 {
		c.fail("tensor %s has %d dimensions, the limit is 4", quote(name), rank)
		return name, t
	}
	for range rank {
		d := c.u64()
		if d > math.MaxInt {
			c.fail("tensor %s has a dimension of %d", quote(name), d)
			return name, t
		}
		t.shape = append(t.shape, int(d))
	}
	for len(t.shape) > 1 && t.shape[len(t.shape)-1] == 1 {
		t.shape = t.shape[:len(t.shape)-1]
	}
	kind := c.u32()
	t.offset = c.u64()
	wanted := strings.HasSuffix(name, ggufSums) || strings.HasSuffix(name, ggufCounts)
	if c.err == nil && wanted && (kind != ggufF32 || len(t.shape) == 0) {
		c.fail("tensor %s has %d dimensions of type %d, expected F32, type 0",
			quote(name), len(t.shape), kind)
	}
	return name, t
}

// entry turns what the header says into an entry of this name, slowest dimension first, if the file
// holds all of it.
func (t *ggufTensor) entry(name string, data uint64, size int64) (entry, error) {
	shape := slices.Clone(t.shape)
	slices.Reverse(shape)
	bytes, err := dtype.Of(dtype.F32).Size(shape)
	at, carry := bits.Add64(data, t.offset, 0)
	if room := uint64(size); err == nil && (carry != 0 || at > room || uint64(bytes) > room-at) {
		err = fmt.Errorf("F32 %s at byte %d of the data, the file ends before",
			shapeText(shape), t.offset)
	}
	if err != nil {
		return entry{}, &CorruptError{Tensor: name, Offset: t.where, Reason: err.Error()}
	}
	return importance(name, shape, int64(at)), nil
}

// counts reads how many tokens a tensor has seen, or each of several matrices. A nil t is a tensor
// that is not there.
func (t *ggufTensor) counts(r io.ReaderAt, name string, matrices int64, data uint64,
	size int64) ([]float64, error) {
	if t == nil {
		return nil, &CorruptError{Tensor: name, Reason: "has sums and no counts"}
	}
	e, err := t.entry(name, data, size)
	if err != nil {
		return nil, err
	}
	n := e.Elements()
	if n == 0 || n != 1 && n != matrices {
		return nil, &CorruptError{Tensor: name, Offset: t.where,
			Reason: fmt.Sprintf("%d counts for %d matrices", n, matrices)}
	}
	b := make([]byte, e.Bytes)
	if n, err := io.ReadFull(io.NewSectionReader(r, e.begin, e.Bytes), b); err != nil {
		return nil, shrunk(name, e.begin+int64(n), err)
	}
	counts := make([]float64, n)
	for i, v := range dtype.Of(dtype.F32).Append(nil, b) {
		if !(v >= 0) || v > math.MaxFloat32 {
			return nil, &CorruptError{Tensor: name, Offset: e.begin + 4*int64(i),
				Reason: fmt.Sprintf("a count of %v", v)}
		}
		counts[i] = float64(v)
	}
	return counts, nil
}
