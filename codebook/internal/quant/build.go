package quant

import (
	"context"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// Matrix is a matrix to be stored, and what is known beside its weights.
type Matrix struct {
	W          []float32 // [Rows, Cols], row-major, finite
	Rows, Cols int
	Embedding  bool             // rows are looked up one by one, so that each row's error counts
	Output     bool             // an embedding that is multiplied with too, for a model's output
	Moments    *moments.Moments // with Squares of the inputs; nil: unknown
	Lookups    []float32        // how often each row is looked up; nil: unknown
	// Sensitivity is what is known of it as [moments.Moments] has it; 0: nothing.
	Sensitivity float64
	Calibrated  bool  // the model has Moments for other matrices, if not for this one
	Overhead    int64 // most bytes that an entropy-coded layer takes in a file's header

	extremes *extremes // nil: not known yet
}

// weights is how many there are.
func (m *Matrix) weights() int { return m.Rows * m.Cols }

// Sample returns a matrix of so many of the rows, spread over all of them.
func (m *Matrix) Sample(rows int) *Matrix {
	s := *m
	s.extremes = nil
	s.Rows, s.W = rows, make([]float32, 0, rows*m.Cols)
	for i := range rows {
		s.W = append(s.W, m.W[sampleRow(i, rows, m.Rows)*m.Cols:][:m.Cols]...)
	}
	return &s
}

// sampleRow is the i-th of n rows that stand for all: spread evenly, but not at even distances,
// which could be those of a pattern.
func sampleRow(i, n, rows int) int {
	const golden = 40503 // 2^16 times the golden ratio's fraction, whose multiples spread well
	at := int64(i)<<16 + int64(i)*golden&0xffff
	return int(at * int64(rows) / (int64(n) << 16))
}

// Target is what a layer of scheme trellis, entropy coded, is to cost.
type Target struct {
	Step Step // of the quantiser, where the search for the right one begins
	Goal Goal // not to be exceeded
}

// Options of building layers.
type Options struct {
	Seed    uint64 // of k-means
	Threads par.Share
	Kernels *kernels.Set
	Sampled int // about how many weights of a matrix a Sketch measures on
}

// Build makes a layer of a matrix. t counts where AnyRate(s) is true.
//
// Weights may be of any size, but a layer has float32 scales: where the largest weight is below
// 2^-96, digits are lost, and what lies far below the largest (rows whose weights are below 2^-24
// of it, mostly) comes out as 0.
func Build(ctx context.Context, m *Matrix, s codebook.Scheme, t Target, o Options) (
	*codebook.Layer, error) {
	return schemeRowOf(s).build(ctx, m, s, t, o)
}

// grow returns s with length n, what it held included; the rest is unspecified.
func grow[T any](s []T, n int) []T { return slices.Grow(s, max(0, n-len(s)))[:n] }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
