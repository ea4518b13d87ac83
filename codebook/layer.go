package codebook

import (
	"fmt"
	"math"
	"math/bits"
	"sort"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/logscale"
)

const (
	// MaxCentroids is the largest number of centroids in a codebook: an assignment is one byte.
	MaxCentroids = 256
	// MaxWidth is the largest width of a segment that is not a whole row.
	MaxWidth = 64
	// MaxMultiplier is the largest magnitude of a group's multiplier: 7 bits, with its sign.
	MaxMultiplier = 63
)

// Layer is a matrix W [Rows, Cols] as centroids, assignments and scales. Segment s of row r are the
// Width columns from s*Width on (the last one is padded with zeros), and
//
//	W[r, s*Width+j] ~= Scale * value(RowScales[r]) * Multipliers[r, group] *
//		(Centroids[a, j] - ZeroPoint) * value(ColScales[c])
//
// with a = Assignments[r, s] and c the column. The value of a code is 2^((code-255)/16), 0 for code
// 0. Whatever the scheme, this is the representation; schemes differ in Width, in how the
// assignments were chosen and in how they are stored.
type Layer struct {
	Rows, Cols  int
	Width       int    // d, columns in a segment: 1 scalar, 2..64 segments, Cols whole rows
	Centroids   []byte // K x Width, row-major
	ZeroPoint   byte   // the byte that stands for 0
	Scale       float32
	Assignments []byte    // Rows x Segments(), each below K()
	RowScales   []byte    // Rows codes, each for value(code); nil: no row scales, all 1
	Group       int       // columns that share a multiplier, for Width 1; 0: no groups
	Multipliers []int8    // Rows x Groups(), -MaxMultiplier..MaxMultiplier; nil without groups
	ColScales   []byte    // Cols codes likewise, for Width 1; nil: all 1
	Outliers    []Outlier // weights that no centroid comes near, for Width 1, by row, then column
	// WindowBits is how many bits of a row's stream a weight adds, 2 to 5, where assignments are
	// those of windows (kernels.WindowAssignment): a window is the one before it in the row (at
	// first what kernels.RowStart stands for), moved up by so many bits to make room for the new
	// ones. Centroids are the sums of two then, one of 16 by each half of the assignment. Else 0.
	WindowBits int
	// Stream is the layer in the form in which scheme trellis is stored, with windows or entropy
	// coded; nil: its parts are stored as they are.
	Stream []byte
}

// K is the number of centroids, also of a layer that has nothing but its Stream.
func (l *Layer) K() int {
	if l.Width == 0 {
		return 0
	}
	if len(l.Centroids) == 0 && l.Stream != nil {
		return stream.Centroids(l.Stream)
	}
	return len(l.Centroids) / l.Width
}

// Segments is the number of segments in a row.
func (l *Layer) Segments() int { return ceilDiv(l.Cols, l.Width) }

// Groups is the number of groups in a row, 0 without groups.
func (l *Layer) Groups() int {
	if l.Group == 0 {
		return 0
	}
	return ceilDiv(l.Cols, l.Group)
}

// MultiplierBits is the number of bits of a stored multiplier, in two's complement.
const MultiplierBits = 7

// BytesStored is what the layer's centroids, assignments and scales take in a file. It goes by
// their sizes: what they hold does not matter. The layer's part of the file's header comes on top;
// package format counts it. Each row of assignments and of multipliers begins at a byte.
func (l *Layer) BytesStored() int64 {
	if l.Stream != nil {
		return int64(len(l.Stream))
	}
	row := bitstream.RowBytes(l.Segments(), bitstream.Width(l.K()))
	row += bitstream.RowBytes(l.Groups(), MultiplierBits)
	if l.RowScales != nil {
		row++
	}
	return int64(len(l.Centroids)) + int64(l.Rows)*int64(row)
}

// Scheme returns the scheme that layers like this are made by. Its States are 0: the layer does not
// say along which trellis its assignments were chosen.
func (l *Layer) Scheme() Scheme {
	s := Scheme{Name: "segments", Width: l.Width, K: l.K(), Group: l.Group, WindowBits: l.WindowBits}
	switch {
	case l.Stream != nil:
		s.Name = "trellis"
	case l.Width == 1:
		s.Name = "scalar"
	case l.Width == l.Cols:
		s.Name = "rows"
	}
	return s
}

// Validate reports what is wrong with the shapes and values of a layer, such as one that was read
// from a file.
func (l *Layer) Validate() error {
	if err := l.validateHead(); err != nil {
		return err
	}
	if len(l.Assignments) != l.Rows*l.Segments() {
		return fmt.Errorf("%d assignments for %d rows of %d segments", len(l.Assignments), l.Rows,
			l.Segments())
	}
	if err := l.validateWindows(); err != nil {
		return err
	}
	k := l.K()
	for i, a := range l.Assignments {
		if int(a) >= k {
			return fmt.Errorf("assignment %d is %d, of %d centroids", i, a, k)
		}
	}
	return nil
}

