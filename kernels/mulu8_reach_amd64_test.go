//go:build !purego

package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkReach holds the tier against what it stands for.
func checkReach(t *testing.T, rng *rand.Rand, p place, x extreme, quads int) {
	t.Helper()
	codes := alloc[byte](t, p, rng, 4*PanelRows*quads)
	for i := range codes {
		codes[i] = pickByte(rng, x, 0, 0, 255)
	}
	largest := alloc[byte](t, p, rng, 4*quads)
	for i := range largest {
		largest[i] = byte(rng.Uint32())
	}
	squares := [2]int32{rng.Int32N(1 << 17), rng.Int32N(1 << 17)}
	want, wantSquares := slices.Clone(largest), squares
	reachScalar(want, &wantSquares, codes)
	mulU8ReachAVX2(largest, &squares, codes)
	if !slices.Equal(largest, want) || squares != wantSquares {
		t.Fatalf("%d quads, %v: %v and %v, want %v and %v", quads, p, largest, squares, want,
			wantSquares)
	}
}

func TestMulU8Reach(t *testing.T) {
	if lack := avx2 &^ host; lack != 0 {
		t.Skipf("this machine lacks %v", lack)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for quads := 1; quads <= runQuads; quads++ {
		for p := range places {
			for x := range extremes {
				checkReach(t, rng, p, x, quads)
			}
		}
	}
}

func BenchmarkMulU8Reach(b *testing.B) {
	if lack := avx2 &^ host; lack != 0 {
		b.Skipf("this machine lacks %v", lack)
	}
	codes := make([]byte, 4*PanelRows*runQuads)
	largest, squares := make([]byte, 4*runQuads), [2]int32{}
	b.SetBytes(int64(len(codes)))
	for b.Loop() {
		mulU8ReachAVX2(largest, &squares, codes)
	}
}
