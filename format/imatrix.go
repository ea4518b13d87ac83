package format

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// Importance matrices of llama.cpp (tools/imatrix), in the older form: E[x^2] for each input column
// of a tensor. All numbers are int32 in little-endian order.
//
//	number of entries
//	each entry:  length of the name, name, calls, number of values,
//	             values (float32): calls * E[x^2]
//	at the end:  calls of the whole, length of a file name, file name;
//	             files of older versions lack all or the last two
//
// Versions before 2025 counted chunks of tokens: their values are too large by a factor that is the
// same for all.

// maxName is the length of a name up to which it is believed. ggml's own limit is 64.
const maxName = 1024

// looksLikeImatrix reports whether a file that begins like this may be an importance matrix of the
// older form. No safetensors file does: its header would be of more than 4 GB.
func looksLikeImatrix(start [8]byte) bool {
	entries, name := binary.LittleEndian.Uint32(start[:]), binary.LittleEndian.Uint32(start[4:])
	return 0 < entries && entries <= maxEntries && 0 < name && name <= maxName
}

// scanImatrix reads the names, and where their values are. counts has the calls of each.
func scanImatrix(r io.ReaderAt, size int64) (entries []entry, counts map[string][]float64,
	err error) {
	c := newCursor(r, size)
	counts = make(map[string][]float64)
	n := c.count("entries", maxEntries)
	for range n {
		start := c.pos
		name := c.text(uint64(c.u32()))
		calls, values := c.count("calls", math.MaxInt32), c.count("values", math.MaxInt32)
		e := importance(name, []int{int(values)}, c.pos)
		c.skip(uint64(e.Bytes))
		switch _, twice := counts[name]; {
		case c.err != nil:
			return nil, nil, c.err
		case values == 0:
			return nil, nil, &CorruptError{Tensor: name, Offset: start, Reason: "has no values"}
		case twice:
			return nil, nil, &CorruptError{Tensor: name, Offset: start, Reason: "is there twice"}
		}
		entries = append(entries, e)
		// The first versions wrote 0 where they had not counted.
		counts[name] = []float64{float64(max(calls, 1))}
	}
	if c.pos < size {
		c.u32()
	}
	if c.pos < size {
		c.skip(uint64(c.count("bytes of a file name", maxHeader)))
	}
	if c.err == nil && c.pos < size {
		c.fail("%d bytes after the end", size-c.pos)
	}
	return entries, counts, c.err
}

// importance is the entry of a tensor F32 that begins at this place in the file.
func importance(name string, shape []int, begin int64) entry {
	t := codebook.Tensor{Name: name, DType: dtype.F32, Shape: shape, Bytes: 4}
	e := entry{Tensor: t, begin: begin}
	for _, d := range shape {
		e.Bytes *= int64(d)
	}
	e.end = begin + e.Bytes
	return e
}

// cursor reads a header piece by piece. Lengths in it are claims: each is held against the bytes
// that are left before anything is done with it. After the first error all that it reads is 0.
type cursor struct {
	r    io.ReaderAt
	b    *bufio.Reader
	pos  int64
	size int64
	err  error
}

func newCursor(r io.ReaderAt, size int64) *cursor {
	return &cursor{r: r, b: bufio.NewReader(io.NewSectionReader(r, 0, size)), size: size}
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = &CorruptError{Tensor: header, Offset: c.pos, Reason: fmt.Sprintf(format, args...)}
	}
}

// room reports whether n more bytes are there.
func (c *cursor) room(n uint64) bool {
	if left := uint64(c.size - c.pos); n > left {
		c.fail("claims %d more bytes, the file has %d", n, left)
	}
	return c.err == nil
}

func (c *cursor) read(dst []byte) {
	if !c.room(uint64(len(dst))) {
		return
	}
	n, err := io.ReadFull(c.b, dst)
	c.pos += int64(n)
	if err != nil {
		clear(dst)
		c.err = shrunk(header, c.pos, err)
	}
}

func (c *cursor) u32() uint32 {
	var b [4]byte
	c.read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

func (c *cursor) u64() uint64 {
	var b [8]byte
	c.read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// count reads an int32 from 0 to most.
func (c *cursor) count(what string, most int32) int32 {
	n := int32(c.u32())
	if n < 0 || n > most {
		c.fail("claims %d %s, expected 0 to %d", n, what, most)
		return 0
	}
	return n
}

// text reads a name of n bytes.
func (c *cursor) text(n uint64) string {
	if n == 0 || n > maxName {
		c.fail("a name of %d bytes, expected 1 to %d", n, maxName)
		return ""
	}
	b := make([]byte, n)
	c.read(b)
	return string(b)
}

// skip leaves out n bytes.
func (c *cursor) skip(n uint64) {
	if !c.room(n) {
		return
	}
	c.pos += int64(n)
	if n <= uint64(c.b.Buffered()) {
		_, _ = c.b.Discard(int(n)) // cannot fail: they are there
		return
	}
	c.b.Reset(io.NewSectionReader(c.r, c.pos, c.size-c.pos))
}
