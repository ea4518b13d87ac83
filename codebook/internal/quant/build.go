package quant

import (
	"context"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/kernels"
)

// Matrix is a matrix to be stored, and what is known beside its weights.
type Matrix struct {
	W          []float32 // [Rows, Cols], row-major, finite
	Rows, Cols int
	Table      bool             // rows are looked up one by one, so that each row's error counts
	Moments    *moments.Moments // of the inputs; nil: unknown
	Calibrated bool             // Moments of other matrices are known, with which this one competes
	Overhead   int64            // bytes of a file's header for a layer of scheme trellis, at most
}

// weights is how many there are.
func (m *Matrix) weights() int { return m.Rows * m.Cols }

// Sample returns so many of the rows, which stand for all.
func (m *Matrix) Sample(rows int) *Matrix {
	s := *m
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

// Target is what a layer of a scheme that allows any rate is to come to.
type Target struct {
	Step Step // of the quantiser to begin with
	Goal Goal // not to be exceeded
}

// Options of building layers.
type Options struct {
	Seed    uint64 // of k-means
	Threads int    // 1 or more
	Kernels *kernels.Set
	Sampled int // weights of a matrix that its rate is measured on, about
}

// Build makes a layer of a matrix. t is for schemes whose rate can be chosen.
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