// validateHead is Validate for all but the assignments.
func (l *Layer) validateHead() error {
	switch {
	case l.Rows < 1 || l.Cols < 1:
		return fmt.Errorf("shape [%d, %d] is empty", l.Rows, l.Cols)
	case l.Width < 1 || l.Width > MaxWidth && l.Width != l.Cols:
		return fmt.Errorf("width %d is neither 1 to %d nor the %d columns", l.Width, MaxWidth,
			l.Cols)
	case len(l.Centroids) == 0 || len(l.Centroids)%l.Width != 0 || l.K() > MaxCentroids:
		return fmt.Errorf("%d bytes of centroids of width %d", len(l.Centroids), l.Width)
	case l.RowScales != nil && len(l.RowScales) != l.Rows:
		return fmt.Errorf("%d row scales for %d rows", len(l.RowScales), l.Rows)
	case l.Group != 0 && !ValidGroup(l.Group):
		return fmt.Errorf("groups of %d columns", l.Group)
	case l.Group != 0 && l.Width != 1:
		return fmt.Errorf("groups with segments of width %d", l.Width)
	case len(l.Multipliers) != l.Rows*l.Groups():
		return fmt.Errorf("%d multipliers for %d rows of %d groups", len(l.Multipliers), l.Rows,
			l.Groups())
	case l.ColScales != nil && len(l.ColScales) != l.Cols:
		return fmt.Errorf("%d column scales for %d columns", len(l.ColScales), l.Cols)
	case l.Width != 1 && (l.ColScales != nil || l.Outliers != nil || l.Stream != nil):
		return fmt.Errorf("column scales, outliers or a stream with segments of width %d", l.Width)
	case !(l.Scale >= 0 && l.Scale <= math.MaxFloat32):
		return fmt.Errorf("scale %v", l.Scale)
	}
	for i, m := range l.Multipliers {
		if m < -MaxMultiplier || m > MaxMultiplier {
			return fmt.Errorf("multiplier %d is %d, beyond %d", i, m, MaxMultiplier)
		}
	}
	last := -1
	for i, o := range l.Outliers {
		if o.Row < 0 || o.Row >= l.Rows || o.Col < 0 || o.Col >= l.Cols ||
			o.Row*l.Cols+o.Col <= last {
			return fmt.Errorf("outlier %d is at [%d, %d] of [%d, %d], or out of order",
				i, o.Row, o.Col, l.Rows, l.Cols)
		}
		last = o.Row*l.Cols + o.Col
		if o.Value-o.Value != 0 || math.Float32bits(o.Value)<<16 != 0 {
			return fmt.Errorf("outlier %d is %v", i, o.Value)
		}
	}
	return nil
}

// ValidGroup reports whether columns can share multipliers in groups of this size: 8, 16, 32, 64,
// 128 or 256, so that groups and blocks of the input begin together.
func ValidGroup(group int) bool {
	return group >= 8 && group <= 256 && bits.OnesCount(uint(group)) == 1
}

// Row writes row r of the rebuilt matrix to dst, which must hold Cols values.
func (l *Layer) Row(dst []float32, r int) {
	segments := l.Segments()
	l.rebuild(dst, r, l.Assignments[r*segments:][:segments])
}

// rebuild writes the row r that has these assignments.
func (l *Layer) rebuild(dst []float32, r int, assignments []byte) {
	l.coreRow(dst, r, assignments)
	for c, code := range l.ColScales {
		dst[c] *= logscale.Value(code)
	}
	for _, o := range l.outliers(r) {
		dst[o.Col] = o.Value
	}
	if l.Scale > overflowing {
		l.clampOverflow(dst[:l.Cols], r, assignments)
	}
}

// overflowing is the scale up to which the product with the largest multiplier and byte stays
// within float32.
const overflowing = 0x1p114

// clampOverflow makes those values of row r that left float32 on the way what their factors come
// to, the largest float32 at most.
func (l *Layer) clampOverflow(dst []float32, r int, assignments []byte) {
	scale := float64(l.Scale)
	if l.RowScales != nil {
		scale *= float64(logscale.Value(l.RowScales[r]))
	}
	for c, v := range dst {
		if v-v == 0 {
			continue
		}
		s := scale * float64(l.colScale(c))
		if l.Group != 0 {
			s *= float64(l.Multipliers[r*l.Groups()+c/l.Group])
		}
		a := int(assignments[c/l.Width])
		dst[c] = floats.Finite(s * float64(int(l.Centroids[a*l.Width+c%l.Width])-int(l.ZeroPoint)))
	}
}

// outliers returns those of row r.
func (l *Layer) outliers(r int) []Outlier {
	lo := sort.Search(len(l.Outliers), func(i int) bool { return l.Outliers[i].Row >= r })
	hi := lo
	for hi < len(l.Outliers) && l.Outliers[hi].Row == r {
		hi++
	}
	return l.Outliers[lo:hi]
}

// coreRow writes row r without column scales and outliers.
func (l *Layer) coreRow(dst []float32, r int, assignments []byte) {
	scale := l.rowScale(r)
	if l.Width == 1 {
		for c, a := range assignments {
			s := scale
			if l.Group != 0 {
				s *= float32(l.Multipliers[r*l.Groups()+c/l.Group])
			}
			dst[c] = s * float32(int(l.Centroids[a])-int(l.ZeroPoint))
		}
		return
	}
	for s, a := range assignments {
		centroid := l.Centroids[int(a)*l.Width:]
		segment := dst[s*l.Width : min((s+1)*l.Width, l.Cols)]
		for j := range segment {
			segment[j] = scale * float32(int(centroid[j])-int(l.ZeroPoint))
		}
	}
}

// rowScale is the factor of a whole row, Scale included.
func (l *Layer) rowScale(r int) float32 {
	if l.RowScales == nil {
		return l.Scale
	}
	return l.Scale * logscale.Value(l.RowScales[r])
}

// Dense returns the rebuilt matrix, Rows x Cols, row-major.
func (l *Layer) Dense() []float32 {
	w := make([]float32, l.Rows*l.Cols)
	for r := range l.Rows {
		l.Row(w[r*l.Cols:][:l.Cols], r)
	}
	return w
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
