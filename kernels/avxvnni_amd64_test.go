//go:build !purego

package kernels

import (
	"math/rand/v2"
	"testing"
)

func TestInstructionVPDPBUSD(t *testing.T) {
	if host&avxvnni == 0 {
		t.Skip("this machine lacks avxvnni")
	}
	rng := rand.New(rand.NewPCG(8, 8))
	for round := range 100 {
		var acc, want [8][8]int32
		var w [32]uint8
		var x [32]int8
		for i := range w {
			w[i], x[i] = uint8(rng.Uint32()), int8(rng.Uint32())
			if round == 0 { // each pair of products would saturate 16 bits
				w[i], x[i] = 255, -128
			}
		}
		for i := range acc {
			for lane := range acc[i] {
				acc[i][lane] = int32(rng.Uint32())
				want[i][lane] = acc[i][lane]
				for j := range 4 {
					want[i][lane] += int32(w[4*lane+j]) * int32(x[4*lane+j])
				}
			}
		}
		executeVPDPBUSD(&acc, &w, &x)
		if acc != want {
			t.Fatalf("weights %v, inputs %v: sums\n%v, want\n%v", w, x, acc, want)
		}
	}
}
