package gptq

import (
	"context"
	"math"

	"github.com/palettize/palettize/internal/par"
)

// triangle is the work space that a matrix H [n, n] is factored in.
//
// With the order of rows and columns reversed, H' = L * transpose(L), and U is inverse(L) with both
// orders reversed again: U costs one factorisation and one inversion of a triangle. L lies below
// the diagonal, transpose(inverse(L)) on and above it, so that every sum runs along two rows.
//
// The sums decide bytes of files. They are in float64, in the order of the columns, and products
// are rounded before they are subtracted; the libraries for this work differ in the last bits from
// one CPU to the next.
type triangle struct {
	n        int
	values   []float64 // n x n
	diagonal []float64 // of L
	threads  int
}

const (
	triangleColumns = 64  // that are finished together
	triangleTerms   = 512 // of a sum at a time: eight rows of these stay in the first cache
)

func newTriangle(n, threads int) *triangle {
	return &triangle{n, make([]float64, n*n), make([]float64, n), threads}
}

func (t *triangle) row(r int) []float64 { return t.values[r*t.n:][:t.n] }

// fill takes over H, its order reversed, and adds extra to the diagonal. What was above the
// diagonal counts.
func (t *triangle) fill(h []float32, extra float64) {
	for i, v := range h {
		t.values[len(h)-1-i] = float64(v)
	}
	for i := range t.n {
		t.values[i*t.n+i] += extra
	}
}

// factor turns H' into L. It returns false where the square of a value on the diagonal of L is
// below least, and with it an eigenvalue of H.
func (t *triangle) factor(ctx context.Context, least float64) (bool, error) {
	for lo := 0; lo < t.n; lo += triangleColumns {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		hi := min(lo+triangleColumns, t.n)
		par.Ranges(t.threads, t.n-lo, func(i, end int) {
			t.reduce(i, end, func(i int) int { return lo + i }, lo, hi)
		})
		for r := lo; r < hi; r++ {
			t.solve(r, lo, lo, r)
			row := t.row(r)
			square := row[r]
			for _, v := range row[lo:r] {
				square -= float64(v * v)
			}
			if !(square >= least) {
				return false, nil
			}
			t.diagonal[r] = math.Sqrt(square)
		}
		par.Ranges(t.threads, t.n-hi, func(i, end int) {
			for r := hi + i; r < hi+end; r++ {
				t.solve(r, lo, lo, hi)
			}
		})
	}
	return true, nil
}

// invert writes transpose(inverse(L)). Row r of it, x, solves L * x = column r of I and is 0 before
// r.
func (t *triangle) invert(ctx context.Context) error {
	for r := range t.n {
		row := t.row(r)
		row[r] = 1 / t.diagonal[r]
		clear(row[r+1:])
	}
	for lo := 0; lo < t.n; lo += triangleColumns {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+triangleColumns, t.n)
		// The first rows have the longest sums, so each thread gets rows of both ends.
		bothEnds := func(i int) int {
			if i%2 == 0 {
				return i / 2
			}
			return lo - 1 - i/2
		}
		par.Ranges(t.threads, lo, func(i, end int) { t.reduce(i, end, bothEnds, lo, hi) })
		par.Ranges(t.threads, hi, func(r, end int) {
			for ; r < end; r++ {
				t.solve(r, max(r, lo), max(r+1, lo), hi)
			}
		})
	}
	return nil
}

// reduce subtracts from columns lo to hi of the rows at(i) to at(end-1) the products of what lies
// before lo: for each row r and column c, for p ascending to lo (from the row's first value on,
// where the row is one of the inverse),
//
//	values[r][c] = values[r][c] - values[r][p] * values[c][p]
func (t *triangle) reduce(i, end int, at func(int) int, lo, hi int) {
	for p := 0; p < lo; p += triangleTerms {
		to := min(p+triangleTerms, lo)
		for c := lo; c < hi; c += 8 {
			for k := i; k < end; k++ {
				r, from := at(k), p
				if r < lo {
					from = max(p, r)
				}
				if from >= to {
					continue
				}
				row := t.row(r)
				if c+8 <= hi {
					t.reduceEight((*[8]float64)(row[c:]), row[from:to], c, from)
					continue
				}
				for last := c; last < hi; last++ {
					for q, v := range t.row(last)[from:to] {
						row[last] -= float64(row[from+q] * v)
					}
				}
			}
		}
	}
}

// reduceEight subtracts from the eight values d of columns c to c+7 the products with x, which
// begins in column from. Eight sums at a time hide the latency of a subtraction.
func (t *triangle) reduceEight(d *[8]float64, x []float64, c, from int) {
	at := func(i int) []float64 { return t.row(c + i)[from:][:len(x)] }
	r0, r1, r2, r3, r4, r5, r6, r7 := at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)
	d0, d1, d2, d3, d4, d5, d6, d7 := d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]
	for p, v := range x {
		d0 -= float64(v * r0[p])
		d1 -= float64(v * r1[p])
		d2 -= float64(v * r2[p])
		d3 -= float64(v * r3[p])
		d4 -= float64(v * r4[p])
		d5 -= float64(v * r5[p])
		d6 -= float64(v * r6[p])
		d7 -= float64(v * r7[p])
	}
	*d = [8]float64{d0, d1, d2, d3, d4, d5, d6, d7}
}

// solve finishes columns c to hi of row r, whose products are subtracted up to column from.
func (t *triangle) solve(r, from, c, hi int) {
	row := t.row(r)
	for ; c < hi; c++ {
		sum := row[c]
		for p, v := range t.row(c)[from:c] {
			sum -= float64(row[from+p] * v)
		}
		row[c] = sum / t.diagonal[c]
	}
}
