package kernels

import "fmt"

const (
	// PanelRows is the number of rows in a panel of mul-u8, mul-nibble, mul-lookup and mul-window.
	PanelRows = 16
	// MaxDot is the longest u8 x i8 dot product whose int32 sum cannot overflow:
	// 255*128*65793 < 2^31.
	MaxDot = 65793
	// MaxLookupWidth is the largest segment width d of mul-lookup: 4 registers hold the 256 j-th
	// columns of the centroids, and AVX-512 has 32 registers.
	MaxLookupWidth = 4
)

// Matrix is a weight matrix in panels of 16 rows, as doc.go draws them.
type Matrix struct {
	Panels     int    // panels of PanelRows rows
	Quads      int    // steps of four columns (mul-lookup: of d*4 columns) in a row
	BlockQuads int    // quads that share an input scale; the last block may be shorter
	GroupQuads int    // quads that share a multiplier; divides BlockQuads
	Codes      []byte // the layout of the operation
	// mul-nibble: 16 weights; mul-lookup: d x 256, weight [j][code]; mul-window: 256; else nil
	Lookup []byte
	Bits   int       // mul-window: new bits a weight
	Mult   []int8    // Panels x Groups() x PanelRows: the multiplier of a group in a row
	Scale  []float32 // Panels x PanelRows: the scale of a row
}

// Blocks is the number of input scales.
func (m *Matrix) Blocks() int { return ceilDiv(m.Quads, m.BlockQuads) }

// Groups is the number of groups in a row.
func (m *Matrix) Groups() int { return ceilDiv(m.Quads, m.GroupQuads) }

// Width is the number of columns that one code stands for: d for mul-lookup, else 1.
func (m *Matrix) Width() int { return max(1, len(m.Lookup)/Centroids) }

// Input is a batch of N quantised vectors.
type Input struct {
	N      int
	Stride int       // values from one vector to the next in Q
	Q      []int8    // N x Stride; values beyond the columns are 0
	Scales []float32 // N x blocks
	Init   []int32   // N x groups: what a group's sum starts from, -zeroPoint * (sum of its Q)
}

type mulFunc func(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int)

// MulU8 multiplies panels [p0, p1) of a matrix of one-byte weights with every vector of the input.
// For row r of vector n, with y starting at 0, for each block b of the row in order
//
//	t = sum over the groups g of b of Mult[g] * (Init[n][g] + sum of weight * Q[n])   (int32)
//	y = y + float32(Scales[n][b] * float32(t))
//
// and at the end dst[n*ld+r] = y * Scale[r]. dst must hold all rows of all panels for each vector;
// ld is the distance between vectors.
func (s *Set) MulU8(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkMul("MulU8", dst, ld, m, in, p0, p1, m.Panels*m.Quads*4*PanelRows, 0)
	if p0 < p1 && in.N > 0 {
		s.mulU8(dst, ld, m, in, p0, p1)
	}
}

// MulNibble is MulU8 with weight = Lookup[code], a code being half a byte.
func (s *Set) MulNibble(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkMul("MulNibble", dst, ld, m, in, p0, p1, m.Panels*ceilDiv(m.Quads, 2)*4*PanelRows, 16)
	if p0 < p1 && in.N > 0 {
		s.mulNibble(dst, ld, m, in, p0, p1)
	}
}

// MulLookup is MulU8 where a code stands for a segment of d = Width() columns: weight
// Lookup[j*256+code] belongs to its j-th column. Q is permuted (PermuteInput): quad q of a row
// takes Q[4*d*q + 4*j + i] for the j-th column of its i-th segment. GroupQuads must equal
// BlockQuads and Mult is not used.
func (s *Set) MulLookup(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	d := m.Width()
	if d > MaxLookupWidth || m.GroupQuads != m.BlockQuads {
		panic(fmt.Sprintf("kernels: MulLookup: width %d, groups of %d in blocks of %d quads", d,
			m.GroupQuads, m.BlockQuads))
	}
	checkMul("MulLookup", dst, ld, m, in, p0, p1, m.Panels*m.Quads*4*PanelRows, d*Centroids)
	if p0 < p1 && in.N > 0 {
		s.mulLookup(dst, ld, m, in, p0, p1)
	}
}

// PermuteInput lays out whole groups of 4*d values for MulLookup: within each group the j-th
// columns of its four segments come together. dst and src must not overlap; their length is a
// multiple of 4*d.
func PermuteInput(dst, src []int8, d int) {
	for base := 0; base < len(src); base += 4 * d {
		for j := range d {
			for i := range 4 {
				dst[base+4*j+i] = src[base+d*i+j]
			}
		}
	}
}

func checkMul(op string, dst []float32, ld int, m *Matrix, in *Input, p0, p1, codes, lookup int) {
	d := max(1, lookup/Centroids)
	if m.BlockQuads < 1 || m.BlockQuads*4*d > Block || m.GroupQuads < 1 ||
		m.BlockQuads%m.GroupQuads != 0 {
		panic(fmt.Sprintf("kernels: %s: blocks of %d quads in groups of %d", op, m.BlockQuads,
			m.GroupQuads))
	}
	rows, groups, blocks := m.Panels*PanelRows, m.Groups(), m.Blocks()
	switch {
	case p0 < 0 || p1 > m.Panels:
		panic(fmt.Sprintf("kernels: %s: panels %d to %d of %d", op, p0, p1, m.Panels))
	case len(m.Codes) < codes || len(m.Lookup) < lookup || len(m.Scale) < rows ||
		lookup < Centroids && len(m.Mult) < rows*groups:
		panic(fmt.Sprintf("kernels: %s: a short matrix", op))
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
