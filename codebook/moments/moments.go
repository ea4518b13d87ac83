// Package moments has what calibration measures of a layer: second moments of its inputs, which
// tell compression in which columns errors count, and how much the answers of the model depend on
// it.
package moments

import (
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/floats"
)

// Moments says how large the inputs x of a layer are, as a mean over calibration data: of every
// column, or of every pair of columns. It may say more, or only that.
type Moments struct {
	Squares []float32 // E[x^2] of each column; nil: unknown
	// E[x x^T], cols x cols, row-major, its diagonal in Squares too; nil: only the squares are
	// known
	Matrix []float32
	// Lookups says how often the calibration data has looked up each row of a table; nil: unknown.
	Lookups []float32
	// Sensitivity is what an error of the layer costs the answers of the model: their loss, as a
	// part of the squared relative error of the layer's output (a table's rows) and for each
	// weight, beside the mean over the weights of all matrices; 0: unknown.
	Sensitivity float64
}

// asymmetry is by how much E[x_i x_j] may differ from E[x_j x_i], as a part of the root of E[x_i^2]
// E[x_j^2]: what rounding leaves of long sums in float32.
const asymmetry = 1e-4

// New takes E[x^2] [cols] or E[x x^T] [cols, cols] for a layer of cols columns. It keeps the slice.
// What cannot be a mean of squares is an error: values that are not finite or too many, negative
// squares, a matrix that is not symmetric but for rounding. Where its triangles differ, the upper
// one counts.
func New(values []float32, cols int) (*Moments, error) {
	if len(values) != cols && len(values) != cols*cols {
		return nil, fmt.Errorf("%d values, expected %d or %d x %d", len(values), cols, cols, cols)
	}
	if i := floats.IndexNonfinite(values); i >= 0 {
		return nil, fmt.Errorf("value %d is %v", i, values[i])
	}
	m := &Moments{Squares: values}
	if len(values) == cols*cols {
		m.Squares, m.Matrix = make([]float32, cols), values
		for i := range cols {
			m.Squares[i] = values[i*cols+i]
		}
	}
	for i, v := range m.Squares {
		if v < 0 {
			return nil, fmt.Errorf("the mean square of column %d is %v, below 0", i, v)
		}
	}
	return m, m.checkSymmetry()
}

// Check returns what is wrong with what New has not seen, for a matrix of so many rows.
func (m *Moments) Check(rows int) error {
	if m.Lookups != nil && len(m.Lookups) != rows {
		return fmt.Errorf("lookups of %d rows, expected %d", len(m.Lookups), rows)
	}
	for i, n := range m.Lookups {
		if !(n >= 0 && n <= math.MaxFloat32) {
			return fmt.Errorf("%v lookups of row %d", n, i)
		}
	}
	if s := m.Sensitivity; !(s >= 0 && s <= math.MaxFloat32) {
		return fmt.Errorf("a sensitivity of %v", s)
	}
	return nil
}

// checkSymmetry walks through squares, so that columns are read along lines of the cache.
func (m *Moments) checkSymmetry() error {
	if m.Matrix == nil {
		return nil
	}
	cols := len(m.Squares)
	roots := make([]float64, cols)
	for i, v := range m.Squares {
		roots[i] = math.Sqrt(float64(v))
	}
	const side = 64
	for top := 0; top < cols; top += side {
		for left := 0; left <= top; left += side {
			for i := top; i < min(top+side, cols); i++ {
				for j := left; j < min(left+side, i); j++ {
					a, b := m.Matrix[i*cols+j], m.Matrix[j*cols+i]
					if math.Abs(float64(a)-float64(b)) > asymmetry*roots[i]*roots[j] {
						return fmt.Errorf("the matrix is not symmetric: "+
							"[%d, %d] is %v, [%d, %d] is %v", i, j, a, j, i, b)
					}
				}
			}
		}
	}
	return nil
}
