package quant

import (
	"math"
	"slices"

	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
)

// far is how many times the spread of its row and column a weight may be before it says nothing
// about either.
const far = 4.5

// spread is how large the weights of a matrix are, as a product of one factor for the row and one
// for the column.
type spread struct{ rows, cols []float64 }

// newSpread fits the factors to the mean squares of the rows and columns of w, once with all
// weights and once without those that are far off.
func newSpread(w []float32, rows, cols int, threads par.Share) *spread {
	s := &spread{make([]float64, rows), make([]float64, cols)}
	for c := range s.cols {
		s.cols[c] = 1
	}
	limit := math.Inf(1)
	for range 2 {
		s.fitRows(w, limit, threads)
		s.fitCols(w, limit, threads)
		limit = far * far
	}
	return s
}

// fitRows sets the factors of the rows, those of the columns given.
func (s *spread) fitRows(w []float32, limit float64, threads par.Share) {
	cols := len(s.cols)
	inverse := make([]float64, cols)
	for c, f := range s.cols {
		inverse[c] = reciprocal(f * f)
	}
	par.Ranges(threads(), len(s.rows), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			top := limit * s.rows[r] * s.rows[r]
			if math.IsInf(limit, 1) {
				top = limit
			}
			sum, n := 0.0, 0
			for c, v := range w[r*cols:][:cols] {
				if square := float64(float64(v) * float64(v) * inverse[c]); square <= top {
					sum += square
					n++
				}
			}
			s.rows[r] = math.Sqrt(sum / float64(max(n, 1)))
		}
	})
}

// fitCols sets the factors of the columns. Rows are added up in stripes, so that the result does
// not depend on the number of threads.
func (s *spread) fitCols(w []float32, limit float64, threads par.Share) {
	const stripe = 256
	cols := len(s.cols)
	sums := make([][]float64, ceilDiv(len(s.rows), stripe)) // of the squares, then their number
	tops := make([]float64, cols)
	for c, f := range s.cols {
		if tops[c] = limit; !math.IsInf(limit, 1) {
			tops[c] = limit * f * f
		}
	}
	par.Ranges(threads(), len(sums), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := make([]float64, 2*cols)
			for r := i * stripe; r < min((i+1)*stripe, len(s.rows)); r++ {
				inverse := reciprocal(s.rows[r] * s.rows[r])
				for c, v := range w[r*cols:][:cols] {
					if square := float64(float64(v) * float64(v) * inverse); square <= tops[c] {
						sum[c] += square
						sum[cols+c]++
					}
				}
			}
			sums[i] = sum
		}
	})
	for c := range s.cols {
		square, n := 0.0, 0.0
		for _, sum := range sums {
			square += sum[c]
			n += sum[cols+c]
		}
		s.cols[c] = math.Sqrt(square / max(n, 1))
	}
}

func reciprocal(v float64) float64 {
	if v == 0 {
		return 0
	}
	return 1 / v
}

// inSteps brings the factors to units of the steps of rows and columns; nil: one step for all.
func (s *spread) inSteps(rows, cols []float32) {
	for r, step := range rows {
		s.rows[r] *= reciprocal(float64(step))
	}
	for c, step := range cols {
		s.cols[c] /= float64(step)
	}
}

// classes returns the classes that code best what is this widely spread. Classes at the ends that
// hold next to nothing are left out.
func (s *spread) classes() entropy.Classes {
	c := entropy.Classes{Rows: classCodes(s.rows), Cols: classCodes(s.cols)}
	c.Count = entropy.MaxClassCode + 1
	held := c.Held()
	// A class too wide for its elements costs little, one too narrow much.
	few, rare := 64, max(len(s.rows)*len(s.cols)/512, 512)
	for n := held[0]; n < rare && c.Count > 1; n += held[c.Low] {
		c.Low++
		c.Count--
	}
	for n := held[c.Low+c.Count-1]; n < few && c.Count > 1; n += held[c.Low+c.Count-1] {
		c.Count--
	}
	return c
}

// widest is the spread of what is most widely spread.
func (s *spread) widest() float64 { return slices.Max(s.rows) * slices.Max(s.cols) }

// belowWidest is the spread of a class as a part of the widest: that of the middle of the codes'
// sums that it stands for.
func belowWidest(class int) float64 {
	below := 2*(entropy.MaxClassCode-class) - 1 // eighths of an octave
	if below < 0 {
		return 1
	}
	return float64(logscale.Value(byte(255 - 2*below)))
}

// classCodes returns factors in eighths of an octave below the largest, which gets the largest
// code.
func classCodes(factors []float64) []byte {
	top := slices.Max(factors)
	codes := make([]byte, len(factors))
	for i, f := range factors {
		below := 255
		if f > 0 {
			below = 255 - int(logscale.Code(float32(f/top))) // in sixteenths
		}
		codes[i] = byte(max(entropy.MaxClassCode-(below+1)/2, 0))
	}
	return codes
}
