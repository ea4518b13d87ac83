package transformer

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestExpSum(t *testing.T) {
	x := []float32{0}
	for z := float32(0.0001); z < 86.9; z += 0.00317 {
		x = append(x, -z)
	}
	for _, scale := range []float32{1, 0.125} {
		got := make([]float32, len(x))
		for i, v := range x {
			got[i] = v/scale + 3
		}
		sum := 0.0
		total := expSum(got, scale)
		for i, v := range x {
			want := math.Exp(float64(v))
			bound := (2 + math.Abs(float64(v))) / (1 << 23)
			if scale == 1 { // else v/scale + 3 is not exact
				bound += 3 * 0x1p-24
			} else {
				bound += (math.Abs(float64(v)) + 1) * 0x1p-23
			}
			if off := math.Abs(float64(got[i]) - want); off > bound*want {
				t.Fatalf("e^%v is %v, want %v: off by %.2g of it, at most %.2g", v, got[i], want,
					off/want, bound)
			}
			sum += float64(got[i])
		}
		if math.Abs(float64(total)-sum) > 1e-5*sum {
			t.Errorf("the sum is %v, want %v", total, sum)
		}
	}
	far := []float32{-1000, 5, float32(math.Inf(-1))}
	if expSum(far, 1); !slices.Equal(far, []float32{0, 1, 0}) {
		t.Errorf("far below the largest: %v", far)
	}
	if nan := []float32{1, float32(math.NaN()), 2}; expSum(nan, 1) == expSum(nan, 1) {
		t.Errorf("a NaN vanishes: %v", nan)
	}
}

// TestConstants holds what the functions are computed with against numbers of 200 bits.
func TestConstants(t *testing.T) {
	const bits = 200
	float := func(v float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(v) }
	// ln 2 is the sum of 1/(n 2^n), and log2 e its inverse.
	ln2, power := float(0), float(1)
	for n := 1; n < bits; n++ {
		power.Quo(power, float(2))
		ln2.Add(ln2, new(big.Float).Quo(power, float(float64(n))))
	}
	for _, c := range []struct {
		name      string
		got       float64
		want      *big.Float
		precision float64
	}{
		{"ln 2", math.Ln2, ln2, 0x1p-53},
		{"log2 e", math.Log2E, new(big.Float).Quo(float(1), ln2), 0x1p-53},
		{"2^(1/1024)", float64(math.Float32frombits(expTable[1])), root(float(2), 10), 0x1p-24},
		{"2^(1/2)", float64(math.Float32frombits(expTable[512])), root(float(2), 1), 0x1p-24},
	} {
		off := new(big.Float).Sub(float(c.got), c.want)
		off.Quo(off.Abs(off), c.want)
		if off.Cmp(float(c.precision)) > 0 {
			t.Errorf("%s = %v is off by %.3g of it", c.name, c.got, off)
		}
	}
}

// root takes square roots, n times.
func root(v *big.Float, n int) *big.Float {
	for range n {
		v = new(big.Float).Sqrt(v)
	}
	return v
}

func TestGELU(t *testing.T) {
	x := make([]float32, 0, 100_000)
	for v := float32(-12); v < 12; v += 0.00041 {
		x = append(x, v)
	}
	got := slices.Clone(x)
	GELU(got)
	worst := 0.0
	for i, v := range x {
		want := gelu(float64(v))
		off := math.Abs(float64(got[i])-want) - math.Abs(want)*0x1p-23
		if off > 1e-7 {
			t.Fatalf("GELU(%v) = %v, want %v", v, got[i], want)
		}
		worst = max(worst, off)
	}
	t.Logf("off by at most %.2g beside rounding", worst)
	extremes := []float32{float32(math.Inf(1)), math.MaxFloat32, -math.MaxFloat32,
		float32(math.Inf(-1)), 0, float32(math.NaN())}
	want := []float32{float32(math.Inf(1)), math.MaxFloat32, 0, 0, 0}
	GELU(extremes)
	if !slices.Equal(extremes[:5], want) || extremes[5] == extremes[5] {
		t.Errorf("extremes become %v, want %v and NaN", extremes, want)
	}
}

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

func BenchmarkGELU(b *testing.B) {
	x, to := make([]float32, 1536), make([]float32, 1536)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for b.Loop() {
		copy(to, x)
		GELU(to)
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
