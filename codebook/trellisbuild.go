package codebook

import (
	"context"
	"math"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/floats"
)

// headOf is what is stored of a layer of scheme trellis in front of its assignments.
func headOf(l *Layer) *stream.Head {
	return &stream.Head{
		Rows: l.Rows, Cols: l.Cols, Centroids: l.Centroids, ColScales: l.ColScales,
		RowScales: l.RowScales, Outliers: l.Outliers, WindowBits: l.WindowBits,
	}
}

// finish makes l the layer of the levels that the last search chose, found being what it said of them.
func (c *coding) finish(ctx context.Context, l *Layer, s step, f *found) error {
	top := c.top()
	l.setLevels(c.stepOf(s), top, f, c.sensitivity.factor == nil)
	l.ColScales, l.RowScales = c.sensitivity.codes, c.sensitivity.rowCodes
	l.Assignments = c.byRows(byte(top))
	c.coder.Zero = byte(top)
	blocks, err := c.encode(ctx, l.Assignments)
	if err != nil {
		return err
	}
	l.Outliers = apart(f.outliers, c.cols, c.exponent)
	head := headOf(l)
	l.Stream = c.coder.Append(head.Append(nil), blocks)
	return nil
}

// noiseOf is what a squared error of 1 in units of the steps counts for this step of the quantiser.
func (c *coding) noiseOf(s step) float64 {
	v := s.value()
	if !c.sensitivity.relative {
		v = c.stepOf(s)
	}
	return v * v
}

// signal is the sum of squares that noise is to be compared with.
func (c *coding) signal() float64 {
	signal := c.sensitivity.signal(c.w)
	if !c.sensitivity.relative {
		signal = math.Ldexp(signal, 2*c.exponent)
	}
	return signal
}

// stepOf is the step of a column of scale 1 in units of the matrix as it was given.
func (c *coding) stepOf(s step) float64 {
	return s.value() * math.Ldexp(c.sensitivity.unit, c.exponent)
}

// top is the largest level that any class has.
func (c *coding) top() int {
	top := 0
	for _, t := range c.coder.Tables {
		top = max(top, int(t.Max))
	}
	return top
}

// setLevels makes centroids of the levels -top..top on the grid of bytes: where they are free the means of the weights of
// each and the scale that then leaves the least error, else the levels themselves.
func (l *Layer) setLevels(step float64, top int, f *found, free bool) {
	spacing := max(entropy.MaxLevel/top, 1)
	l.ZeroPoint = levelZero
	l.Centroids = make([]byte, 2*top+1)
	var dot, square float64
	for i := range l.Centroids {
		level := i - top
		n := f.mass[level+levelZero]
		value := float64(level)
		if sum := f.sums[level+levelZero]; free && n > 0 && level != 0 {
			value = sum / n
		}
		value = min(max(math.RoundToEven(value*float64(spacing)), -entropy.MaxLevel), entropy.MaxLevel)
		l.Centroids[i] = byte(int(value) + levelZero)
		dot += float64(f.sums[level+levelZero] * value)
		square += float64(n * value * value)
	}
	l.Scale = floats.Finite(step / float64(spacing))
	if free && square > 0 && dot > 0 {
		l.Scale = floats.Finite(step * dot / square)
	}
}
