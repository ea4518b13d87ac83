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
func checkQuantize(t *testing.T, fn quantizeFunc, rng *rand.Rand, p place, name string, values []float32, block int) {
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

// lengths are all up to four registers of width values and one more, then those about 256 and 1024.
func lengths(width int) []int {
	var ns []int
	for n := range 4*width + 2 {
		ns = append(ns, n)
	}
	return append(ns, 255, 256, 257, 1023, 1024, 1025)
}

func TestQuantize(t *testing.T) {
	forEachTier(t, "quantize", quantizeTiers, func(t *testing.T, fn quantizeFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, n := range lengths(16) {
			x := make([]float32, n)
			for _, block := range []int{1, 4, 7, 8, 16, 31, 32, 48, 64, 100, 128, 255, 256} {
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
		for _, bits := range []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff} {
			for _, n := range []int{1, 67, 100} {
				q, scales, x := make([]int8, n), make([]float32, n), make([]float32, n)
				for i := range x {
					x[i] = math.Float32frombits(bits)
					for _, block := range []int{1, 4, 64, 256} {
						if fn(q, scales, x, block) {
							t.Errorf("%#x at %d of %d values in blocks of %d passed as finite", bits, i, n, block)
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
	if !best.Quantize(q, make([]float32, 1), []float32{1, -1, 0}, 4) || !slices.Equal(q, []int8{127, -127, 0, 0, 0}) {
		t.Errorf("got %v", q)
	}
}

// nearestCase is one call of nearest.
type nearestCase struct {
	n, stride, d, k         int
	points, centroids, half []float32
}

// newNearest makes a case of n points with stride - n values between the planes that must not
// matter: they are NaN. Every third centroid repeats an earlier one, so that there are ties.
func newNearest(t testing.TB, rng *rand.Rand, p place, n, stride, d, k int) nearestCase {
	c := nearestCase{n: n, stride: stride, d: d, k: k}
	c.points = alloc[float32](t, p, rng, (d-1)*stride+n)
	for i := range c.points {
		c.points[i] = float32(rng.NormFloat64())
		if i%stride >= n {
			c.points[i] = float32(math.NaN())
		}
	}
	c.centroids = alloc[float32](t, p, rng, k*d)
	for i := range c.centroids {
		c.centroids[i] = float32(rng.NormFloat64())
	}
	c.half = alloc[float32](t, p, rng, k)
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

// check holds one tier against scalar. Behind the results there is room in which nothing may be
// written, except where they end at a guard page.
func (c nearestCase) check(t *testing.T, fn nearestFunc, rng *rand.Rand, p place) {
	t.Helper()
	room := 0
	if p == offset {
		room = 64
	}
	got, gotScores, gotSeconds := alloc[byte](t, p, rng, c.n+room), alloc[float32](t, p, rng, c.n+room), alloc[float32](t, p, rng, c.n+room)
	for i := range got {
		got[i], gotScores[i], gotSeconds[i] = 0xdd, math.Float32frombits(canary), math.Float32frombits(canary)
	}
	want, wantScores, wantSeconds := slices.Clone(got), slices.Clone(gotScores), slices.Clone(gotSeconds)
	nearestScalar(want[:c.n], wantScores, wantSeconds, c.points, c.stride, c.d, c.centroids, c.half)
	fn(got[:c.n], gotScores, gotSeconds, c.points, c.stride, c.d, c.centroids, c.half)
	what := fmt.Sprintf("%d points at a stride of %d, width %d, %d centroids, %v", c.n, c.stride, c.d, c.k, p)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s: point %d got centroid %d, want %d", what, i, got[i], want[i])
	}
	sameFloats(t, what, gotScores, wantScores)
	sameFloats(t, what+", second best", gotSeconds, wantSeconds)
	for i := range got {
		got[i], gotScores[i] = 0xdd, math.Float32frombits(canary)
	}
	fn(got[:c.n], gotScores, nil, c.points, c.stride, c.d, c.centroids, c.half)
	if i := firstDifference(got, want); i >= 0 {
		t.Fatalf("%s, without the second best: point %d got centroid %d, want %d", what, i, got[i], want[i])
	}
	sameFloats(t, what+", without the second best", gotScores, wantScores)
}

func TestNearest(t *testing.T) {
	forEachTier(t, "nearest", nearestTiers, func(t *testing.T, fn nearestFunc) {
		rng := rand.New(rand.NewPCG(1, 2))
		cases := 0
		check := func(n, d, k int) {
			p := place(cases) % places
			newNearest(t, rng, p, n, n+rng.IntN(3), d, k).check(t, fn, rng, p)
			cases++
		}
		for d := 1; d <= 9; d++ {
			for k := 1; k <= 9; k++ {
				for _, n := range []int{1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 128, 129} {
					check(n, d, k)
				}
			}
			for _, k := range []int{16, 31, 64, 254, 255, 256} {
				check(1+rng.IntN(70), d, k)
				check(130, d, k)
			}
		}
		// Widths about the limits of what is read where it lies and of one round.
		for _, d := range []int{15, 16, 17, 33, 64, 127, 128, 129, 256, 257, 387} {
			for _, k := range []int{1, 3, 4, 5, 16, 255, 256} {
				for _, n := range []int{1, 16, 65} {
					check(n, d, k)
				}
			}
		}
		for n := range 131 {
			check(n+1, 2, 5)
		}
	})
}

func TestNearestTakesTheFirstOfEquals(t *testing.T) {
	forEachTier(t, "nearest", nearestTiers, func(t *testing.T, fn nearestFunc) {
		const n, d = 70, 3
		rng := rand.New(rand.NewPCG(9, 10))
		c := newNearest(t, rng, offset, n, n, d, Centroids)
		for first := range Centroids {
			// From first on all centroids are the same and far better than those before.
			for k := range Centroids {
				c.half[k] = 1e6
				if k >= first {
					c.half[k] = -1e6
					copy(c.centroids[k*d:], c.centroids[first*d:][:d])
				}
			}
			assignments := make([]byte, n)
			fn(assignments, make([]float32, n), nil, c.points, n, d, c.centroids, c.half)
			for i, a := range assignments {
				if int(a) != first {
					t.Fatalf("point %d got centroid %d of the equals from %d on", i, a, first)
				}
			}
			c = newNearest(t, rng, offset, n, n, d, Centroids)
		}
	})
}

// checkUpdate holds one tier against scalar arithmetic. Between the coefficients of two columns there are values that
// must not matter: they are NaN.
func checkUpdate(t *testing.T, fn updateKernel, rng *rand.Rand, p place, n, k int) {
	t.Helper()
	ld := k + rng.IntN(3)
	dst, panel := normals(t, rng, p, n*fn.rows), normals(t, rng, p, k*fn.rows)
	coefficients := normals(t, rng, p, (n-1)*ld+k)
	for i := range coefficients {
		if i%ld >= k {
			coefficients[i] = float32(math.NaN())
		}
	}
	want := slices.Clone(dst)
	for i := range want {
		for j, u := range coefficients[i/fn.rows*ld:][:k] {
			want[i] -= float32(panel[j*fn.rows+i%fn.rows] * u)
		}
	}
	fn.fn(dst, coefficients, ld, n, panel, k)
	sameFloats(t, fmt.Sprintf("%d columns of %d rows less %d, %v", n, fn.rows, k, p), dst, want)
}

func TestUpdate(t *testing.T) {
	forEachTier(t, "update", updateTiers, func(t *testing.T, fn updateKernel) {
		rng := rand.New(rand.NewPCG(13, 14))
		for n := 1; n <= 10; n++ {
			for _, k := range []int{1, 2, 3, 4, 5, 63, 64, 65, 128} {
				for p := range places {
					checkUpdate(t, fn, rng, p, n, k)
				}
			}
		}
		checkUpdate(t, fn, rng, tail, 700, 128) // more columns than nearest has centroids
	})
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

func normals(t testing.TB, rng *rand.Rand, p place, n int) []float32 {
	x := alloc[float32](t, p, rng, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestDenseVec(t *testing.T) {
	forEachTier(t, "dense-vector", denseVectorTiers, func(t *testing.T, fn denseVectorFunc) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, cols := range lengths(32) {
			for _, rows := range []int{1, 2, 5} {
				for p := range places {
					w, x, y := normals(t, rng, p, rows*cols), normals(t, rng, p, cols), normals(t, rng, p, rows)
					fn(y, w, x)
					for r := range rows {
						checkDense(t, fmt.Sprintf("row %d of [%d, %d], %v", r, rows, cols, p), y[r], w[r*cols:][:cols], x)
					}
				}
			}
		}
	})
}

func checkDenseMat(t *testing.T, fn denseMatrixFunc, rng *rand.Rand, p place, rows, cols, n int) {
	t.Helper()
	ld := rows + rng.IntN(3)
	w, x := normals(t, rng, p, rows*cols), normals(t, rng, p, n*cols)
	y := alloc[float32](t, p, rng, (n-1)*ld+rows)
	for i := range y {
		y[i] = math.Float32frombits(canary)
	}
	fn(y, ld, w, x, rows, cols, n)
	for i, got := range y {
		v, r := i/ld, i%ld
		what := fmt.Sprintf("row %d, vector %d of [%d, %d] by %d, %v", r, v, rows, cols, n, p)
		if r < rows {
			checkDense(t, what, got, w[r*cols:][:cols], x[v*cols:][:cols])
		} else if math.Float32bits(got) != canary {
			t.Fatalf("%s: wrote behind the rows", what)
		}
	}
}

func TestDenseMat(t *testing.T) {
	forEachTier(t, "dense-matrix", denseMatrixTiers, func(t *testing.T, fn denseMatrixFunc) {
		rng := rand.New(rand.NewPCG(7, 8))
		for cols := range 4*16 + 2 {
			for n := 1; n <= 14; n++ {
				checkDenseMat(t, fn, rng, place(n+cols)%places, 1+rng.IntN(13), cols, n)
			}
		}
		for rows := 1; rows <= 9; rows++ {
			for _, cols := range []int{255, 257, 1023, 1024, 1025, 2050} {
				checkDenseMat(t, fn, rng, place(rows)%places, rows, cols, 1+rng.IntN(14))
			}
		}
		// More than one block of weights.
		checkDenseMat(t, fn, rng, tail, 1030, 130, 13)
		checkDenseMat(t, fn, rng, head, 300, 1300, 8)
	})
}

func TestFloatAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const rows, cols, n = 70, 130, 9
	w, x, y := normals(t, rng, offset, rows*cols), normals(t, rng, offset, n*cols), make([]float32, n*rows)
	q, scales := make([]int8, n*cols), make([]float32, n*cols)
	c := newNearest(t, rng, offset, 100, 100, cols, 20)
	assignments, scores, seconds := make([]byte, 100), make([]float32, 100), make([]float32, 100)
	for name, f := range map[string]func(){
		"update":       func() { best.Update(y, w, 3, 2, x, 3) },
		"quantize":     func() { best.Quantize(q, scales, x, 64) },
		"dense-vector": func() { best.DenseVec(y[:rows], w, x[:cols]) },
		"dense-matrix": func() { best.DenseMat(y, rows, w, x, rows, cols, n) },
		"nearest":      func() { best.Nearest(assignments, scores, seconds, c.points, c.stride, c.d, c.centroids, c.half) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s allocates %v times a call", name, got)
		}
	}
}
