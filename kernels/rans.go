package kernels

import "fmt"

const (
	// RansLanes is the largest number of coders that take turns with one sequence of words.
	RansLanes = 8
	// RansBlocks is the largest number of blocks that are decoded side by side.
	RansBlocks = 4
	// RansSlots is what the frequencies of one class and parity add up to.
	RansSlots = 1 << ransSlotBits
	// RansFloor is the least state of a coder that has taken in its words.
	RansFloor = 1 << 16
	// RansWords is the number of bytes of words that a row of a block takes at most.
	RansWords = 2 * RansLanes

	ransSlotBits = 12
	ransParity   = RansSlots // the bit of an index of an entry that is the parity of levels
)

// RansEntry is what a slot stands for: a level, how many slots that level has, less than RansSlots,
// and which of them this one is.
type RansEntry uint32

// NewRansEntry returns the entry of slot 0 to frequency-1 of a level.
func NewRansEntry(level int8, frequency, slot uint32) RansEntry {
	return RansEntry(frequency<<20 | slot<<8 | uint32(byte(level)))
}

// Rans is what is decoded: up to RansBlocks blocks of levels that know nothing of each other, each
// by up to RansLanes coders (rANS, Duda, arXiv:1311.2540), which walk through a trellis from its
// state 0 on.
type Rans struct {
	Trellis *Trellis
	Entries []RansEntry // classes x 2 parities x RansSlots, at most 32 classes
	Zero    byte        // a level is written as the byte level + Zero

	States [RansBlocks][RansLanes]uint32 // of the coders
	Words  [RansBlocks][]byte            // what the coders have not taken in yet

	paths [RansBlocks][RansLanes]uint32 // where the coders are in the trellis, a ransPath each
	strip ransStrip
}

// ransStrip is what a call decodes: see DecodeRans.
type ransStrip struct {
	levels                        []byte
	blocks, height, stride, lanes int
	rows                          [][RansBlocks]byte
	cols                          [RansLanes]int8 // 0 beyond the lanes
}

// ransPath is a state of a trellis as the tiers hold it: bits 8 to 11 are the state's lower bits,
// bit 12 is its parity, bit 13 its upper bit, all others are 0; state 0 is path 0. The lower bits
// are an index for VPSHUFB and the parity stands where it does in the index of an entry.
func (t *Trellis) ransPath(state int) uint32 {
	return uint32(state&15<<8 | t.Parity(state)*ransParity | state>>4<<13)
}

// newRansNext fills in what is in bits 8 and up of the path that comes after a path with i in its
// bits 8 and up, at i for a level whose bit 1 is 0, at 64 + i for one whose bit 1 is 1. It does not
// depend on the parity in i.
func (t *Trellis) newRansNext() {
	for i := range t.ransNext {
		state := (i&15 | i>>5&1<<4) & (t.States() - 1)
		t.ransNext[i] = byte(t.ransPath(t.Next(state, byte(i>>6<<1))) >> 8)
	}
}

// ransFunc decodes the strip: one of 8 lanes, or of any number on the scalar tier. It takes off
// Words what the coders have taken in.
type ransFunc func(d *Rans)

// DecodeRans decodes the next rows of up to eight neighbouring columns in a number of blocks. A
// row's level in column i of block b goes to levels[(b*height+row)*stride+i]. It is the next one of
// coder i: the class of the element is
//
//	(rows[row][b] + cols[i]) >> 1
//
// or the nearest that there are entries of; no sum is beyond -128 to 127. The entry is that of the
// class, the parity of the coder's state in the trellis, and the lowest 12 bits of the coder's
// state x, which becomes
//
//	frequency * (x >> 12) + slot
//
// If that is below RansFloor it is shifted up by 16 bits and gets the next two of the block's
// Words, which are little-endian, the columns of a row taking turns. The state in the trellis
// becomes the one that the level leads to. Words must have RansWords bytes for each row, whatever
// is behind the last that belong to the block.
func (s *Set) DecodeRans(d *Rans, levels []byte, blocks, height, stride int,
	rows [][RansBlocks]byte, cols []int8) {
	n, lanes := len(rows), len(cols)
	if n == 0 || lanes == 0 || blocks == 0 {
		return
	}
	if blocks < 0 || blocks > RansBlocks || lanes > RansLanes || lanes > stride || n > height ||
		len(levels) < ((blocks-1)*height+n-1)*stride+lanes {
		panic(fmt.Sprintf("kernels: DecodeRans: %d rows of %d columns, %d blocks of %d rows, "+
			"in %d bytes with rows of %d", n, lanes, blocks, height, len(levels), stride))
	}
	if len(d.Entries) == 0 || len(d.Entries)%(2*RansSlots) != 0 || len(d.Entries) > 64*RansSlots {
		panic(fmt.Sprintf("kernels: DecodeRans: %d entries", len(d.Entries)))
	}
	for b, words := range d.Words[:blocks] {
		if len(words) < n*RansWords {
			panic(fmt.Sprintf("kernels: DecodeRans: %d bytes of words for %d rows of block %d",
				len(words), n, b))
		}
	}
	d.strip = ransStrip{levels: levels, blocks: blocks, height: height, stride: stride,
		lanes: lanes, rows: rows}
	copy(d.strip.cols[:], cols)
	if lanes < RansLanes {
		ransScalar(d)
	} else {
		s.rans(d)
	}
}
