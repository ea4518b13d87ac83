package codebook

import (
	"context"
	"math"
)

// repeats is what scheme rows makes of a matrix that has no more different rows than a codebook has centroids.
type repeats struct {
	scheme Scheme
	goal   goal // the bytes and the noise that it comes to
}

// findRepeats returns nil for a matrix with more rows than that, or whose rows do not repeat.
func findRepeats(ctx context.Context, s *sketch, w []float32, opts Options) (*repeats, error) {
	rows, cols := s.whole.rows, s.whole.cols
	k := differentRows(w, cols, MaxCentroids)
	if k > MaxCentroids || k == rows || cols == 1 {
		return nil, nil
	}
	r := &repeats{scheme: Scheme{Name: "rows", K: k}}
	l, err := Build(ctx, w, rows, cols, r.scheme, opts.alone())
	if err != nil {
		return nil, err
	}
	steps, exponent := s.whole.sensitivity.times(1, cols), s.whole.exponent
	row := make([]float32, cols)
	for i := range rows {
		l.Row(row, i)
		for c, v := range row {
			e := float64(v) - float64(w[i*cols+c])
			if s.whole.sensitivity.relative {
				e = math.Ldexp(e, -exponent) / steps[c]
			}
			r.goal.noise += float64(e * e)
		}
	}
	r.goal.bytes = float64(l.storedBytes(l.K()) + headerBytes)
	return r, nil
}

// differentRows returns how many rows of w differ, and no more than limit+1. It goes by a hash: who takes two rows for
// one makes a layer with an error, which will not be preferred.
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
