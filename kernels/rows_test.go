package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rowsOperations are those on rows: their tables, and what they do with two values.
var rowsOperations = []struct {
	name  string
	tiers []tier[rowsFunc]
	of    func(a, b float32) float32
}{
	{"rows-scale", rowsScaleTiers, func(a, b float32) float32 { return a * b }},
	{"rows-add", rowsAddTiers, func(a, b float32) float32 { return a + b }},
}

func TestRows(t *testing.T) {
	for _, op := range rowsOperations {
		forEachTier(t, op.name, op.tiers, func(t *testing.T, fn rowsFunc) {
			rng := rand.New(rand.NewPCG(3, 4))
			for _, n := range lengths(16)[1:] {
				for p := range places {
					for rows := range 3 {
						x, by := normals(t, rng, p, rows*n), normals(t, rng, p, n)
						dst := normals(t, rng, p, rows*n)
						want := make([]float32, len(x))
						for i, v := range x {
							want[i] = op.of(v, by[i%n])
						}
						what := fmt.Sprintf("%d rows of %d, %v", rows, n, p)
						fn(dst, x, by)
						sameFloats(t, what, dst, want)
						fn(x, x, by)
						sameFloats(t, what+", in place", x, want)
					}
				}
			}
			x := []float32{math.MaxFloat32, -math.MaxFloat32, 0, float32(math.Copysign(0, -1))}
			x = slices.Repeat(x, 8)
			want := make([]float32, len(x))
			for i, v := range x {
				want[i] = op.of(v, v)
			}
			dst := make([]float32, len(x))
			fn(dst, x, x)
			sameFloats(t, "extremes", dst, want)
		})
	}
}

func TestRowsPanic(t *testing.T) {
	three := make([]float32, 3)
	for name, f := range map[string]func(){
		"half a row":   func() { best.AddRows(three, three, make([]float32, 2)) },
		"rows of none": func() { best.AddRows(three, three, nil) },
		"a short dst":  func() { best.ScaleRows(three[:2], three, three) },
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
	best.AddRows(nil, nil, nil)
}

func FuzzRows(f *testing.F) {
	f.Add(byte(1), []byte("\x00\x00\xfe\x42\x00\x00\x00\x3f\x00\x00\xc0\xbf"))
	f.Add(byte(2), make([]byte, 4*70))
	f.Fuzz(func(t *testing.T, rows byte, data []byte) {
		by := floats(data)
		for i, v := range by {
			if v != v {
				by[i] = 1 // the bits of a NaN are not promised
			}
		}
		if len(by) == 0 {
			return
		}
		x := slices.Repeat(by, int(rows)%4)
		for _, op := range rowsOperations {
			want := make([]float32, len(x))
			op.tiers[len(op.tiers)-1].fn(want, x, by)
			for i, v := range want {
				if v != v {
					want[i] = 0
				}
			}
			for _, tr := range op.tiers {
				if tr.need&^host == 0 {
					got := make([]float32, len(x))
					tr.fn(got, x, by)
					for i, v := range got {
						if v != v {
							got[i] = 0
						}
					}
					sameFloats(t, op.name+"/"+tr.name, got, want)
				}
			}
		}
	})
}

func BenchmarkRows(b *testing.B) {
	const rows, n = 128, 384
	rng := rand.New(rand.NewPCG(1, 2))
	x, by := alignedNormals(rng, rows*n), alignedNormals(rng, n)
	dst := make([]float32, len(x))
	for _, op := range rowsOperations {
		benchEachTier(b, op.tiers, fmt.Sprintf("op=%s/rows=%d/cols=%d", op.name, rows, n),
			func(b *testing.B, fn rowsFunc) {
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					fn(dst, x, by)
				}
			})
	}
}
