package quant

import (
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// setScales takes over factors of the rows and columns, as 8-bit logarithms.
func (c *windowCoding) setScales(s *spread) {
	c.rowCodes, c.rowScales = scaleCodes(s.rows)
	c.colCodes, c.colScales = scaleCodes(s.cols)
	c.base = slices.Max(s.rows) * slices.Max(s.cols)
}

// scaleCodes returns factors, over the largest, as codes and as the values of these.
func scaleCodes(factors []float64) (codes []byte, values []float64) {
	inverse := reciprocal(slices.Max(factors))
	codes, values = make([]byte, len(factors)), make([]float64, len(factors))
	for i, f := range factors {
		if f > 0 { // a row without a scale would be stored as outliers
			codes[i] = logscale.Code(max(float32(f*inverse), math.SmallestNonzeroFloat32))
		}
		values[i] = float64(logscale.Value(codes[i]))
	}
	return codes, values
}

// gaussianWindows returns what windowTables says.
func gaussianWindows(bits int) []float32 {
	values := make([]float32, codebook.MaxCentroids)
	for i, v := range windowTables[bits-kernels.MinWindowBits] {
		values[i] = float32(v) / 32
	}
	return values
}

// setTable rounds the values of windows to the grid of bytes.
func (c *windowCoding) setTable(values []float32) {
	c.grid = gridOver(values)
	for i, v := range values {
		c.centroids[i] = c.grid.quantise(v)
		c.table[i] = c.grid.value(c.centroids[i])
	}
}

// train moves the value of each window to the mean of its weights. Rows are added up in stripes, so
// that the result does not depend on the number of threads.
func (c *windowCoding) train() {
	const stripe = 64
	type sums struct {
		value, weight [codebook.MaxCentroids]float64
	}
	parts := make([]sums, ceilDiv(c.rows, stripe))
	weights := c.columnWeights()
	par.Ranges(c.threads, len(parts), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s := &parts[i]
			for r := i * stripe; r < min((i+1)*stripe, c.rows); r++ {
				row := c.rowScales[r] * c.rowScales[r]
				windows := c.windows[r*c.cols:][:c.cols]
				for k, x := range c.scaled[r*c.cols:][:c.cols] {
					if x == outlying {
						continue
					}
					w := float64(row * float64(weights[k]))
					s.weight[windows[k]] += w
					s.value[windows[k]] += float64(w * float64(x))
				}
			}
		}
	})
	values := c.table
	for k := range values {
		value, weight := 0.0, 0.0
		for i := range parts {
			value += parts[i].value[k]
			weight += parts[i].weight[k]
		}
		if weight > 0 {
			values[k] = float32(value / weight)
		}
	}
	c.setTable(values[:])
}
