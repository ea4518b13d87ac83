package compress

import (
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/dtype"
)

// noWeights says why values that are in the form of a matrix are no weights: masks and tables of
// positions, which have to stay as they are. It returns "" for weights, whatever they are like, and
// for a few values that a scheme holds as they are.
// Of the values, top is the largest magnitude.
func noWeights(m *quant.Matrix, s Settings, top float32) string {
	w, limit := m.W, s.fewest(m.Rows, m.Cols)
	if v, ok := lowest(w, top); ok {
		return fmt.Sprintf("a mask: it holds %v", v)
	}
	if stepsAlong(w, m.Rows, m.Cols) {
		return "a table of positions: its values go up or down in equal steps"
	}
	values := quant.FewValues(w, min(limit, len(w)/2)) // a mask repeats its values
	switch _, exact := quant.ExactScheme(m, limit); {
	case slices.ContainsFunc(values, isInf):
		return fmt.Sprintf("a mask: it has %d different values, infinities among them", len(values))
	case len(values) < 2 || exact || quant.RowsRepeat(m):
		return "" // many, or one, or what is stored as it is
	}
	return fmt.Sprintf("a mask or an index: it has %d different values", len(values))
}

func isInf(v float32) bool { return math.IsInf(float64(v), 0) }

// lowest finds a value that masks hold and weights do not: the lowest finite one of a dtype of 16
// or 32 bits.
func lowest(w []float32, top float32) (float32, bool) {
	f16, bf16, f32 := lowestOf(dtype.F16), lowestOf(dtype.BF16), lowestOf(dtype.F32)
	if top < -max(f16, bf16, f32) {
		return 0, false // without looking at each
	}
	for _, v := range w {
		if v == f16 || v == bf16 || v == f32 {
			return v, true
		}
	}
	return 0, false
}

func lowestOf(name string) float32 { return -dtype.Of(name).Largest }

// stepsAlong reports whether all rows go up or down in steps that are equal within a row, or all
// columns.
func stepsAlong(w []float32, rows, cols int) bool {
	return equalSteps(w, rows, cols, cols, 1) || equalSteps(w, cols, rows, 1, cols)
}

// equalSteps looks at n lines of values, apart from line to line and stride from value to value.
// Lines of a single value over and over are no steps, unless others are.
func equalSteps(w []float32, n, length, apart, stride int) bool {
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
		bits = defaultBits
	}
	bytes := quant.FileBytes(s.Scheme, rows, cols, bits) - quant.HeaderBytes
	fewer := int(math.Ceil(8*float64(bytes)/(float64(rows)*float64(cols)))) - 1
	return 1 << min(max(fewer, 0), 8)
}
