package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// nearestCase is one call of nearest.
type nearestCase struct {
	n, stride, d, k         int
	points, centroids, half []float32
}

// newNearest makes a case of n points with stride - n values between the planes that no one may
// use: they are NaN. Every third centroid repeats an earlier one, so that there are ties.
func newNearest(rng *rand.Rand, n, stride, d, k int) nearestCase {
	c := nearestCase{n: n, stride: stride, d: d, k: k}
	c.points = make([]float32, (d-1)*stride+n)
	for i := range c.points {
		c.points[i] = float32(rng.NormFloat64())
		if i%stride >= n {
			c.points[i] = float32(math.NaN())
		}
	}
	c.centroids = make([]float32, k*d)
	for i := range c.centroids {
		c.centroids[i] = float32(rng.NormFloat64())
	}
	c.half = make([]float32, k)
	for i := range k {
		if i%3 == 2 {
			from := rng.IntN(i)
			copy(c.centroids[i*d:][:d], c.centroids[from*d:][:d])
		}
		for _, v := range c.centroids[i*d:][:d] {
			c.half[i] += float32(v * v / 2)
		}
	}
	return c
}

func (c nearestCase) check(t *testing.T, fn nearestFunc) {
	t.Helper()
	want, wantScores := make([]byte, c.n), make([]float32, c.n)
	nearestScalar(want, wantScores, c.points, c.stride, c.d, c.centroids, c.half)
	got, gotScores := make([]byte, c.n), make([]float32, c.n)
	fn(got, gotScores, c.points, c.stride, c.d, c.centroids, c.half)
	for i := range got {
		if got[i] != want[i] || math.Float32bits(gotScores[i]) != math.Float32bits(wantScores[i]) {
			t.Fatalf("n=%d stride=%d d=%d k=%d: point %d: centroid %d with %x, want %d with %x",
				c.n, c.stride, c.d, c.k, i, got[i], gotScores[i], want[i], wantScores[i])
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tr := range nearestTiers {
		t.Run(tr.name, func(t *testing.T) {
			if lack := tr.need &^ host; lack != 0 {
				t.Skipf("host lacks %v", lack)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for _, d := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 64, 127, 128, 129, 387} {
				for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 255, 256} {
					for _, n := range []int{1, 2, 15, 16, 17, 63, 64, 65, 80, 129} {
						if d > 16 && k > 16 && n%16 != 1 {
							continue
						}
						newNearest(rng, n, n+rng.IntN(3), d, k).check(t, tr.fn)
					}
				}
			}
		})
	}
}

func checkQuantize(t *testing.T, fn quantizeFunc, name string, x []float32, block int) {
	t.Helper()
	blocks := ceilDiv(len(x), block)
	want, wantScales := make([]int8, len(x)), make([]float32, blocks)
	wantOK := quantizeScalar(want, wantScales, x, block)
	got, gotScales := make([]int8, len(x)), make([]float32, blocks)
	if ok := fn(got, gotScales, x, block); ok != wantOK {
		t.Fatalf("%s: %d values, block %d: returned %v, want %v", name, len(x), block, ok, wantOK)
	}
	if !wantOK {
		return
	}
	for b, s := range gotScales {
		if math.Float32bits(s) != math.Float32bits(wantScales[b]) {
			t.Fatalf("%s: %d values, block %d: scale %d is %x, want %x", name, len(x), block, b, s, wantScales[b])
		}
	}
	for i, v := range got {
		if v != want[i] {
			t.Fatalf("%s: %d values, block %d: value %d, %x, became %d, want %d", name, len(x), block, i, x[i], v, want[i])
		}
	}
}

func TestQuantize(t *testing.T) {
	for _, tr := range quantizeTiers {
		t.Run(tr.name, func(t *testing.T) {
			if lack := tr.need &^ host; lack != 0 {
				t.Skipf("host lacks %v", lack)
			}
			rng := rand.New(rand.NewPCG(3, 4))
			lengths := []int{255, 256, 257, 1023, 1024, 1025}
			for n := range 4*16 + 2 {
				lengths = append(lengths, n)
			}
			for _, n := range lengths {
				for _, block := range []int{1, 4, 7, 8, 16, 31, 32, 48, 64, 100, 128, 255, 256} {
					x := make([]float32, n)
					for _, kind := range quantizeKinds {
						for i := range x {
							x[i] = kind.value(rng, i)
						}
						checkQuantize(t, tr.fn, kind.name, x, block)
					}
				}
			}
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Float64frombits(0xfff8 << 48)} {
				for _, n := range []int{1, 67, 100} {
					for i := range n {
						x := make([]float32, n)
						x[i] = float32(bad)
						for _, block := range []int{4, 64, 256} {
							checkQuantize(t, tr.fn, "not finite", x, block)
						}
					}
				}
			}
		})
	}
}

