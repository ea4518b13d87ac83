//go:build (amd64 || arm64) && !purego

package kernels

// vecArgs is what the kernels for one input vector take: consecutive panels of a Matrix or, on
// arm64, one block of one panel.
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
	bits       int  // of the codes of mul-window
	first      bool // y starts at 0, else at dst; amd64 has whole rows and takes it for set
	signs      int  // bytes from q, which are magnitudes then, to the signs: only with AVX2
}

// tileArgs is what the kernels for several input vectors take: consecutive blocks of one panel.
// Before and after other blocks dst holds the y of the contract.
type tileArgs struct {
	dst        *float32 // the first row of the panel, for the first vector
	ld         int
	codes      *byte    // the first block, in the layout of mul-u8
	mult       *int8    // its first group, nil where all multipliers are 1
	scale      *float32 // row scales to multiply with, nil if further blocks follow
	q          *int8    // the first column of the first block, for the first vector
	stride     int
	scales     *float32 // the scale of the first block, for the first vector
	blocks     int      // from one vector to the next in scales
	init       *int32   // the first group of the first block, for the first vector
	groups     int      // from one vector to the next in init
	quads      int      // of all blocks
	blockQuads int
	groupQuads int
	first      bool // y starts at 0
	tiles      int  // groups of vectors
}

// product is one call of MulU8 or of its kin, for kernels to be given parts of it.
type product struct {
	*Matrix
	dst []float32
	ld  int
	in  *Input
}

// vecArgs returns what a kernel for one vector needs to multiply panels [p0, p1) with vector n;
// size is the bytes of codes in a panel. The matrix has columns.
func (x *product) vecArgs(n, p0, p1, size int) vecArgs {
	a := vecArgs{
		dst:        &x.dst[n*x.ld+p0*PanelRows],
		codes:      &x.Codes[p0*size],
		scale:      &x.Scale[p0*PanelRows],
		q:          &x.in.Q[n*x.in.Stride],
		scales:     &x.in.Scales[n*x.Blocks()],
		init:       &x.in.Init[n*x.Groups()],
		panels:     p1 - p0,
		quads:      x.Quads,
		blockQuads: x.BlockQuads,
		groupQuads: x.GroupQuads,
		bits:       x.Bits,
		first:      true,
	}
	if len(x.Lookup) > 0 {
		a.lookup = &x.Lookup[0]
	}
	if x.multiplied() {
		a.mult = &x.Mult[p0*x.Groups()*PanelRows]
	}
	return a
}

// tileArgs returns what a kernel for several vectors needs for blocks [b, end) of panel p, from
// vector n on. The codes and the number of vectors are for the caller to set. The matrix has
// columns.
func (x *product) tileArgs(n, p, b, end int) tileArgs {
	groups, blocks, d := x.Groups(), x.Blocks(), x.width()
	q := b * x.BlockQuads
	g := q / x.GroupQuads
	a := tileArgs{
		dst:        &x.dst[n*x.ld+p*PanelRows],
		ld:         x.ld,
		q:          &x.in.Q[n*x.in.Stride+4*q*d],
		stride:     x.in.Stride,
		scales:     &x.in.Scales[n*blocks+b],
		blocks:     blocks,
		init:       &x.in.Init[n*groups+g],
		groups:     groups,
		quads:      (min(end*x.BlockQuads, x.Quads) - q) * d,
		blockQuads: x.BlockQuads * d,
		groupQuads: x.GroupQuads * d,
		first:      b == 0,
	}
	if x.multiplied() {
		a.mult = &x.Mult[(p*groups+g)*PanelRows]
	}
	if end == blocks {
		a.scale = &x.Scale[p*PanelRows]
	}
	return a
}

// multiplied says whether groups have multipliers.
func (m *Matrix) multiplied() bool { return len(m.Lookup) <= 16 }

// zeroRows is the whole of a multiplication by a matrix without columns.
func (x *product) zeroRows(p0, p1 int) {
	for n := range x.in.N {
		for r := p0 * PanelRows; r < p1*PanelRows; r++ {
			x.dst[n*x.ld+r] = 0 * x.Scale[r]
		}
	}
}
