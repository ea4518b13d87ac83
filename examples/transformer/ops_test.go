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

func TestLayerNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const eps = 1e-5
	for _, n := range []int{1, 3, 4, 7, 384} {
		x, gain, bias := make([]float32, n), make([]float32, n), make([]float32, n)
		mean := 0.0
		for i := range x {
			x[i] = float32(rng.NormFloat64()*3 + 10)
			gain[i], bias[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			mean += float64(x[i]) / float64(n)
		}
		square := eps
		for _, v := range x {
			square += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		got := make([]float32, n)
		LayerNorm(got, x, gain, bias, eps)
		for i, v := range x {
			want := (float64(v)-mean)/math.Sqrt(square)*float64(gain[i]) + float64(bias[i])
			if math.Abs(float64(got[i])-want) > 1e-5 {
				t.Fatalf("of %d: %d is %v, want %v", n, i, got[i], want)
			}
		}
		LayerNorm(x, x, gain, bias, eps)
		if !slices.Equal(x, got) {
			t.Errorf("of %d: in place it differs", n)
		}
	}
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

func BenchmarkLayerNorm(b *testing.B) {
	x := make([]float32, 384)
	for b.Loop() {
		LayerNorm(x, x, x, x, 1e-12)
	}
}
