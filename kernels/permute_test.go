package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// checkPermute holds one tier against the meaning.
func checkPermute(t *testing.T, fn permuteFunc, rng *rand.Rand, p place, d, n int) {
	t.Helper()
	src, dst := alloc[int8](t, p, rng, 4*d*n), alloc[int8](t, p, rng, 4*d*n)
	for i := range src {
		src[i] = int8(rng.Uint32())
	}
	fn(dst, src, d)
	for at, v := range dst {
		quad, j, i := at/(4*d), at%(4*d)/4, at%4
		if want := src[4*d*quad+d*i+j]; v != want {
			t.Fatalf("%d times four segments of %d, %v: value %d is %d, want %d", n, d, p, at, v,
				want)
		}
	}
}

func TestPermute(t *testing.T) {
	forEachTier(t, "permute", permuteTiers, func(t *testing.T, fn permuteFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for d := 1; d <= 64; d++ {
			for p := range places {
				for n := range 4 {
					checkPermute(t, fn, rng, p, d, n)
				}
			}
		}
	})
}

func TestPermuteWindows(t *testing.T) {
	m := &Matrix{Quads: 24, BlockQuads: 16}
	src, dst := make([]int8, 96), make([]int8, 96)
	for i := range src {
		src[i] = int8(i)
	}
	best.PermuteWindows(dst, src, m)
	for i, v := range dst {
		want := i%4*16 + i/4
		if i >= 64 {
			want = 64 + i%4*8 + (i-64)/4
		}
		if int(v) != want {
			t.Errorf("value %d is that of column %d, want %d", i, v, want)
		}
	}
}

func TestPermutePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"half a quad":   func() { best.PermuteInput(make([]int8, 6), make([]int8, 6), 3) },
		"a short dst":   func() { best.PermuteInput(make([]int8, 8), make([]int8, 12), 3) },
		"of no columns": func() { best.PermuteInput(make([]int8, 12), make([]int8, 12), 0) },
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

func FuzzPermute(f *testing.F) {
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{63, 2, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, tr := range permuteTiers {
			if tr.need&^host == 0 {
				checkPermute(t, tr.fn, fuzzRNG(data), place(byteAt(data, 2))%places,
					1+byteAt(data, 0)%100, byteAt(data, 1)%8)
			}
		}
	})
}

func BenchmarkPermute(b *testing.B) {
	for _, d := range []int{2, 64} {
		src, dst := make([]int8, 1536), make([]int8, 1536)
		benchEachTier(b, permuteTiers, fmt.Sprintf("n=%d/d=%d", len(src), d),
			func(b *testing.B, fn permuteFunc) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					fn(dst, src, d)
				}
			})
	}
}
