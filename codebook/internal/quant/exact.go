package quant

import (
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
)

// ExactScheme returns the scheme that holds weights of different values, no more than limit, as
// they are: those of binary and ternary networks. Where rows repeat, storing each once is better
// still; values of one sign are those of masks, whose size would make the error of a model look
// small.
func ExactScheme(m *Matrix, limit int) (codebook.Scheme, bool) {
	values := FewValues(m.W, limit)
	if !bothSigns(values) || exactGrid(values) == nil || RowsRepeat(m) {
		return codebook.Scheme{}, false
	}
	return codebook.Scheme{Name: "scalar", Width: 1, K: len(values)}, true
}

// RowsRepeat reports whether scheme rows holds the matrix in less than a bit a weight, which no
// other does.
func RowsRepeat(m *Matrix) bool {
	k := differentRows(m.W, m.Cols, codebook.MaxCentroids)
	return k <= codebook.MaxCentroids && k*m.Cols+m.Rows < m.weights()/8
}

// exactLayer returns a layer of scheme scalar that holds a matrix as it is, but for the sign of 0,
// nil if k centroids cannot.
func exactLayer(m *Matrix, k int) *codebook.Layer {
	values := FewValues(m.W, k)
	g := exactGrid(values)
	if g == nil {
		return nil
	}
	l := &codebook.Layer{Rows: m.Rows, Cols: m.Cols, Width: 1, Scale: float32(g.step),
		ZeroPoint: g.zero, Assignments: make([]byte, len(m.W))}
	slices.Sort(values)
	index := make(map[float32]byte, len(values))
	for i, v := range values {
		index[v] = byte(i)
		l.Centroids = append(l.Centroids, g.quantise(v))
	}
	for i, v := range m.W {
		l.Assignments[i] = index[v]
	}
	return l
}

// exactGrid finds a grid that all values lie on, bit for bit, nil if there is none: steps as long
// as the least of them, or as the least gap between two.
func exactGrid(values []float32) *grid {
	least, gap := float32(math.MaxFloat32), float32(math.MaxFloat32)
	sorted := append([]float32{0}, values...)
	slices.Sort(sorted)
	for i, v := range sorted[1:] {
		if d := v - sorted[i]; d > 0 {
			gap = min(gap, d)
		}
	}
	for _, v := range values {
		if v != 0 {
			least = min(least, max(v, -v))
		}
	}
	for _, step := range []float32{least, gap} {
		lo, hi := float64(sorted[0])/float64(step), float64(sorted[len(sorted)-1])/float64(step)
		if hi == lo || hi-lo > 255 {
			continue
		}
		g := &grid{float64(step), byte(math.RoundToEven(-lo))}
		off := func(v float32) bool { return step*float32(int(g.quantise(v))-int(g.zero)) != v }
		if !slices.ContainsFunc(values, off) {
			return g
		}
	}
	return nil
}

// FewValues returns the different values of w, -0 as 0, nil if they are more than limit or one is a
// NaN.
func FewValues(w []float32, limit int) []float32 {
	var values []float32
	seen := make(map[float32]bool, limit)
	for _, v := range w {
		if seen[v] {
			continue
		}
		if v != v || len(values) == limit {
			return nil
		}
		seen[v] = true
		values = append(values, v)
	}
	return values
}

func bothSigns(values []float32) bool {
	below, above := false, false
	for _, v := range values {
		below, above = below || v < 0, above || v > 0
	}
	return below && above
}
