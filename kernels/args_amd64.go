//go:build !purego

package kernels

// vecArgs is what the kernels for one input vector take: a run of panels of a Matrix.
type vecArgs struct {
	dst        *float32 // the first row of the first panel
	codes      *byte    // the first panel
	lookup     *byte
	mult       *int8    // of the first panel
	scale      *float32 // of the first row
	q          *int8
	scales     *float32
	init       *int32
	panels     int
	quads      int
	blockQuads int
	groupQuads int
}

// tileArgs is what the kernels for several input vectors take: blocks of two neighbouring panels, or one block of one
// panel. Before and after other blocks dst holds the y of the contract.
type tileArgs struct {
	dst        *float32 // the first row of the first panel, for the first vector
	ld         int
	codes      *byte    // the first block in the first panel, in the layout of mul-u8
	codes2     *byte    // and in the second
	mult       *int8    // its first group in the first panel, nil where all multipliers are 1
	mult2      *int8    // and in the second
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
	half       bool // and half a group
}

const (
	// maxBlockBytes is the size of a block of one panel in the layout of mul-u8: Block columns, and two quads
	// more for a block that begins and ends in the middle of a pair of mul-nibble.
	maxBlockBytes = (Block + 8) * PanelRows
	// maxRunBytes is that of a run of blocks of one panel: with as much of another panel and of the input of
	// some vectors it stays in the first-level cache.
	maxRunBytes = (4*Block + 8) * PanelRows
)

// panels returns what a kernel for one vector needs to multiply panels [p0, p1) with vector n; size
// is the bytes of codes in a panel.
func (m *Matrix) panels(dst []float32, ld int, in *Input, n, p0, p1, size int) vecArgs {
	a := vecArgs{
		dst:        &dst[n*ld+p0*PanelRows],
		scale:      &m.Scale[p0*PanelRows],
		panels:     p1 - p0,
		quads:      m.Quads,
		blockQuads: m.BlockQuads,
		groupQuads: m.GroupQuads,
	}
	if m.Quads > 0 {
		a.codes = &m.Codes[p0*size]
		a.q = &in.Q[n*in.Stride]
		a.scales = &in.Scales[n*m.Blocks()]
		a.init = &in.Init[n*m.Groups()]
		if len(m.Mult) > 0 {
			a.mult = &m.Mult[p0*m.Groups()*PanelRows]
		}
		if len(m.Lookup) > 0 {
			a.lookup = &m.Lookup[0]
		}
	}
	return a
}

// tile returns what a kernel for several vectors needs for blocks [b, end) of panels p and p+second, from
// vector n on. The codes and the number of vectors are for the caller to set. d is the width of
// mul-lookup, which has no multipliers, and 0 for the others.
func (m *Matrix) tile(dst []float32, ld int, in *Input, n, p, second, b, end, d int) tileArgs {
	groups, blocks, lookup := m.Groups(), m.Blocks(), d > 0
	d = max(1, d)
	q := b * m.BlockQuads
	g := q / m.GroupQuads
	a := tileArgs{
		dst:        &dst[n*ld+p*PanelRows],
		ld:         ld,
		q:          &in.Q[n*in.Stride+4*q*d],
		stride:     in.Stride,
		scales:     &in.Scales[n*blocks+b],
		blocks:     blocks,
		init:       &in.Init[n*groups+g],
		groups:     groups,
		quads:      (min(end*m.BlockQuads, m.Quads) - q) * d,
		blockQuads: m.BlockQuads * d,
		groupQuads: m.GroupQuads * d,
		first:      b == 0,
	}
	if !lookup {
		a.mult = &m.Mult[(p*groups+g)*PanelRows]
		a.mult2 = &m.Mult[((p+second)*groups+g)*PanelRows]
	}
	if end == blocks {
		a.scale = &m.Scale[p*PanelRows]
	}
	return a
}

// zeroRows is the whole of a multiplication by a matrix without columns.
func zeroRows(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	for n := range in.N {
		for r := p0 * PanelRows; r < p1*PanelRows; r++ {
			dst[n*ld+r] = 0 * m.Scale[r]
		}
	}
}
