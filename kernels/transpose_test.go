package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// checkTranspose holds one tier against the meaning.
func checkTranspose(t *testing.T, fn transposeFunc, rng *rand.Rand, p place, rows, cols int) {
	t.Helper()
	x, dst := normals(t, rng, p, rows*cols), normals(t, rng, p, rows*cols)
	fn(dst, x, rows, cols)
	for r := range rows {
		for c := range cols {
			if got, want := dst[c*rows+r], x[r*cols+c]; got != want {
				t.Fatalf("[%d, %d], %v: column %d of row %d is %v, want %v", rows, cols, p, c, r,
					got, want)
			}
		}
	}
}

func TestTranspose(t *testing.T) {
	forEachTier(t, "transpose", transposeTiers, func(t *testing.T, fn transposeFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for rows := range 2*transposeStrip + 2 {
			for cols := range 4*8 + 2 {
				checkTranspose(t, fn, rng, place(rng.IntN(int(places))), rows, cols)
			}
		}
		for p := range places {
			checkTranspose(t, fn, rng, p, 128, 384)
		}
	})
}

func TestTransposePanics(t *testing.T) {
	three := make([]float32, 3)
	for name, f := range map[string]func(){
		"a short x":       func() { best.Transpose(make([]float32, 4), three, 2, 2) },
		"a short dst":     func() { best.Transpose(three, make([]float32, 4), 2, 2) },
		"a negative size": func() { best.Transpose(three, three, -1, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func FuzzTranspose(f *testing.F) {
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{16, 8, 1})
	f.Add([]byte{25, 33, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, tr := range transposeTiers {
			if tr.need&^host == 0 {
				checkTranspose(t, tr.fn, fuzzRNG(data), place(byteAt(data, 2))%places,
					byteAt(data, 0), byteAt(data, 1))
			}
		}
	})
}

func BenchmarkTranspose(b *testing.B) {
	for _, s := range []struct{ rows, cols int }{{128, 384}, {16, 384}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x, dst := alignedNormals(rng, s.rows*s.cols), make([]float32, s.rows*s.cols)
		benchEachTier(b, transposeTiers, fmt.Sprintf("rows=%d/cols=%d", s.rows, s.cols),
			func(b *testing.B, fn transposeFunc) {
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					fn(dst, x, s.rows, s.cols)
				}
			})
	}
}
