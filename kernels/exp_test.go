package kernels

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// expKinds are kinds of input; value gives the i-th value.
var expKinds = []struct {
	name  string
	value func(rng *rand.Rand, i int) float32
}{
	{"normal", func(rng *rand.Rand, _ int) float32 { return float32(3 * rng.NormFloat64()) }},
	{"wide", func(rng *rand.Rand, _ int) float32 { return float32(100 * rng.NormFloat64()) }},
	{"tiny", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32() & 0x80ffffff) }},
	{"equal", func(*rand.Rand, int) float32 { return -7 }},
	{"zero", func(_ *rand.Rand, i int) float32 { return []float32{0, float32(math.Copysign(0, -1))}[i%2] }},
	{"minus zero", func(*rand.Rand, int) float32 { return float32(math.Copysign(0, -1)) }},
	{"huge", func(_ *rand.Rand, i int) float32 {
		return []float32{math.MaxFloat32 / 4, -math.MaxFloat32 / 4, 1}[i%3]
	}},
}

// expGates are the operations on pairs of values.
var expGates = []struct {
	name   string
	tiers  []tier[expGateFunc]
	scalar expGateFunc
}{
	{"exp-gelu", expGELUTiers, expGELUScalar},
	{"exp-swiglu", expSwiGLUTiers, expSwiGLUScalar},
}

func checkExpSum(t *testing.T, fn expSumFunc, p place, name string, x []float32, scale float32) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	got := alloc[float32](t, p, rng, len(x))
	copy(got, x)
	want := slices.Clone(x)
	gotSum, wantSum := fn(got, scale), expSumOf(expSumLargestScalar, expSumScalar)(want, scale)
	what := fmt.Sprintf("%s: %d values, %v", name, len(x), p)
	sameFloats(t, what, got, want)
	sameFloats(t, what+", the sum", []float32{gotSum}, []float32{wantSum})
}

func checkExpGate(t *testing.T, fn, scalar expGateFunc, p place, name string, x, y []float32) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	got, gotY := alloc[float32](t, p, rng, len(x)), alloc[float32](t, p, rng, len(x))
	copy(got, x)
	copy(gotY, y)
	want := slices.Clone(x)
	fn(got, gotY)
	scalar(want, y)
	sameFloats(t, fmt.Sprintf("%s: %d values, %v", name, len(x), p), got, want)
}

func TestExp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	each := func(t *testing.T, check func(p place, name string, x, y []float32)) {
		for _, n := range lengths(16) {
			x, y := make([]float32, n), make([]float32, n)
			for k, kind := range expKinds {
				for i := range x {
					x[i], y[i] = kind.value(rng, i), kind.value(rng, i+1)
				}
				check(offset, kind.name, x, y)
				if k == 0 {
					check(tail, kind.name, x, y)
					check(head, kind.name, x, y)
				}
			}
		}
	}
	forEachTier(t, "exp-sum", expSumTiers, func(t *testing.T, fn expSumFunc) {
		each(t, func(p place, name string, x, _ []float32) {
			for _, scale := range []float32{1, 0.17677669, 0} {
				checkExpSum(t, fn, p, name, x, scale)
			}
		})
	})
	for _, op := range expGates {
		forEachTier(t, op.name, op.tiers, func(t *testing.T, fn expGateFunc) {
			each(t, func(p place, name string, x, y []float32) {
				checkExpGate(t, fn, op.scalar, p, name, x, y)
			})
		})
	}
}

// TestExpSumIsExponential holds the meaning against math.Exp; all tiers give the same bits.
func TestExpSumIsExponential(t *testing.T) {
	x := []float32{0}
	for z := float32(0.0001); z < 86; z += 0.00317 {
		x = append(x, -z)
	}
	got := slices.Clone(x)
	sum := float64(best.ExpSum(got, 1))
	wantSum := 0.0
	for i, v := range x {
		want := math.Exp(float64(v))
		bound := (3 + math.Abs(float64(v))) / (1 << 22)
		if off := math.Abs(float64(got[i])-want) / want; off > bound {
			t.Fatalf("e^%v is %v, want %v: off by %.2g of it, at most %.2g", v, got[i], want, off,
				bound)
		}
		wantSum += want
	}
	if math.Abs(sum-wantSum) > 1e-6*wantSum {
		t.Errorf("the sum is %v, want %v", sum, wantSum)
	}
	far := []float32{-1000, 5, -math.MaxFloat32}
	if sum := best.ExpSum(far, 1); sum != 1 || far[1] != 1 || far[0] > 0x1p-125 || far[2] > 0x1p-125 {
		t.Errorf("far below the largest: %v, sum %v", far, sum)
	}
	if sum := best.ExpSum(nil, 1); sum != 0 {
		t.Errorf("the sum of nothing is %v", sum)
	}
}