// quantizeKinds are kinds of input; value gives the i-th value.
var quantizeKinds = []struct {
	name  string
	value func(rng *rand.Rand, i int) float32
}{
	{"normal", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) }},
	{"negative", func(rng *rand.Rand, _ int) float32 { return -float32(rng.ExpFloat64()) }},
	{"any magnitude", func(rng *rand.Rand, _ int) float32 { return finite(math.Float32frombits(rng.Uint32())) }},
	{"denormal", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32() & 0x807fffff) }},
	{"about 2^-100", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(0x0d7ffffe + rng.Uint32N(4)) }},
	{"about 127", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(0x42fdffff + rng.Uint32N(3)) }},
	{"zero", func(_ *rand.Rand, i int) float32 { return []float32{0, float32(math.Copysign(0, -1))}[i%2] }},
	{"huge", func(_ *rand.Rand, i int) float32 { return []float32{math.MaxFloat32, -math.MaxFloat32, 1}[i%3] }},
	// The largest value is 127, so the factor is 1 and halves stay halves.
	{"halves", func(_ *rand.Rand, i int) float32 { return []float32{127, 0.5, -1.5, 2.5, -126.5, 125.5}[i%6] }},
}

// finite returns v, or a number instead when it is none.
func finite(v float32) float32 {
	if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
		return 1
	}
	return v
}

// checkDense holds a result against the sum in float64. A float32 sum of n products in any order
// has an error of at most n*eps/2 * sum|a*b| to first order, eps being 2^-23; c = 1 leaves a factor
// of two for the terms of higher order.
func checkDense(t *testing.T, name string, got float32, a, b []float32) {
	t.Helper()
	const c, eps = 1, 0x1p-23
	var want, size float64
	for i, v := range a {
		want += float64(v) * float64(b[i])
		size += math.Abs(float64(v) * float64(b[i]))
	}
	if bound := c * float64(len(a)) * eps * size; !(math.Abs(float64(got)-want) <= bound) {
		t.Fatalf("%s: got %v, want %v within %v", name, got, want, bound)
	}
}

func normals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestDenseVec(t *testing.T) {
	for _, tr := range denseVecTiers {
		t.Run(tr.name, func(t *testing.T) {
			if lack := tr.need &^ host; lack != 0 {
				t.Skipf("host lacks %v", lack)
			}
			rng := rand.New(rand.NewPCG(5, 6))
			lengths := []int{255, 256, 257, 1023, 1024, 1025}
			for n := range 8*16 + 2 {
				lengths = append(lengths, n)
			}
			for _, cols := range lengths {
				for _, rows := range []int{1, 2, 5} {
					w, x, y := normals(rng, rows*cols), normals(rng, cols), normals(rng, rows)
					tr.fn(y, w, x)
					for r := range rows {
						checkDense(t, fmt.Sprintf("row %d of [%d, %d]", r, rows, cols), y[r], w[r*cols:][:cols], x)
					}
				}
			}
		})
	}
}

func TestDenseMat(t *testing.T) {
	for _, tr := range denseMatTiers {
		t.Run(tr.name, func(t *testing.T) {
			if lack := tr.need &^ host; lack != 0 {
				t.Skipf("host lacks %v", lack)
			}
			rng := rand.New(rand.NewPCG(7, 8))
			check := func(rows, cols, n int) {
				const canary = 12345
				ld := rows + rng.IntN(3)
				w, x, y := normals(rng, rows*cols), normals(rng, n*cols), make([]float32, (n-1)*ld+rows)
				for i := range y {
					y[i] = canary
				}
				tr.fn(y, ld, w, x, rows, cols, n)
				for i, got := range y {
					v, r := i/ld, i%ld
					if r < rows {
						checkDense(t, fmt.Sprintf("row %d, vector %d of [%d, %d] by %d", r, v, rows, cols, n), got, w[r*cols:][:cols], x[v*cols:][:cols])
					} else if got != canary {
						t.Fatalf("[%d, %d] by %d: wrote beyond the rows of vector %d", rows, cols, n, v)
					}
				}
			}
			for cols := range 4*16 + 2 {
				for n := 1; n <= 14; n++ {
					check(1+rng.IntN(13), cols, n)
				}
			}
			for rows := 1; rows <= 9; rows++ {
				for _, cols := range []int{1023, 1024, 1025, 2050} {
					check(rows, cols, 1+rng.IntN(14))
				}
			}
			check(1030, 130, 13) // more than one block of weights
			check(300, 1300, 8)
		})
	}
}
