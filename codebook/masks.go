package codebook

import (
	"fmt"
	"math"
	"slices"
)

// noWeights says why values that are in the form of a matrix are no weights: masks and tables of
// positions, which have to stay as they are. It returns "" for weights, whatever they are like, and
// for a few values that exactLayer holds.
func noWeights(w []float32, rows, cols int, s Settings) string {
	if v, ok := lowest(w); ok {
		return fmt.Sprintf("a mask: it holds %v", v)
	}
	if stepsAlong(w, rows, cols) {
		return "a table of positions: its values go up or down in equal steps"
	}
	values := fewValues(w, min(s.fewest(rows, cols), len(w)/2)) // a mask repeats its values
	switch _, exact := exactScheme(w, rows, cols, s); {
	case slices.ContainsFunc(values, isInf):
		return fmt.Sprintf("a mask: it has %d different values, infinities among them", len(values))
	case len(values) < 2 || exact || rowsRepeat(w, rows, cols):
		return "" // many, or one, or what is stored as it is
	}
	return fmt.Sprintf("a mask or an index: it has %d different values", len(values))
}

func isInf(v float32) bool { return math.IsInf(float64(v), 0) }

// exactScheme returns the scheme that holds weights of a few different values as they are, in fewer
// bits than they are to take: those of binary and ternary networks. Where rows repeat, storing each
// once is better still; values of one sign are those of masks, whose size would make the error of a
// model look small.
func exactScheme(w []float32, rows, cols int, s Settings) (Scheme, bool) {
	values := fewValues(w, s.fewest(rows, cols))
	if !bothSigns(values) || exactGrid(values) == nil || rowsRepeat(w, rows, cols) {
		return Scheme{}, false
	}
	return Scheme{Name: "scalar", Width: 1, K: len(values)}, true
}

// rowsRepeat reports whether scheme rows holds the matrix in less than a bit a weight, which no
// other does.
func rowsRepeat(w []float32, rows, cols int) bool {
	k := differentRows(w, cols, MaxCentroids)
	return k <= MaxCentroids && k*cols+rows < len(w)/8
}

// exactLayer returns a layer of scheme scalar that holds w as it is, but for the sign of 0, nil if
// k centroids cannot.
func exactLayer(w []float32, rows, cols, k int) *Layer {
	values := fewValues(w, k)
	g := exactGrid(values)
	if g == nil {
		return nil
	}
	l := &Layer{Rows: rows, Cols: cols, Width: 1, Scale: float32(g.step), ZeroPoint: g.zero,
		Assignments: make([]byte, len(w))}
	slices.Sort(values)
	index := make(map[float32]byte, len(values))
	for i, v := range values {
		index[v] = byte(i)
		l.Centroids = append(l.Centroids, g.quantise(v))
	}
	for i, v := range w {
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

// lowest finds a value that masks hold and weights do not: the lowest finite one of a dtype of 16
// or 32 bits.
func lowest(w []float32) (float32, bool) {
	const f16, bf16 = -65504, -0x1.fep+127
	for _, v := range w {
		if v == f16 || v == bf16 || v == -math.MaxFloat32 {
			return v, true
		}
	}
	return 0, false
}

// stepsAlong reports whether all rows go up or down in steps that are equal within a row, or all
// columns.
func stepsAlong(w []float32, rows, cols int) bool {
	return steps(w, rows, cols, cols, 1) || steps(w, cols, rows, 1, cols)
}

// steps looks at n lines of values, apart from line to line and stride from value to value. Lines
// of a single value over and over are no steps, unless others are.
func steps(w []float32, n, length, apart, stride int) bool {
	if length < 3 {
		return false
	}
	some := false
	for i := range n {
		line := w[i*apart:]
		d := line[stride] - line[0]
		some = some || d != 0
		for j := 2; j < length; j++ {
			if line[j*stride]-line[(j-1)*stride] != d {
				return false
			}
		}
	}
	return some
}

// fewest is how many different values a matrix has at most that are told apart by fewer bits than
// its weights are to take.
func (s Settings) fewest(rows, cols int) int {
	bits := s.Bits
	if bits == 0 {
		bits = DefaultBits
	}
	bytes := s.Scheme.fileBytes(rows, cols, bits) - headerBytes
	fewer := int(math.Ceil(8*float64(bytes)/(float64(rows)*float64(cols)))) - 1
	return 1 << min(max(fewer, 0), 8)
}

// fewValues returns the different values of w, -0 as 0, nil if they are more than limit or one is a
// NaN.
func fewValues(w []float32, limit int) []float32 {
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
