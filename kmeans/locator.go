package kmeans

import "math"

// locator finds the place of a value among ascending edges. The bits of a value's distance from the
// middle choose a cell, so that cells are as fine, in proportion, near the middle as far away; a
// table says which edges are in a cell, mostly none or one. A cell with many, because values are
// close together far from the middle, is cut evenly once more.
type locator struct {
	keys   []int64  // of the edges: ascending; and then a few above all values
	first  []uint16 // of a cell: how many edges are in cells before it
	cut    []uint16 // of a cell: which of cuts divides it; 0: none
	cuts   []cut
	middle float64
	scale  float64 // so that the distance is about 1 at most
	shift  int     // the bits of a float32 that do not matter
	least  int     // what is left of the largest distance that counts as none
	most   int     // the largest step from the middle cell
}

// cut divides the edges of one cell.
type cut struct {
	lo, scale float64
	first     []uint16 // of a part: how many edges are before it, in cells before too
}

const (
	fewEdges = 3 // are in a cell that is not cut, at most
	cutParts = 2 // for each edge
)

// newLocator returns the locator for edges and values mostly from lo to hi. Its cells are told
// apart by so many bits of the mantissa and cover so many powers of two.
func newLocator(edges []float32, lo, hi float32, bits, powers int) *locator {
	l := &locator{middle: float64(lo)/2 + float64(hi)/2, shift: 23 - bits}
	if n := len(edges); n > 0 {
		l.middle = float64(edges[n/2])
		lo, hi = min(lo, edges[0]), max(hi, edges[n-1])
	}
	if reach := max(float64(hi)-l.middle, l.middle-float64(lo)); reach > 0 {
		l.scale = 1 / reach
	}
	l.least, l.most = (127-powers)<<bits-1, powers<<bits+1
	l.first = make([]uint16, 2*l.most+2)
	for _, e := range edges {
		l.keys = append(l.keys, ascending(e))
		l.first[l.cell(e)+1]++
	}
	for i := 1; i < len(l.first); i++ {
		l.first[i] += l.first[i-1]
	}
	for range fewEdges {
		l.keys = append(l.keys, math.MaxInt32+1)
	}
	l.cut, l.cuts = make([]uint16, len(l.first)-1), make([]cut, 1)
	for c := range l.cut {
		if lo, hi := l.first[c], l.first[c+1]; hi-lo > fewEdges {
			l.cut[c] = uint16(len(l.cuts))
			l.cuts = append(l.cuts, newCut(edges[lo:hi], lo))
		}
	}
	return l
}

// newCut divides the cell of the given edges, before which there are so many.
func newCut(edges []float32, before uint16) cut {
	parts := cutParts * len(edges)
	lo, hi := float64(edges[0]), float64(edges[len(edges)-1])
	c := cut{lo: lo, scale: float64(parts) / (hi - lo), first: make([]uint16, parts+1)}
	for _, e := range edges {
		c.first[c.part(e)+1]++
	}
	c.first[0] = before
	for i := range parts {
		c.first[i+1] += c.first[i]
	}
	return c
}

// part never falls when x grows.
func (c *cut) part(x float32) int {
	y, last := (float64(x)-c.lo)*c.scale, len(c.first)-2
	if y <= 0 {
		return 0
	}
	if y >= float64(last) {
		return last
	}
	return int(y)
}

// cell never falls when x grows: each step of it rounds in one direction for all.
func (l *locator) cell(x float32) int {
	b := math.Float32bits(float32((float64(x) - l.middle) * l.scale))
	step := min(max(int(b&0x7fffffff>>l.shift)-l.least, 0), l.most)
	sign := int(int32(b) >> 31) // -1 below the middle
	return l.most + (step ^ sign) - sign
}

// find returns how many edges are at or below x. Which way a comparison goes is anyone's guess, so
// there are no branches on it.
func (l *locator) find(x float32) int {
	key := ascending(x)
	c := l.cell(x)
	lo, hi := int(l.first[c]), int(l.first[c+1])
	if hi-lo > fewEdges {
		cut := &l.cuts[l.cut[c]]
		p := cut.part(x)
		lo, hi = int(cut.first[p]), int(cut.first[p+1])
		for hi-lo > fewEdges {
			half := (hi - lo + 1) / 2
			below := atOrBelow(l.keys[lo+half-1], key)
			lo, hi = lo+half&-below, hi-(hi-lo-half)&(below-1)
		}
	}
	// Edges of later cells are above x: comparing too many does no harm.
	k := l.keys[lo : lo+fewEdges]
	return lo + atOrBelow(k[0], key) + atOrBelow(k[1], key) + atOrBelow(k[2], key)
}

// atOrBelow returns 1 if a <= b, else 0.
func atOrBelow(a, b int64) int { return int(uint64(a-b-1) >> 63) }

// ascending maps values to integers in the same order, the same for zeros of either sign.
func ascending(x float32) int64 {
	b := int32(math.Float32bits(x + 0)) // -0 becomes 0
	return int64(b ^ b>>31&math.MaxInt32)
}
