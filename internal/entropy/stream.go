package entropy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/palettize/palettize/kernels"
)

// trellises are those that a stream can name, by log2 of their states.
var trellises = map[byte]*kernels.Trellis{2: kernels.Trellis4, 3: kernels.Trellis8, 5: kernels.Trellis32}

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

// Append appends a stream: what a decoder must know, then the encoded blocks. FORMAT.md specifies it.
func (c *Coder) Append(dst []byte, blocks [][]byte) []byte {
	for memory, t := range trellises {
		if t == c.Trellis {
			dst = append(dst, memory)
		}
	}
	dst = append(dst, c.Zero, byte(c.Classes.Low), byte(c.Classes.Count))
	dst = binary.AppendUvarint(dst, uint64(c.BlockRows))
	dst = appendCodes(dst, c.Classes.Rows)
	dst = appendCodes(dst, c.Classes.Cols)
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

// Parse takes a stream for a matrix of this shape apart. The blocks are slices of data. Whatever data
// holds, what it returns is safe to decode.
func Parse(data []byte, rows, cols int) (*Coder, [][]byte, error) {
	in := input{data: data}
	c := &Coder{Trellis: trellises[in.byte()], Zero: in.byte()}
	c.Classes.Low, c.Classes.Count = int(in.byte()), int(in.byte())
	blockRows := in.uvarint()
	c.Classes.Rows, c.Classes.Cols = in.codes(rows), in.codes(cols)
	switch {
	case in.short:
		return nil, nil, errHead
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
		if t.Max < 1 || t.Max > MaxLevel {
			return nil, nil, fmt.Errorf("class %d has levels up to %d", i, t.Max)
		}
		for parity := range t.Knots {
			t.Knots[parity] = in.bytes(uint64(len(knots(nil, members(t.Max, parity)))))
		}
		c.Tables = append(c.Tables, t)
	}
	if uint64(c.Blocks()) > uint64(len(in.data)) { // each has a length
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
	case in.short:
		return nil, nil, errHead
	case len(in.data) != 0:
		return nil, nil, errLong
	}
	return c, blocks, nil
}

var errHead = errors.New("the stream ends early")

// input is read from its front. After its end it yields zeros.
type input struct {
	data  []byte
	short bool // something was missing
}

func (in *input) bytes(n uint64) []byte {
	if n > uint64(len(in.data)) {
		in.short, in.data = true, nil
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
	v, n := binary.Uvarint(in.data)
	in.bytes(uint64(max(n, 0)))
	in.short = in.short || n <= 0
	return v
}

// appendCodes appends codes of 5 bits, the lowest bit first.
func appendCodes(dst, codes []byte) []byte {
	window, filled := uint32(0), 0
	for _, code := range codes {
		window |= uint32(code) << filled
		for filled += classBits; filled >= 8; filled -= 8 {
			dst = append(dst, byte(window))
			window >>= 8
		}
	}
	if filled > 0 {
		dst = append(dst, byte(window))
	}
	return dst
}

func (in *input) codes(n int) []byte {
	packed := in.bytes((uint64(n)*classBits + 7) / 8)
	if in.short {
		return nil
	}
	codes := make([]byte, 0, n)
	window, filled := uint32(0), 0
	for _, b := range packed {
		window |= uint32(b) << filled
		for filled += 8; filled >= classBits && len(codes) < n; filled -= classBits {
			codes = append(codes, byte(window&MaxClassCode))
			window >>= classBits
		}
	}
	return codes
}