// TestGELUIsGELU does so with math.Erfc.
func TestGELUIsGELU(t *testing.T) {
	var x []float32
	for v := float32(-20); v < 20; v += 0.00041 {
		x = append(x, v)
	}
	x = append(x, 0, math.MaxFloat32, -math.MaxFloat32)
	got := slices.Clone(x)
	best.GELU(got, make([]float32, len(x)))
	worst := 0.0
	for i, v := range x {
		want := float64(v) / 2 * math.Erfc(-float64(v)/math.Sqrt2)
		off := math.Abs(float64(got[i])-want) - 1.5*0x1p-23*math.Abs(want)
		if off > 2e-7 {
			t.Fatalf("GELU(%v) is %v, want %v", v, got[i], want)
		}
		worst = max(worst, off)
	}
	t.Logf("off by at most %.2g beside rounding", worst)
}

// TestExpNumbers holds the one constant that is not of a fit: scale times log2 e, from the inverse
// of ln 2, which is the sum of 1/(n 2^n).
func TestExpNumbers(t *testing.T) {
	float := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	ln2, power := float(0), float(1)
	for n := 1; n < 200; n++ {
		power.Quo(power, float(2))
		ln2.Add(ln2, new(big.Float).Quo(power, float(float64(n))))
	}
	want, _ := new(big.Float).Quo(float(1), ln2).Float64()
	if math.Log2E != want {
		t.Errorf("log2 e is %v, want %v", math.Log2E, want)
	}
}

// TestSwiGLUIsSwiGLU does so with math.Exp.
func TestSwiGLUIsSwiGLU(t *testing.T) {
	var x []float32
	for v := float32(-87); v < 90; v += 0.00317 {
		x = append(x, v)
	}
	got := slices.Clone(x)
	best.SwiGLU(got, slices.Repeat([]float32{-3}, len(x)))
	for i, v := range x {
		want := -3 * float64(v) / (1 + math.Exp(-float64(v)))
		limit := math.Abs(want) * (4 + max(0, -float64(v))) / (1 << 22)
		if math.Abs(float64(got[i])-want) > limit {
			t.Fatalf("SiLU(%v) times -3 is %v, want %v", v, got[i], want)
		}
	}
	for _, v := range []float32{-math.MaxFloat32, -1000, 1000, math.MaxFloat32} {
		x := []float32{v}
		best.SwiGLU(x, []float32{1})
		if want := max(v, 0); x[0] != want && math.Abs(float64(x[0]-want)) > 1e-35 {
			t.Errorf("SiLU(%v) is %v", v, x[0])
		}
	}
}

func TestExpGatePanics(t *testing.T) {
	for name, op := range map[string]func(x, y []float32){"GELU": best.GELU, "SwiGLU": best.SwiGLU} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			op(make([]float32, 3), make([]float32, 2))
		})
	}
}

func FuzzExp(f *testing.F) {
	f.Add(float32(1), []byte("\x00\x00\xfe\x42\x00\x00\x00\x3f\x00\x00\xc0\xbf"))
	f.Add(float32(0.125), make([]byte, 4*70))
	f.Fuzz(func(t *testing.T, scale float32, data []byte) {
		x := floats(data)
		for i, v := range x {
			if !(math.Abs(float64(v)) < 1e30) {
				x[i] = float32(i)
			}
		}
		if !(scale >= 0 && scale < 1e6) || len(x) == 0 {
			return
		}
		for _, tr := range expSumTiers {
			if tr.need&^host == 0 {
				checkExpSum(t, tr.fn, offset, tr.name, x, scale)
			}
		}
		for _, op := range expGates {
			for _, tr := range op.tiers {
				if tr.need&^host == 0 {
					y := slices.Repeat([]float32{scale}, len(x))
					checkExpGate(t, tr.fn, op.scalar, offset, tr.name, x, y)
				}
			}
		}
	})
}

func BenchmarkExp(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y, bias := make([]float32, 1024), make([]float32, 1024), make([]float32, 1024)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, tr := range expSumTiers {
		b.Run("op=exp-sum/tier="+tr.name, func(b *testing.B) {
			if lack := tr.need &^ host; lack != 0 {
				b.Skipf("host lacks %v", lack)
			}
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				copy(y, x)
				tr.fn(y, 1)
			}
		})
	}
	for _, op := range expGates {
		for _, tr := range op.tiers {
			b.Run("op="+op.name+"/tier="+tr.name, func(b *testing.B) {
				if lack := tr.need &^ host; lack != 0 {
					b.Skipf("host lacks %v", lack)
				}
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					copy(y, x)
					tr.fn(y, bias)
				}
			})
		}
	}
}
