package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// addNormCase is the arguments of an AddNorm.
type addNormCase struct {
	x, y, bias, gain, shift []float32
	eps                     float32
}

// newAddNorm puts rows of n values at p.
func newAddNorm(t testing.TB, rng *rand.Rand, p place, rows, n int) *addNormCase {
	return &addNormCase{normals(t, rng, p, rows*n), normals(t, rng, p, rows*n),
		normals(t, rng, p, n), normals(t, rng, p, n), normals(t, rng, p, n), 1e-5}
}

func (c *addNormCase) check(t *testing.T, fn addNormFunc, what string) {
	t.Helper()
	want := slices.Clone(c.x)
	addNormOf(addNormScalar, addNormSquaresScalar, addNormScaleScalar)(want, c.y, c.bias, c.gain,
		c.shift, c.eps)
	fn(c.x, c.y, c.bias, c.gain, c.shift, c.eps)
	sameFloats(t, what, c.x, want)
}

func TestAddNorm(t *testing.T) {
	forEachTier(t, "add-norm", addNormTiers, func(t *testing.T, fn addNormFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, n := range lengths(16)[1:] {
			for p := range places {
				for rows := range 3 {
					newAddNorm(t, rng, p, rows, n).check(t, fn,
						fmt.Sprintf("%d rows of %d, %v", rows, n, p))
				}
			}
		}
		equal := newAddNorm(t, rng, tail, 2, 48) // whose variance is 0
		for _, v := range [][]float32{equal.x, equal.y, equal.bias} {
			for i := range v {
				v[i] = 3
			}
		}
		equal.check(t, fn, "equal values")
	})
}

// TestAddNormIsLayerNorm holds the meaning against float64; all tiers give the same bits.
func TestAddNormIsLayerNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 3, 16, 31, 384} {
		c := newAddNorm(t, rng, offset, 2, n)
		z := make([]float64, len(c.x))
		for i, v := range c.x {
			z[i] = float64(v) + float64(c.y[i]) + float64(c.bias[i%n])
		}
		best.AddNorm(c.x, c.y, c.bias, c.gain, c.shift, c.eps)
		for row := 0; row < len(z); row += n {
			mean, square := 0.0, float64(c.eps)
			for _, v := range z[row:][:n] {
				mean += v / float64(n)
			}
			for _, v := range z[row:][:n] {
				square += (v - mean) * (v - mean) / float64(n)
			}
			for i, v := range z[row:][:n] {
				want := (v-mean)/math.Sqrt(square)*float64(c.gain[i]) + float64(c.shift[i])
				if math.Abs(float64(c.x[row+i])-want) > 1e-5 {
					t.Fatalf("of %d: %d is %v, want %v", n, row+i, c.x[row+i], want)
				}
			}
		}
	}
}

func TestAddNormPanics(t *testing.T) {
	for name, c := range map[string]addNormCase{
		"half a row":    {make([]float32, 3), make([]float32, 3), make([]float32, 2), make([]float32, 2), make([]float32, 2), 0},
		"a short y":     {make([]float32, 4), make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 2), 0},
		"a short gain":  {make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 1), make([]float32, 2), 0},
		"a short shift": {make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 1), 0},
		"rows of none":  {make([]float32, 2), make([]float32, 2), nil, nil, nil, 0},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			best.AddNorm(c.x, c.y, c.bias, c.gain, c.shift, c.eps)
		}()
	}
	best.AddNorm(nil, nil, nil, nil, nil, 0)
}

func FuzzAddNorm(f *testing.F) {
	f.Add(float32(1e-5), []byte("\x00\x00\xfe\x42\x00\x00\x00\x3f\x00\x00\xc0\xbf"))
	f.Add(float32(1), make([]byte, 4*70))
	f.Fuzz(func(t *testing.T, eps float32, data []byte) {
		x := floats(data)
		for i, v := range x {
			if !(math.Abs(float64(v)) < 1e15) {
				x[i] = float32(i)
			}
		}
		if !(eps > 0 && eps < 1e6) || len(x) == 0 {
			return
		}
		for _, tr := range addNormTiers {
			if tr.need&^host == 0 {
				c := addNormCase{slices.Clone(x), x, x, x, x, eps}
				c.check(t, tr.fn, tr.name)
			}
		}
	})
}

func BenchmarkAddNorm(b *testing.B) {
	const rows, n = 128, 384
	rng := rand.New(rand.NewPCG(1, 2))
	c := &addNormCase{alignedNormals(rng, rows*n), alignedNormals(rng, rows*n),
		alignedNormals(rng, n), alignedNormals(rng, n), alignedNormals(rng, n), 1e-5}
	benchEachTier(b, addNormTiers, fmt.Sprintf("rows=%d/cols=%d", rows, n),
		func(b *testing.B, fn addNormFunc) {
			b.SetBytes(int64(4 * len(c.x)))
			for b.Loop() {
				fn(c.x, c.y, c.bias, c.gain, c.shift, c.eps)
			}
		})
}
