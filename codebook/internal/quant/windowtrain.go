package quant

import (
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/internal/stream"
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
func gaussianWindows(bits int) (centroids [kernels.WindowCentroids]float32) {
	for i, v := range windowTables[bits-kernels.MinWindowBits] {
		centroids[i] = float32(v) / 64
	}
	return centroids
}

// setTable rounds the centroids of windows to a grid of bytes that spans their sums, and 0.
func (c *windowCoding) setTable(centroids [kernels.WindowCentroids]float32) {
	lower, upper := centroids[:windowHalf], centroids[windowHalf:]
	least := slices.Min(upper)
	c.grid = gridOver([]float32{
		slices.Min(lower) + least, slices.Max(lower) + least,
		slices.Min(lower) + slices.Max(upper), slices.Max(lower) + slices.Max(upper),
	})
	var bytes [kernels.WindowCentroids]byte
	for i, v := range lower {
		bytes[i] = c.grid.quantise(v + least)
		c.table[i] = c.grid.value(bytes[i])
	}
	room := 255 - slices.Max(bytes[:windowHalf])
	for i, v := range upper {
		b := min(c.grid.steps(v-least), room)
		bytes[windowHalf+i] = b
		c.table[windowHalf+i] = float32(c.grid.step * float64(b))
	}
	c.centroids = stream.SumCentroids(bytes[:])
}

const windowHalf = kernels.WindowCentroids / 2

// train moves the centroids of windows to where they leave least error. Rows are added up in
// stripes, so that the result does not depend on the number of threads.
func (c *windowCoding) train() {
	const stripe = 64
	parts := make([]windowSums, ceilDiv(c.rows, stripe))
	weights := c.columnWeights()
	par.Ranges(c.threads(), len(parts), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s := &parts[i]
			for r := i * stripe; r < min((i+1)*stripe, c.rows); r++ {
				row := c.rowScales[r] * c.rowScales[r]
				assignments := c.assignments[r*c.cols:][:c.cols]
				for k, x := range c.scaled[r*c.cols:][:c.cols] {
					if x == outlying {
						continue
					}
					w := float64(row * float64(weights[k]))
					s.weight[assignments[k]] += w
					s.value[assignments[k]] += float64(w * float64(x))
				}
			}
		}
	})
	var sums windowSums
	for i := range parts {
		for a := range sums.weight {
			sums.weight[a] += parts[i].weight[a]
			sums.value[a] += parts[i].value[a]
		}
	}
	c.setTable(sums.fit(c.table))
}

// windowSums are the weights of all values by assignment, and the weighted sums of these values.
type windowSums struct {
	value, weight [kernels.Centroids]float64
}

// fit returns the centroids of least squares, one half after the other, from these on.
func (s *windowSums) fit(table [kernels.WindowCentroids]float32) [kernels.WindowCentroids]float32 {
	const rounds = 10
	for round := range 2 * rounds {
		// Of one half, given the other.
		moved, fixed := table[:windowHalf], table[windowHalf:]
		if round%2 != 0 {
			moved, fixed = fixed, moved
		}
		for k := range moved {
			value, weight := 0.0, 0.0
			for j, other := range fixed {
				a := j<<4 | k
				if round%2 != 0 {
					a = k<<4 | j
				}
				weight += s.weight[a]
				value += s.value[a] - float64(s.weight[a]*float64(other))
			}
			if weight > 0 {
				moved[k] = float32(value / weight)
			}
		}
	}
	return table
}
