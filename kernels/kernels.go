package kernels

import (
	"fmt"
	"slices"
)

const (
	// Block is the largest number of columns that share one scale of the quantised input.
	Block = 256
	// PanelRows is the number of rows in a panel of mul-u8, mul-nibble and mul-lookup.
	PanelRows = 16
	// TablePanelRows is the number of rows in a panel of the table operation.
	TablePanelRows = 64
	// TableTile is the number of panels in a tile of the table operation.
	TableTile = 4
	// MaxDot is the longest u8 x i8 dot product whose int32 sum cannot overflow:
	// 255*128*65793 < 2^31.
	MaxDot = 65793
	// MaxLookupWidth is the largest segment width d of mul-lookup: 4 registers hold the 256 j-th
	// columns of the centroids, and AVX-512 has 32 registers.
	MaxLookupWidth = 4
	// Centroids is the number of rows in every lookup: codebooks with fewer are padded.
	Centroids = 256
)

// Matrix is a weight matrix in panels of 16 rows, as doc.go draws them.
type Matrix struct {
	Panels     int       // panels of PanelRows rows
	Quads      int       // steps of four columns (mul-lookup: of d*4 columns) in a row
	BlockQuads int       // quads that share an input scale; the last block may be shorter
	GroupQuads int       // quads that share a multiplier; divides BlockQuads
	Codes      []byte    // the layout of the operation
	Lookup     []byte    // mul-nibble: 16 weights; mul-lookup: d x 256, weight [j][code]; mul-window: 256; else nil
	Bits       int       // mul-window: new bits a weight
	Mult       []int8    // Panels x Groups() x PanelRows: the multiplier of a group in a row
	Scale      []float32 // Panels x PanelRows: the scale of a row
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

// Quantize writes each block of x as int8 with one scale: q = round(x * (127 / max|x|)), halves to
// even, and scale = max|x| / 127. A block whose largest value is below 2^-100 becomes zeros with scale
// 0. len(q) must be at least len(x) (the rest is set to zero), len(scales) the number of blocks.
// It returns false, with the outputs undefined, when x holds a NaN or an infinity.
func (s *Set) Quantize(q []int8, scales []float32, x []float32, block int) bool {
	if block < 1 || block > Block || len(q) < len(x) || len(scales) < ceilDiv(len(x), block) {
		panic(fmt.Sprintf("kernels: Quantize: %d values in blocks of %d into %d with %d scales",
			len(x), block, len(q), len(scales)))
	}
	clear(q[len(x):])
	return s.quantize(q, scales, x, block)
}

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
		panic(fmt.Sprintf("kernels: MulLookup: width %d, groups of %d in blocks of %d quads", d, m.GroupQuads, m.BlockQuads))
	}
	checkMul("MulLookup", dst, ld, m, in, p0, p1, m.Panels*m.Quads*4*PanelRows, d*Centroids)
	if p0 < p1 && in.N > 0 {
		s.mulLookup(dst, ld, m, in, p0, p1)
	}
}

