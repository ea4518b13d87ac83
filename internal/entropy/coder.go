package entropy

import (
	"encoding/binary"
	"fmt"

	"github.com/palettize/palettize/kernels"
)

const (
	// Lanes is the number of interleaved coders in a block, each with a path through the trellis:
	// the element in column c belongs to lane c mod Lanes.
	Lanes = kernels.RansLanes
	// blockElements is how many elements a block has at most, one row at least: enough that its 32
	// bytes of coder states do not matter.
	blockElements = 1 << 18

	floor = kernels.RansFloor // no state of a coder is below
)

// Coder encodes and decodes a matrix of levels [rows, cols], block by block. A block is BlockRows
// consecutive rows and stands on its own. Lane i of a block takes its columns i, i+8, i+16 .., each
// from top to bottom, and walks through the trellis with each level, from state 0.
type Coder struct {
	Trellis   *kernels.Trellis
	Classes   Classes
	Tables    []Table // the frequencies of the levels of each class
	Zero      byte    // a level is the byte level + Zero in the matrices of Encode and Decode
	BlockRows int     // the last block may have fewer
}

// BlockRows returns the number of rows in a block for a matrix of this shape: as many as make
// blocks of at most 2^18 elements, or one row, and about equal.
func BlockRows(rows, cols int) int {
	most := max(1, blockElements/cols)
	blocks := (rows + most - 1) / most
	return (rows + blocks - 1) / blocks
}

// Blocks is the number of blocks.
func (c *Coder) Blocks() int {
	return (len(c.Classes.Rows) + c.BlockRows - 1) / c.BlockRows
}

// Block returns the rows [lo, hi) of block b.
func (c *Coder) Block(b int) (lo, hi int) {
	return b * c.BlockRows, min((b+1)*c.BlockRows, len(c.Classes.Rows))
}

// Overhead is how many bytes a block of a matrix with cols columns takes at most beyond the bits of
// its levels: the states of its coders, and what its length takes more than that of an empty block.
func Overhead(cols int) int { return 4*min(cols, Lanes) + 2 }

// Encode returns the bytes of one block of levels, the whole matrix [rows, cols]: the states of the
// coders, then 16-bit words. It is rANS (Duda, arXiv:1311.2540) with states of 32 bits; the lanes
// write to one sequence of words. A level that its class has no frequency for is an error.
func (c *Coder) Encode(levels []byte, block int) ([]byte, error) {
	e, err := c.encoder()
	if err != nil {
		return nil, err
	}
	cols := len(c.Classes.Cols)
	lo, hi := c.Block(block)
	lanes := min(cols, Lanes)
	var x [Lanes]uint32
	for i := range x {
		x[i] = floor
	}
	words := make([]uint16, 0, (hi-lo)*cols/4)
	classes := c.Classes.Table()
	// A coder takes in last what the decoder is to get first.
	for c0 := (cols - 1) / Lanes * Lanes; c0 >= 0; c0 -= Lanes {
		for r := hi - 1; r >= lo; r-- {
			rowCode := c.Classes.Rows[r]
			for i := min(Lanes, cols-c0) - 1; i >= 0; i-- {
				class := classes[rowCode+c.Classes.Cols[c0+i]]
				symbol := e[class][levels[r*cols+c0+i]-c.Zero+origin]
				freq := uint32(symbol >> 16)
				if freq == 0 {
					return nil, fmt.Errorf("level %d of row %d, column %d is not in the table of class %d",
						int(levels[r*cols+c0+i])-int(c.Zero), r, c0+i, class)
				}
				if uint64(x[i]) >= uint64(freq)<<(32-totalBits) {
					words = append(words, uint16(x[i]))
					x[i] >>= 16
				}
				x[i] = x[i]/freq<<totalBits + x[i]%freq + uint32(uint16(symbol))
			}
		}
	}
	out := make([]byte, 0, 4*lanes+2*len(words))
	for _, state := range x[:lanes] {
		out = binary.LittleEndian.AppendUint32(out, state)
	}
	for i := len(words) - 1; i >= 0; i-- {
		out = binary.LittleEndian.AppendUint16(out, words[i])
	}
	return out, nil
}

// encoder returns for each class and level + origin its frequency and, in the lower 16 bits, where
// it begins.
func (c *Coder) encoder() ([][256]uint32, error) {
	e := make([][256]uint32, len(c.Tables))
	for class := range c.Tables {
		var starts, freqs [256]uint32
		for parity := range 2 {
			if err := c.Tables[class].cumulate(&starts, &freqs, parity); err != nil {
				return nil, err
			}
		}
		for i := range e[class] {
			e[class][i] = freqs[i]<<16 | starts[i]
		}
	}
	return e, nil
}

// Forbidden is the cost of levels that a class has no frequency for: more than any path costs.
const Forbidden = 1e30

// Costs returns for each class the cost of each level, at level + 128, for SearchTrellis: lambda
// times the bits that it takes, or Forbidden.
func (c *Coder) Costs(lambda float32) ([][256]float32, error) {
	e, err := c.encoder()
	if err != nil {
		return nil, err
	}
	costs := make([][256]float32, len(e))
	for class := range e {
		for i, symbol := range e[class] {
			if costs[class][i] = Forbidden; symbol>>16 != 0 {
				costs[class][i] = lambda * bitsOf(symbol>>16)
			}
		}
	}
	return costs, nil
}
