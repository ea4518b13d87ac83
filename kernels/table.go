package kernels

import (
	"fmt"
	"slices"
)

const (
	// TablePanelRows is the number of rows in a panel of the table operation.
	TablePanelRows = 64
	// TableTile is the number of panels in a tile of the table operation.
	TableTile = 4
)

type tableKernel struct {
	build  tableBuildFunc
	spread func(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int)
}

type tableBuildFunc func(t *Tables, centroids []byte, width int, q []int8,
	scales []float32, init []int32)

// Tables is for multiplying a matrix of centroids' indices with one input vector by adding up what
// is in tables (as in product quantisation): for each segment of the vector the dot products of all
// centroids with it, as int16 with one scale a block. The order of Data belongs to the tier that
// filled it; a Tables must be spread by the Set that built it.
type Tables struct {
	Segments      int       // of the input vector
	BlockSegments int       // segments that share an input scale
	Data          []int16   // [Segments][256]
	Scales        []float32 // one a block
	Work          []int32   // [BlockSegments][256], of the block at hand
}

// NewTables returns a work space for rows of this many segments, of which blockSegments share an
// input scale.
func NewTables(segments, blockSegments int) *Tables {
	t := new(Tables)
	t.Resize(segments, blockSegments)
	return t
}

// Resize makes t a work space for rows of another length, in the memory that it has where that is
// enough.
func (t *Tables) Resize(segments, blockSegments int) {
	t.Segments, t.BlockSegments = segments, blockSegments
	blocks := ceilDiv(segments, blockSegments)
	t.Data = slices.Grow(t.Data[:0], segments*Centroids)[:segments*Centroids]
	t.Scales = slices.Grow(t.Scales[:0], blocks)[:blocks]
	t.Work = slices.Grow(t.Work[:0], blockSegments*Centroids)[:blockSegments*Centroids]
}

// BuildTables fills t for an input vector. centroids are 256 rows in the layout of mul-u8, width
// columns each (a multiple of 4). The vector is q [Segments][width] with a scale for each block;
// init has for each segment what its sums start from, -zeroPoint * (sum of its q). For each block
// of segments
//
//	T[g][k] = init[g] + sum of centroid[k] * q[g]                       (int32, exact)
//	m = sum over the segments g of the block of max over k of |T[g][k]|
//	f = min(1, float32(32767 - segments of the block) / float32(m))     (1 when m is 0)
//	table[g][k] = int16 of float32(T[g][k]) * f, halves to even
//	t.Scales[block] = scales[block] / f
//
// so that no sum over a block leaves int16.
func (s *Set) BuildTables(t *Tables, centroids []byte, width int, q []int8, scales []float32,
	init []int32) {
	if t.BlockSegments < 1 {
		panic("kernels: BuildTables: blocks of no segments")
	}
	blocks := ceilDiv(t.Segments, t.BlockSegments)
	switch {
	case width < 4 || width%4 != 0 || width > Block,
		t.BlockSegments*width > 4*Block:
		panic(fmt.Sprintf("kernels: BuildTables: blocks of %d segments of width %d",
			t.BlockSegments, width))
	case len(centroids) < Centroids*width,
		len(q) < t.Segments*width || len(scales) < blocks || len(init) < t.Segments:
		panic("kernels: BuildTables: a short slice")
	case len(t.Data) < t.Segments*Centroids || len(t.Scales) < blocks,
		len(t.Work) < t.BlockSegments*Centroids:
		panic("kernels: BuildTables: tables without room")
	}
	if t.Segments > 0 {
		s.table.build(t, centroids, width, q, scales, init)
	}
}

// SpreadTables sums table entries along rows. codes [tile of 4 panels][segment][panel][64 rows] has
// the index of a centroid for each row and segment. Panels [p0, p1) are whole tiles, but for the
// last of all, which may be shorter. For each row of them, with y starting at 0, for each block in
// order
//
//	y = y + float32(t.Scales[block] * float32(sum over its segments g of table[g][code]))
//
// and at the end dst[r] = y * scale[r]. dst and scale hold the rows of all panels.
func (s *Set) SpreadTables(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if p0 < 0 || p0%TableTile != 0 || len(codes) < p1*t.Segments*TablePanelRows ||
		len(scale) < p1*TablePanelRows || len(dst) < p1*TablePanelRows {
		panic("kernels: SpreadTables: a short slice, or part of a tile")
	}
	if p0 < p1 {
		s.table.spread(dst, t, codes, scale, p0, p1)
	}
}
