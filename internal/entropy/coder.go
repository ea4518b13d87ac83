package entropy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/palettize/palettize/kernels"
)

const (
	// Lanes is the number of interleaved coders in a block, each with a path through the trellis:
	// the element in column c belongs to lane c mod Lanes.
	Lanes = 8
	// blockElements is how many elements a block has at most, one row at least: enough that its 32
	// bytes of coder states do not matter.
	blockElements = 1 << 18

	floor     = 1 << 16 // no state of a coder is below
	slotShift = 20      // of the slot's distance from its level's first slot, in an entry
	freqShift = 8       // of the frequency less 1
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

// Decoder decodes the blocks of a coder. It is safe for concurrent use.
type Decoder struct {
	*Coder
	// entries [class][parity][total] has for each slot of the frequencies the byte of its level,
	// the frequency less 1, and the slot's distance from the level's first.
	entries []uint32
}

// entries are those of decoders that have been released: up to a megabyte each.
var entries = sync.Pool{New: func() any { return new([]uint32) }}

// Release says that the decoder is not used any more, so that another can take its memory.
func (d *Decoder) Release() {
	released := d.entries
	d.entries = nil
	entries.Put(&released)
}

// NewDecoder returns a decoder. It fails where a table has levels that are not the index of one of
// k centroids: not of -Zero to k-1-Zero.
func (c *Coder) NewDecoder(k int) (*Decoder, error) {
	d := &Decoder{c, *entries.Get().(*[]uint32)}
	if n := len(c.Tables) * 2 * total; n > cap(d.entries) {
		d.entries = make([]uint32, n)
	} else {
		d.entries = d.entries[:n]
		clear(d.entries) // slots that no level has
	}
	for class := range c.Tables {
		t := &c.Tables[class]
		if int(t.Max) > int(c.Zero) || int(t.Max)+int(c.Zero) >= k {
			return nil, fmt.Errorf("class %d has levels up to %d: level 0 is centroid %d of %d",
				class, t.Max, c.Zero, k)
		}
		for parity := range 2 {
			var starts, freqs [256]uint32
			if err := t.cumulate(&starts, &freqs, parity); err != nil {
				return nil, err
			}
			entries := d.entries[(class*2+parity)*total:][:total]
			for i, freq := range freqs {
				for slot := range freq {
					entries[starts[i]+slot] = uint32(byte(i)-origin+c.Zero) | (freq-1)<<freqShift | slot<<slotShift
				}
			}
		}
	}
	return d, nil
}

var (
	errShort = errors.New("the coded levels end early")
	errLong  = errors.New("bytes are left behind the coded levels")
	errStart = errors.New("the coded levels are damaged: a coder begins below its range")
	errEnd   = errors.New("the coded levels are damaged: a coder does not end where it began")
)

// Decode decodes data, one block, to levels [rows of the block, cols]. Damaged data is an error or
// other levels, and safe.
func (d *Decoder) Decode(levels, data []byte, block int) error {
	cols := len(d.Classes.Cols)
	lo, hi := d.Block(block)
	lanes := min(cols, Lanes)
	if len(data) < 4*lanes {
		return errShort
	}
	var x [Lanes]uint32
	var base [Lanes]uint32 // where the lane's state has its entries
	for i := range lanes {
		if x[i] = binary.LittleEndian.Uint32(data[4*i:]); x[i] < floor {
			return errStart
		}
	}
	data = data[4*lanes:]
	states := d.states()
	classes := d.Classes.Table()
	var offsets [len(classes)]uint32
	for sum, class := range classes {
		offsets[sum] = uint32(class) * 2 * total
	}
	for c0 := 0; c0 < cols; c0 += Lanes {
		codes := d.Classes.Cols[c0:min(c0+Lanes, cols)]
		for r := lo; r < hi; r++ {
			out := levels[(r-lo)*cols+c0:][:len(codes)]
			sums := offsets[d.Classes.Rows[r]:]
			for i, code := range codes {
				s := &states[base[i&(Lanes-1)]&(maxStates-1)]
				v := x[i&(Lanes-1)]
				entry := d.entries[sums[code]+s.entries+v%total]
				out[i] = byte(entry)
				v = (entry>>freqShift%total+1)*(v>>totalBits) + entry>>slotShift
				base[i&(Lanes-1)] = s.next[(entry-uint32(d.Zero))>>1&1]
				if v < floor {
					if len(data) < 2 {
						return errShort
					}
					v = v<<16 | uint32(binary.LittleEndian.Uint16(data))
					data = data[2:]
				}
				x[i&(Lanes-1)] = v
			}
		}
	}
	if len(data) != 0 {
		return errLong
	}
	for _, v := range x[:lanes] {
		if v != floor {
			return errEnd
		}
	}
	return nil
}

const maxStates = 32

// state is a state of the trellis as the decoder needs it.
type state struct {
	entries uint32    // where its entries begin in a class
	next    [2]uint32 // the state after a level, by bit 1 of the level
}

func (c *Coder) states() (states [maxStates]state) {
	for s := range c.Trellis.States() {
		states[s].entries = uint32(c.Trellis.Parity(s)) * total
		for bit := range byte(2) {
			states[s].next[bit] = uint32(c.Trellis.Next(s, bit<<1))
		}
	}
	return states
}