func checkMul(op string, dst []float32, ld int, m *Matrix, in *Input, p0, p1, codes, lookup int) {
	d := max(1, lookup/Centroids)
	if m.BlockQuads < 1 || m.BlockQuads*4*d > Block || m.GroupQuads < 1 || m.BlockQuads%m.GroupQuads != 0 {
		panic(fmt.Sprintf("kernels: %s: blocks of %d quads in groups of %d", op, m.BlockQuads, m.GroupQuads))
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
	case len(in.Q) < in.N*in.Stride || in.Stride < inputLen(m, lookup) || len(in.Scales) < in.N*blocks || len(in.Init) < in.N*groups:
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

// Tables is the work space of the table plan for one input vector: for each segment the dot
// products of all centroids with it, as int16 with one scale a block. Its inner layout belongs to
// the tier that filled it; a Tables must be spread by the Set that built it.
type Tables struct {
	Segments, BlockSegments int
	Data                    []int16   // Segments x 256
	Scales                  []float32 // one a block
	Work                    []int32   // BlockSegments x 256
}

// NewTables returns a work space for rows of this many segments, of which blockSegments share an
// input scale.
func NewTables(segments, blockSegments int) *Tables {
	t := new(Tables)
	t.Resize(segments, blockSegments)
	return t
}

// Resize makes t a work space for rows of another length, in the memory that it has where that is enough.
func (t *Tables) Resize(segments, blockSegments int) {
	t.Segments, t.BlockSegments = segments, blockSegments
	t.Data = slices.Grow(t.Data[:0], segments*Centroids)[:segments*Centroids]
	t.Scales = slices.Grow(t.Scales[:0], ceilDiv(segments, blockSegments))[:ceilDiv(segments, blockSegments)]
	t.Work = slices.Grow(t.Work[:0], blockSegments*Centroids)[:blockSegments*Centroids]
}

// BuildTables fills t. centroids are 256 rows in the layout of mul-u8, width columns each (a multiple of
// 4); q holds Segments x width values, scales one value a block, init one value a segment. For each
// block of segments
//
//	T[g][k] = init[g] + sum of centroid[k] * q[g]                       (int32)
//	m = sum over the segments g of the block of max over k of |T[g][k]|
//	f = min(1, float32(32767 - segments of the block) / float32(m))     (1 when m is 0)
//	table[g][k] = int16 of float32(T[g][k]) * f, halves to even
//	t.Scales[block] = scales[block] / f
//
// so that no sum over a block leaves int16.
func (s *Set) BuildTables(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	blocks := ceilDiv(t.Segments, t.BlockSegments)
	if width < 4 || width%4 != 0 || width > Block || len(centroids) < Centroids*width || len(q) < t.Segments*width ||
		len(scales) < blocks || len(init) < t.Segments || t.BlockSegments < 1 || t.BlockSegments*width > 4*Block ||
		len(t.Data) < t.Segments*Centroids || len(t.Scales) < blocks || len(t.Work) < t.BlockSegments*Centroids {
		panic("kernels: BuildTables: a short slice")
	}
	if t.Segments > 0 {
		s.table.build(t, centroids, width, q, scales, init)
	}
}

// SpreadTables sums table entries along rows: codes lie as [tile of 4 panels][segment][panel][64 rows]. Panels [p0, p1)
// are whole tiles, but for the last of all, which may be shorter. For each row of them, with y starting at 0, for
// each block in order
//
//	y = y + float32(t.Scales[block] * float32(sum over its segments g of table[g][code]))
//
// and at the end dst[r] = y * scale[r]. dst and scale hold the rows of all panels.
func (s *Set) SpreadTables(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if p0 < 0 || p0%TableTile != 0 || len(codes) < p1*t.Segments*TablePanelRows || len(scale) < p1*TablePanelRows || len(dst) < p1*TablePanelRows {
		panic("kernels: SpreadTables: a short slice, or part of a tile")
	}
	if p0 < p1 {
		s.table.spread(dst, t, codes, scale, p0, p1)
	}
}

// DenseVec writes y = W*x in float32 for W [len(y), len(x)], row-major: the baseline. Additions
// are in any order, with fused multiply-add where there is one.
func (s *Set) DenseVec(y, w, x []float32) {
	if len(w) < len(y)*len(x) {
		panic(fmt.Sprintf("kernels: DenseVec: %d weights for [%d, %d]", len(w), len(y), len(x)))
	}
	if len(y) > 0 {
		s.denseVector(y, w, x)
	}
}

// DenseMat writes Y = X*transpose(W) in float32: Y[n*ld+r] is row r of W [rows, cols] times vector n of X
// [n, cols]. Additions as in DenseVec.
func (s *Set) DenseMat(y []float32, ld int, w, x []float32, rows, cols, n int) {
	if n < 0 || rows < 0 || cols < 0 || len(w) < rows*cols || len(x) < n*cols || n > 0 && (ld < rows || len(y) < (n-1)*ld+rows) {
		panic(fmt.Sprintf("kernels: DenseMat: [%d, %d] times %d vectors: a short slice", rows, cols, n))
	}
	if rows > 0 && n > 0 {
		s.denseMatrix(y, ld, w, x, rows, cols, n)
	}
}

// Nearest finds the nearest centroid of each point. Points are given as planes: column j of point
// i is points[j*stride+i], for n = len(assignments) points. centroids is k x d, row-major, k <= 256; half[k] is half
// its squared length. For each point, for k ascending,
//
//	s = half[k], then for j ascending s = s - float32(x[j] * centroid[k][j])
//
// and the smallest s wins, the lowest k among equals: s + |x|^2/2 is half the squared distance.
// The winner goes to assignments, its s to scores, and unless seconds is nil the smallest s of the others
// goes there, math.MaxFloat32 where there are none. Inputs are finite and no s overflows.
func (s *Set) Nearest(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	n, k := len(assignments), len(half)
	if d < 1 || k < 1 || k > Centroids || len(centroids) < k*d || len(scores) < n || seconds != nil && len(seconds) < n || stride < n || n > 0 && len(points) < (d-1)*stride+n {
		panic(fmt.Sprintf("kernels: Nearest: %d points of width %d, %d centroids: a short slice", n, d, k))
	}
	if n > 0 {
		s.nearest(assignments, scores, seconds, points, stride, d, centroids, half)
	}
}

// UpdateRows is the number of rows in a panel of Update. It belongs to the tier, the results do not depend on it.
func (s *Set) UpdateRows() int { return s.update.rows }

// Update subtracts from n columns the products of k others with coefficients. dst and panel hold the same
// UpdateRows() rows of the columns, one column after the other; for each column c < n and each of its rows i,
// for p ascending,
//
//	dst[c][i] = dst[c][i] - float32(panel[p][i] * coefficients[c*ld+p])
func (s *Set) Update(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	if n < 1 || k < 1 {
		return
	}
	if ld < k || len(dst) < n*s.update.rows || len(coefficients) < (n-1)*ld+k || len(panel) < k*s.update.rows {
		panic(fmt.Sprintf("kernels: Update: %d columns less %d: a short slice", n, k))
	}
	s.update.fn(dst, coefficients, ld, n, panel, k)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
