package entropy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/kernels"
)

// trellises are those that a stream can name, by log2 of their states.
var trellises = map[byte]*kernels.Trellis{2: kernels.Trellis4, 3: kernels.Trellis8,
	5: kernels.Trellis32}

// TrellisOf returns the trellis of 4, 8 or 32 states, nil for another number.
func TrellisOf(states int) *kernels.Trellis {
	for memory, t := range trellises {
		if states == 1<<memory {
			return t
		}
	}
	return nil
}

// classBits is what a code of a row or column takes.
const classBits = 5

// Append appends a stream to dst, as FORMAT.md specifies it: trellis, classes and tables, then the
// encoded blocks.
func (c *Coder) Append(dst []byte, blocks [][]byte) []byte {
	for memory, t := range trellises {
		if t == c.Trellis {
			dst = append(dst, memory)
		}
	}
	dst = append(dst, c.Zero, byte(c.Classes.Low), byte(c.Classes.Count))
	dst = binary.AppendUvarint(dst, uint64(c.BlockRows))
	for _, codes := range [][]byte{c.Classes.Rows, c.Classes.Cols} {
		dst = append(dst, bitstream.Pack(codes, 1, len(codes), classBits)...)
	}
	for _, t := range c.Tables {
		dst = append(dst, t.Max)
		dst = append(append(dst, t.Knots[0]...), t.Knots[1]...)
	}
	for _, b := range blocks {
		dst = binary.AppendUvarint(dst, uint64(len(b)))
	}
	for _, b := range blocks {
		dst = append(dst, b...)
	}
	return dst
}

// levelsPerByte is more than any byte of a stream holds: no level takes less than the 0.00066 bits
// of one of 4094 among 4096, with the coder's rounding taken off.
const levelsPerByte = 1 << 14

// Fits reports whether a stream of this many bytes can hold a matrix of this shape. If so, the
// memory that Parse and Decode need is in proportion to the bytes, whatever shape a file claims.
func Fits(bytes, rows, cols int) bool {
	return rows > 0 && cols > 0 && uint64(cols) <= levelsPerByte*uint64(bytes)/uint64(rows) &&
		uint64(rows)*uint64(cols) <= math.MaxInt
}

// Parse is the inverse of Append for a matrix of this shape. The blocks are slices of data.
// Whatever data holds, what it returns is safe to decode.
func Parse(data []byte, rows, cols int) (*Coder, [][]byte, error) {
	if !Fits(len(data), rows, cols) {
		return nil, nil, errHead
	}
	in := input{data: data}
	c := &Coder{Trellis: trellises[in.byte()], Zero: in.byte()}
	c.Classes.Low, c.Classes.Count = int(in.byte()), int(in.byte())
	blockRows := in.uvarint()
	c.Classes.Rows, c.Classes.Cols = in.codes(rows), in.codes(cols)
	switch {
	case in.err != nil:
		return nil, nil, in.err
	case c.Trellis == nil:
		return nil, nil, fmt.Errorf("no trellis has 2^%d states", data[0])
	case blockRows < 1 || blockRows > uint64(rows):
		return nil, nil, fmt.Errorf("blocks of %d rows in %d", blockRows, rows)
	case c.Classes.Count < 1 || c.Classes.Low+c.Classes.Count > MaxClassCode+1:
		return nil, nil, fmt.Errorf("%d classes from %d on", c.Classes.Count, c.Classes.Low)
	}
	c.BlockRows = int(blockRows)
	for i := range c.Classes.Count {
		t := Table{Max: in.byte()}
		if in.err == nil && (t.Max < leastMax || t.Max > MaxLevel) {
			return nil, nil, fmt.Errorf("class %d has levels up to %d", i, t.Max)
		}
		for parity := range t.Knots {
			t.Knots[parity] = in.bytes(uint64(len(knots(nil, members(t.Max, parity)))))
		}
		c.Tables = append(c.Tables, t)
	}
	if c.Blocks() > len(in.data) { // each has a length
		return nil, nil, errHead
	}
	sizes := make([]uint64, c.Blocks())
	for i := range sizes {
		sizes[i] = in.uvarint()
	}
	blocks := make([][]byte, len(sizes))
	for i, size := range sizes {
		blocks[i] = in.bytes(size)
	}
	switch {
	case in.err != nil:
		return nil, nil, in.err
	case len(in.data) != 0:
		return nil, nil, errLong
	}
	return c, blocks, nil
}

var (
	errHead    = errors.New("the stream ends early")
	errPadding = errors.New("the padding of codes is not zero")
	errNumber  = errors.New("a number that takes more bytes than it needs, or overflows")
)

// input is read from its front. After an error it yields zeros.
type input struct {
	data []byte
	err  error // the first
}

func (in *input) fail(err error) {
	if in.data = nil; in.err == nil {
		in.err = err
	}
}

func (in *input) bytes(n uint64) []byte {
	if n > uint64(len(in.data)) {
		in.fail(errHead)
		return nil
	}
	b := in.data[:n]
	in.data = in.data[n:]
	return b
}

func (in *input) byte() byte {
	if b := in.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *input) uvarint() uint64 {
	v, n, err := Uvarint(in.data)
	if err != nil {
		in.fail(err)
		return 0
	}
	in.data = in.data[n:]
	return v
}

// Uvarint is binary.Uvarint that fails on a number in more bytes than it needs: it returns the
// number at the front of data and how many bytes it takes.
func Uvarint(data []byte) (v uint64, n int, err error) {
	v, n = binary.Uvarint(data)
	switch {
	case n == 0:
		return 0, 0, errHead
	case n < 0 || n > 1 && data[n-1] == 0:
		return 0, 0, errNumber
	}
	return v, n, nil
}

func (in *input) codes(n int) []byte {
	packed := in.bytes(uint64(bitstream.RowBytes(n, classBits)))
	if packed == nil {
		return nil
	}
	codes, err := bitstream.Unpack[byte](packed, 1, n, classBits)
	if err != nil {
		in.fail(errPadding)
	}
	return codes
}
