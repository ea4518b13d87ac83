package transformer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 17, 128, 1000} {
		x := make([]float32, n)
		sum := 0.0
		for i := range x {
			x[i] = float32(rng.NormFloat64()*5 + 200) // e^200 is no float32
			sum += math.Exp(float64(x[i]) - 200)
		}
		got := slices.Clone(x)
		Softmax(got)
		for i, v := range x {
			want := math.Exp(float64(v)-200) / sum
			if math.Abs(float64(got[i])-want) > 6e-7 {
				t.Fatalf("of %d: softmax %d is %v, want %v", n, i, got[i], want)
			}
		}
	}
	Softmax(nil)
}

func BenchmarkSoftmax(b *testing.B) {
	x, to := make([]float32, 128), make([]float32, 128)
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for b.Loop() {
		copy(to, x)
		Softmax(to)
	}
}
