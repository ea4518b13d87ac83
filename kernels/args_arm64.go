//go:build !purego

package kernels

// vecArgs is what the kernels for one input vector take: a run of panels of a Matrix, or one block of
// one panel.
type vecArgs struct {
	dst        *float32 // the first row of the first panel
	codes      *byte    // the first panel
	lookup     *byte
	mult       *int8    // of the first panel, nil where all multipliers are 1
	scale      *float32 // of the first row, nil before the last block
	q          *int8
	scales     *float32
	init       *int32
	panels     int
	quads      int
	blockQuads int
	groupQuads int
	first      bool // y starts at 0, else at dst
}

// tileArgs is what the kernels for several input vectors take: one block of one panel. Between blocks dst
// holds the y of the contract.
type tileArgs struct {
	dst        *float32 // the first row of the panel, for the first vector
	ld         int
	codes      *byte    // the block, in the layout of mul-u8
	mult       *int8    // its first group, nil where all multipliers are 1
	scale      *float32 // row scales to multiply with, nil before the last block
	q          *int8    // the first column of the block, for the first vector
	stride     int
	scales     *float32 // the scale of the block, for the first vector
	blocks     int      // from one vector to the next in scales
	init       *int32   // the first group of the block, for the first vector
	groups     int      // from one vector to the next in init
	quads      int
	groupQuads int
	first      bool // y starts at 0
	tiles      int  // groups of tileVectors vectors
}
