//go:build !purego

package kernels

import (
	"math/rand/v2"
	"testing"
)

func TestInstructionsOfAMX(t *testing.T) {
	if host&amx == 0 {
		t.Skipf("this machine lacks %s", lacks(amx, host, amxRefusal))
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for round := range 10 {
		var c, want [5][16][16]int32
		var a [16][64]int8
		var b [16][64]uint8
		for i := range 16 {
			for j := range 64 {
				a[i][j], b[i][j] = signed(byte(rng.Uint32())), uint8(rng.Uint32())
				if round == 0 {
					a[i][j], b[i][j] = signed(128), 255
				}
			}
		}
		for i := range c {
			for m := range 16 {
				for n := range 16 {
					c[i][m][n] = int32(rng.Uint32())
					if i == 4 {
						continue
					}
					sum := c[i][m][n]
					for k := range 64 {
						sum += int32(a[m][k]) * int32(b[k/4][4*n+k%4])
					}
					want[i][m][n] = sum
				}
			}
		}
		executeTiles(&c, &a, &b)
		if c != want {
			t.Fatalf("round %d: %v, want %v", round, c, want)
		}
	}
}
