package kernels

import "fmt"

const (
	// PanelRows is the number of rows in a panel of mul-u8, mul-nibble, mul-lookup and mul-window.
	PanelRows = 16
	// MaxLookupWidth is the largest segment width d of mul-lookup: 4 registers hold the 256 j-th
	// columns of the centroids, and AVX-512 has 32 registers.
	MaxLookupWidth = 4
)

// Matrix is a weight matrix for MulU8, MulNibble, MulLookup or MulWindow, in panels of 16 rows as
// the package comment draws them. Rows and columns that fill it up to whole panels and quads are
// the caller's: any codes do, where the row's scale or the input is 0.
type Matrix struct {
	Panels     int       // Panels * PanelRows rows
	Quads      int       // 4 * Quads columns, for MulLookup 4 * d * Quads
	BlockQuads int       // quads that share an input scale; the last block may be shorter
	GroupQuads int       // quads that share a multiplier; divides BlockQuads
	Codes      []byte    // in the layout of the operation
	Lookup     []byte    // weights by code: nil (MulU8), [16] (MulNibble), [d][256] (MulLookup), [32]
	Bits       int       // of the codes of MulWindow
	Mult       []int8    // [Panels][Groups()][PanelRows]: the multiplier of a group in a row
	Scale      []float32 // [Panels][PanelRows]: what the sum of a row is multiplied with at the end
	reach      *reach    // what Measure has found, nil: it has not looked
}

// Bytes is what the matrix holds in memory.
func (m *Matrix) Bytes() int {
	n := len(m.Codes) + len(m.Lookup) + len(m.Mult) + 4*len(m.Scale)
	if m.reach != nil {
		n += 2 * (len(m.reach.pairs) + len(m.reach.squares))
	}
	return n
}

// Blocks is the number of blocks in a row, and so of scales for each input vector.
func (m *Matrix) Blocks() int { return ceilDiv(m.Quads, m.BlockQuads) }

// Groups is the number of groups in a row.
func (m *Matrix) Groups() int { return ceilDiv(m.Quads, m.GroupQuads) }

// width is the number of columns that one code stands for: d for mul-lookup, else 1.
func (m *Matrix) width() int { return max(1, len(m.Lookup)/Centroids) }

// Input is a batch of N vectors, quantised by Quantize in blocks of the matrix's columns.
type Input struct {
	N      int
	Stride int       // values from one vector to the next in Q, at least the columns of the matrix
	Q      []int8    // [N][Stride]; values beyond the columns are 0
	Scales []float32 // [N][Blocks()]: x is about scale * q
	// [N][Groups()]: what the sum of a group starts from, -zeroPoint * (sum of its Q)
	Init []int32
}

type mulFunc func(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int)

// MulU8 multiplies panels [p0, p1) of a matrix of one-byte weights, 0 to 255, with every vector of
// the input. For row r and vector n, with y starting at 0, for each block b of the row in order
//
//	t = sum over the groups g of b of Mult[g][r] * (Init[n][g] + sum of weight * Q[n])   (int32)
//	y = y + float32(Scales[n][b] * float32(t))
//
// and at the end dst[n*ld+r] = y * Scale[r]. Conversions and operations in float32 round to
// nearest, halves to even. dst has room for the rows of all panels for each vector, and those of
// [p0, p1) are written, so that threads may share the panels; ld is the distance between the
// results of two vectors.
func (s *Set) MulU8(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkMul("MulU8", dst, ld, m, in, p0, p1, m.Panels*m.Quads*4*PanelRows, 0)
	if p0 < p1 && in.N > 0 {
		s.mulU8(dst, ld, m, in, p0, p1)
	}
}

// MulNibble is MulU8 with weight = Lookup[code] for codes of half a byte.
func (s *Set) MulNibble(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkMul("MulNibble", dst, ld, m, in, p0, p1, m.Panels*ceilDiv(m.Quads, 2)*4*PanelRows, 16)
	if p0 < p1 && in.N > 0 {
		s.mulNibble(dst, ld, m, in, p0, p1)
	}
}

// MulLookup is MulU8 where a code stands for a segment of d = len(Lookup)/256 columns (vector
// quantisation): the weight of its j-th column is Lookup[j*256+code]. A quad is four segments. Q is
// permuted (PermuteInput): Q[4*d*q + 4*j + i] meets the j-th column of the i-th segment of quad q.
// GroupQuads must equal BlockQuads and Mult is not used.
func (s *Set) MulLookup(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	d := m.width()
	if d > MaxLookupWidth || m.GroupQuads != m.BlockQuads {
		panic(fmt.Sprintf("kernels: MulLookup: width %d, groups of %d in blocks of %d quads",
			d, m.GroupQuads, m.BlockQuads))
	}
	checkMul("MulLookup", dst, ld, m, in, p0, p1, m.Panels*m.Quads*4*PanelRows, d*Centroids)
	if p0 < p1 && in.N > 0 {
		s.mulLookup(dst, ld, m, in, p0, p1)
	}
}

func checkMul(op string, dst []float32, ld int, m *Matrix, in *Input, p0, p1, codes, lookup int) {
	d := max(1, lookup/Centroids)
	if m.BlockQuads < 1 || m.BlockQuads*4*d > Block || m.GroupQuads < 1 ||
		m.BlockQuads%m.GroupQuads != 0 {
		panic(fmt.Sprintf("kernels: %s: blocks of %d quads in groups of %d",
			op, m.BlockQuads, m.GroupQuads))
	}
	rows, groups, blocks := m.Panels*PanelRows, m.Groups(), m.Blocks()
	switch {
	case p0 < 0 || p1 > m.Panels:
		panic(fmt.Sprintf("kernels: %s: panels %d to %d of %d", op, p0, p1, m.Panels))
	case len(m.Codes) < codes || len(m.Lookup) != lookup || len(m.Scale) < rows ||
		lookup <= 16 && len(m.Mult) < rows*groups:
		panic(fmt.Sprintf("kernels: %s: a short matrix, or a wrong lookup", op))
	case in.N > 0 && ((in.N-1)*ld+rows > len(dst) || in.N > 1 && ld < rows):
		panic(fmt.Sprintf("kernels: %s: %d x %d results do not fit %d", op, in.N, rows, len(dst)))
	case len(in.Q) < in.N*in.Stride || in.Stride < inputLen(m, lookup) ||
		len(in.Scales) < in.N*blocks || len(in.Init) < in.N*groups:
		panic(fmt.Sprintf("kernels: %s: a short input", op))
	}
}

// inputLen is the number of input values that a row of the matrix meets. mul-nibble reads quads in
// pairs.
func inputLen(m *Matrix, lookup int) int {
	if lookup == 16 {
		return ceilDiv(m.Quads, 2) * 8
	}
	return m.Quads * 4 * max(1, lookup/Centroids)
}
