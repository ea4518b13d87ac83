package codebook

import (
	"math/rand/v2"
	"testing"
)

func TestSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, fill := range []func() int8{
		func() int8 { return -128 },
		func() int8 { return 127 },
		func() int8 { return int8(rng.Uint32()) },
	} {
		var q []int8
		want := int32(0)
		for n := range 257 {
			if got := sum(q); got != want {
				t.Fatalf("sum of %d values: got %d, want %d", n, got, want)
			}
			q = append(q, fill())
			want += int32(q[n])
		}
	}
}
