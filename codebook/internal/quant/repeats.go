package quant

import (
	"context"
	"math"

	"github.com/palettize/palettize/codebook"
)

// Repeats is scheme rows for a matrix that has no more different rows than a codebook has
// centroids, with what that costs.
type Repeats struct {
	Scheme codebook.Scheme
	Cost
}

// FindRepeats returns nil for a matrix with more different rows than that, or whose rows do not
// repeat. Noise is weighted as in k, the sketch of the matrix.
func FindRepeats(ctx context.Context, k *Sketch, m *Matrix, o Options) (*Repeats, error) {
	cols := m.Cols
	n := differentRows(m.W, cols, codebook.MaxCentroids)
	if n > codebook.MaxCentroids || n == m.Rows || cols == 1 {
		return nil, nil
	}
	r := &Repeats{Scheme: codebook.Scheme{Name: "rows", K: n}}
	l, err := Build(ctx, m, r.Scheme, Target{}, o)
	if err != nil {
		return nil, err
	}
	in, exponent := &k.whole.sensitivity, k.whole.exponent
	steps := in.columnSteps(1, cols)
	row := make([]float32, cols)
	for i := range m.Rows {
		l.Row(row, i)
		for c, v := range row {
			e := float64(v) - float64(m.W[i*cols+c])
			if in.relative {
				e = math.Ldexp(e, -exponent) / steps[c]
			}
			r.Noise += float64(e * e)
		}
	}
	r.Bytes = float64(l.BytesStored() + HeaderBytes)
	return r, nil
}

// differentRows returns how many rows of w differ, and no more than limit+1. It goes by a hash: who
// takes two rows for one makes a layer with an error, which will not be preferred.
func differentRows(w []float32, cols, limit int) int {
	const offset, prime = 0xcbf29ce484222325, 0x100000001b3 // FNV-1a, a word at a time
	seen := make(map[uint64]bool)
	for ; len(w) > 0 && len(seen) <= limit; w = w[cols:] {
		hash := uint64(offset)
		for _, v := range w[:cols] {
			hash = (hash ^ uint64(math.Float32bits(v))) * prime
			hash ^= hash >> 29
		}
		seen[hash] = true
	}
	return len(seen)
}
