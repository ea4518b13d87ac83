package quant

import (
	"context"
	"math"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/floats"
)

// headOf is what is stored of a layer of scheme trellis in front of its assignments.
func headOf(l *codebook.Layer) *stream.Head {
	return &stream.Head{
		Rows: l.Rows, Cols: l.Cols, Centroids: l.Centroids, ColScales: l.ColScales,
		RowScales: l.RowScales, Outliers: l.Outliers, WindowBits: l.WindowBits,
	}
}

// layer makes the layer of the levels that the last search chose, of which st are the statistics.
func (c *coding) layer(ctx context.Context, s Step, st *levelStats) (*codebook.Layer, error) {
	top := byte(c.top())
	l := &codebook.Layer{
		Rows: c.rows, Cols: c.cols, Width: 1, ZeroPoint: levelZero,
		ColScales: c.sensitivity.codes, RowScales: c.sensitivity.rowCodes,
		Assignments: c.byRows(top), Outliers: apart(st.outliers, c.cols, c.exponent),
	}
	c.levels = nil // as much as the layer takes
	l.Centroids, l.Scale = c.centroids(s, st)
	c.coder.Zero = top
	blocks, err := c.encode(ctx, l.Assignments)
	if err != nil {
		return nil, err
	}
	l.Stream = c.coder.Append(headOf(l).Append(nil), blocks)
	return l, nil
}

// noiseOf is what a squared error of 1 in units of the steps counts for this step of the quantiser.
func (c *coding) noiseOf(s Step) float64 {
	v := s.Value()
	if !c.sensitivity.relative {
		v = c.stepOf(s)
	}
	return v * v
}

// stepOf is the step of a column of scale 1 in units of the matrix as it was given.
func (c *coding) stepOf(s Step) float64 {
	return s.Value() * math.Ldexp(c.sensitivity.unit, c.exponent)
}

// top is the largest level that any class has.
func (c *coding) top() int {
	top := 0
	for _, t := range c.coder.Tables {
		top = max(top, int(t.Max))
	}
	return top
}

// centroids makes centroids of the levels up to top, both signs, on the grid of bytes: where no
// feedback goes by them the means of the weights of each and the scale that then leaves the least
// error, else the levels themselves.
func (c *coding) centroids(s Step, st *levelStats) (centroids []byte, scale float32) {
	step, top, free := c.stepOf(s), c.top(), c.sensitivity.factor == nil
	spacing := max(entropy.MaxLevel/top, 1)
	centroids = make([]byte, 2*top+1)
	var dot, square float64
	for i := range centroids {
		level := i - top
		n := st.mass[level+levelZero]
		value := float64(level)
		if sum := st.sums[level+levelZero]; free && n > 0 && level != 0 {
			value = sum / n
		}
		value = min(max(math.RoundToEven(value*float64(spacing)), -entropy.MaxLevel),
			entropy.MaxLevel)
		centroids[i] = byte(int(value) + levelZero)
		dot += float64(st.sums[level+levelZero] * value)
		square += float64(n * value * value)
	}
	if free && square > 0 && dot > 0 {
		return centroids, floats.Finite(step * dot / square)
	}
	return centroids, floats.Finite(step / float64(spacing))
}

// sideBytes is what the layer takes in a file beside its encoded levels, at most: overhead is what
// every layer takes.
func (c *coding) sideBytes(overhead int64, outliers []outlier) float64 {
	front := stream.Head{
		Cols: c.cols, Centroids: make([]byte, 2*c.top()+1),
		Outliers:  apart(outliers, c.cols, c.exponent),
		ColScales: c.sensitivity.codes, RowScales: c.sensitivity.rowCodes,
	}
	blocks := c.coder.Blocks()
	stream := c.coder.Append(front.Append(nil), make([][]byte, blocks))
	return float64(overhead) + float64(len(stream)+blocks*entropy.Overhead(c.cols))
}

// levelBytes is what the levels of st take by the frequencies of the tables, those of each class
// counted as often as its factor says; nil: once.
func (c *coding) levelBytes(st *levelStats, factors []float64) (float64, error) {
	costs, err := c.coder.Costs(1)
	if err != nil {
		return 0, err
	}
	bits := 0.0
	for class := range costs {
		sum := 0.0
		for i, n := range st.counts[class] {
			if n > 0 {
				sum += float64(float64(n) * float64(costs[class][i]))
			}
		}
		if factors != nil {
			sum *= factors[class]
		}
		bits += sum
	}
	return bits / 8, nil
}

// noise is what the layer of st leaves, in units of the inputs: sums of (x-level)^2 turned into
// those of (x-value)^2, with the levels' values as they are stored.
func (c *coding) noise(st *levelStats, s Step) float64 {
	centroids, scale := c.centroids(s, st)
	unit := float64(scale) / c.stepOf(s)
	sum := 0.0
	for _, v := range st.noise {
		sum += v
	}
	for i, b := range centroids {
		level := i - c.top()
		value := float64(unit * float64(int(b)-levelZero))
		off := value - float64(level)
		mass, weighted := st.mass[level+levelZero], st.sums[level+levelZero]
		sum += float64(off * (float64(mass*(value+float64(level))) - 2*weighted))
	}
	return sum * c.noiseOf(s)
}
