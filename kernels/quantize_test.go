package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkQuantize holds one tier against scalar. Behind q and scales there is room in which nothing
// may be written, except where they end at a guard page.
func checkQuantize(t *testing.T, fn quantizeFunc, rng *rand.Rand, p place, name string,
	values []float32, block int) {
	t.Helper()
	n, blocks := len(values), ceilDiv(len(values), block)
	room := 0
	if p == offset {
		room = 64
	}
	x := alloc[float32](t, p, rng, n)
	copy(x, values)
	got, gotScales := alloc[int8](t, p, rng, n+room), alloc[float32](t, p, rng, blocks+room)
	for i := range got {
		got[i] = 99
	}
	for i := range gotScales {
		gotScales[i] = math.Float32frombits(canary)
	}
	want, wantScales := slices.Clone(got), slices.Clone(gotScales)
	wantOK := quantizeScalar(want, wantScales, x, block)
	what := fmt.Sprintf("%s: %d values in blocks of %d, %v", name, n, block, p)
	if ok := fn(got, gotScales, x, block); ok != wantOK {
		t.Fatalf("%s: returned %v, want %v", what, ok, wantOK)
	}
	if !wantOK {
		return
	}
	sameFloats(t, what+", scales", gotScales, wantScales)
	for i, v := range got {
		if v != want[i] {
			t.Fatalf("%s: value %d became %d, want %d", what, i, v, want[i])
		}
	}
}

// quantizeKinds are kinds of input; value gives the i-th value.
var quantizeKinds = []struct {
	name  string
	value func(rng *rand.Rand, i int) float32
}{
	{"normal", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) }},
	{"negative", func(rng *rand.Rand, _ int) float32 { return -float32(rng.ExpFloat64()) }},
	{"any magnitude", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32() &^ 0x40000000) }},
	{"denormal", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32() & 0x807fffff) }},
	{"about 2^-100", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(0x0d7ffffe + rng.Uint32N(4)) }},
	{"about 127", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(0x42fdffff + rng.Uint32N(3)) }},
	{"zero", func(_ *rand.Rand, i int) float32 { return []float32{0, float32(math.Copysign(0, -1))}[i%2] }},
	{"huge", func(_ *rand.Rand, i int) float32 { return []float32{math.MaxFloat32, -math.MaxFloat32, 1}[i%3] }},
	// The largest value is 127, so the factor is 1 and halves stay halves.
	{"halves", func(_ *rand.Rand, i int) float32 { return []float32{127, 0.5, -1.5, 2.5, -126.5, 125.5}[i%6] }},
}

func TestQuantize(t *testing.T) {
	forEachTier(t, "quantize", quantizeTiers, func(t *testing.T, fn quantizeFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for i, n := range lengths(16) {
			x := make([]float32, n)
			for j, block := range []int{1, 4, 7, 8, 16, 31, 32, 48, 64, 100, 128, 255, 256} {
				if testing.Short() && (i+j)%3 != 0 {
					continue
				}
				for k, kind := range quantizeKinds {
					for i := range x {
						x[i] = kind.value(rng, i)
					}
					checkQuantize(t, fn, rng, offset, kind.name, x, block)
					if k == 0 {
						checkQuantize(t, fn, rng, tail, kind.name, x, block)
						checkQuantize(t, fn, rng, head, kind.name, x, block)
					}
				}
			}
		}
	})
}

func TestQuantizeNotFinite(t *testing.T) {
	forEachTier(t, "quantize", quantizeTiers, func(t *testing.T, fn quantizeFunc) {
		for _, bits := range []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
			0xffffffff} {
			for _, n := range []int{1, 67, 100} {
				q, scales, x := make([]int8, n), make([]float32, n), make([]float32, n)
				for i := range x {
					x[i] = math.Float32frombits(bits)
					for _, block := range []int{1, 4, 64, 256} {
						if fn(q, scales, x, block) {
							t.Errorf("%#x at %d of %d values in blocks of %d passed as finite",
								bits, i, n, block)
						}
					}
					x[i] = 1
				}
			}
		}
	})
}

func TestQuantizeClearsTheRest(t *testing.T) {
	q := []int8{9, 9, 9, 9, 9}
	if !best.Quantize(q, make([]float32, 1), []float32{1, -1, 0}, 4) ||
		!slices.Equal(q, []int8{127, -127, 0, 0, 0}) {
		t.Errorf("got %v", q)
	}
}

func FuzzQuantize(f *testing.F) {
	f.Add(byte(63), []byte("\x00\x00\xfe\x42\x00\x00\x00\x3f\x00\x00\xc0\xbf"))
	f.Add(byte(255), make([]byte, 4*300))
	f.Add(byte(2), []byte("\x00\x00\x80\x0d\xff\xff\x7f\x7f\x00\x00\x80\x7f\x01\x00\x00\x80"))
	f.Fuzz(func(t *testing.T, block byte, data []byte) {
		rng := rand.New(rand.NewPCG(1, 1))
		for _, tr := range quantizeTiers {
			if tr.need&^host == 0 {
				checkQuantize(t, tr.fn, rng, offset, tr.name, floats(data), int(block)+1)
			}
		}
	})
}

func BenchmarkQuantize(b *testing.B) {
	for _, s := range []struct{ n, block int }{{384, 32}, {1024, 64}, {1024, 256}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x := make([]float32, s.n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		q, scales := make([]int8, s.n), make([]float32, s.n/s.block)
		for _, tr := range quantizeTiers {
			b.Run(fmt.Sprintf("tier=%s/n=%d/block=%d", tr.name, s.n, s.block), func(b *testing.B) {
				if lack := tr.need &^ host; lack != 0 {
					b.Skipf("host lacks %v", lack)
				}
				b.SetBytes(int64(4 * s.n))
				for b.Loop() {
					tr.fn(q, scales, x, s.block)
				}
			})
		}
	}
}
