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

type tableBuildFunc func(t *Tables, centroids []byte, stride, width int, q []int8,
	scales []float32, init []int32)

// Tables is for multiplying a matrix of centroids' indices with one input vector by adding up what
// is in tables (as in product quantisation): for each segment of the vector the dot products of all
// centroids with it, as int16 with one scale a block. The order of the entries is that of the tier
// which filled them in: a Tables must be spread by the Set that built it.
type Tables struct {
	segments      int       // of the input vector
	blockSegments int       // segments that share an input scale
	data          []int16   // [segments][256]
	scales        []float32 // one a block
	work          []int32   // [blockSegments][256], of the block at hand
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
	t.segments, t.blockSegments = segments, blockSegments
	blocks := ceilDiv(segments, blockSegments)
	t.data = slices.Grow(t.data[:0], segments*Centroids)[:segments*Centroids]
	t.scales = slices.Grow(t.scales[:0], blocks)[:blocks]
	t.work = slices.Grow(t.work[:0], blockSegments*Centroids)[:blockSegments*Centroids]
}

// BuildTables fills t for an input vector. centroids are 256 rows in the layout of mul-u8, width
// columns each (a multiple of 4), those of segment g from byte g*stride on: with a stride of 0 all
// segments share them. The vector is q [Segments][width] with a scale for each block; init has for
// each segment what its sums start from, such as -zeroPoint * (sum of its q). For each block of
// segments
//
//	T[g][k] = init[g] + sum of centroid[g][k] * q[g]                    (int32, exact)
//	m = sum over the segments g of the block of max over k of |T[g][k]|
//	f = min(1, float32(32767 - segments of the block) / float32(m))     (1 when m is 0)
//	table[g][k] = int16 of float32(T[g][k]) * f, halves to even
//	table scale[block] = scales[block] / f
//
// so that no sum over a block leaves int16. The magnitudes of init in a block add up to 2^30 at
// most.
func (s *Set) BuildTables(t *Tables, centroids []byte, stride, width int, q []int8,
	scales []float32, init []int32) {
	if t.blockSegments < 1 {
		panic("kernels: BuildTables: blocks of no segments")
	}
	blocks := ceilDiv(t.segments, t.blockSegments)
	switch {
	case width < 4 || width%4 != 0 || width > Block,
		t.blockSegments*width > 4*Block:
		panic(fmt.Sprintf("kernels: BuildTables: blocks of %d segments of width %d",
			t.blockSegments, width))
	case stride < 0, len(centroids) < max(0, t.segments-1)*stride+Centroids*width,
		len(q) < t.segments*width || len(scales) < blocks || len(init) < t.segments:
		panic("kernels: BuildTables: a short slice")
	case len(t.data) < t.segments*Centroids || len(t.scales) < blocks,
		len(t.work) < t.blockSegments*Centroids:
		panic("kernels: BuildTables: tables without room")
	}
	if t.segments > 0 {
		s.table.build(t, centroids, stride, width, q, scales, init)
	}
}

// Segment returns the tables of segment g alone, of tables that each have a scale of their own
// (blocks of one segment). They share memory with t.
func (t *Tables) Segment(g int) Tables {
	if t.blockSegments != 1 {
		panic("kernels: Segment: blocks of several segments")
	}
	return Tables{segments: 1, blockSegments: 1, data: t.data[g*Centroids:][:Centroids],
		scales: t.scales[g:][:1]}
}

// SpreadTables sums table entries along rows. codes [tile of 4 panels][segment][panel][64 rows] has
// the index of a centroid for each row and segment. Panels [p0, p1) are whole tiles, but for the
// last of all, which may be shorter. For each row of them, with y starting at 0, for each block in
// order
//
//	y = y + float32(table scale[block] * float32(sum over its segments g of table[g][code]))
//
// and at the end dst[r] = y * scale[r], or y where scale is nil. dst and scale hold the rows of all
// panels.
func (s *Set) SpreadTables(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if p0 < 0 || p0%TableTile != 0 || len(codes) < p1*t.segments*TablePanelRows ||
		scale != nil && len(scale) < p1*TablePanelRows || len(dst) < p1*TablePanelRows {
		panic("kernels: SpreadTables: a short slice, or part of a tile")
	}
	if p0 < p1 {
		s.table.spread(dst, t, codes, scale, p0, p1)
	}
}
