package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// floats reads as many float32 values as data holds, of any kind.
func floats(data []byte) []float32 {
	x := make([]float32, len(data)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
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

// FuzzUpdate takes values of any kind that stay numbers: which NaN comes of two is the CPU's choice.
func FuzzUpdate(f *testing.F) {
	f.Add(byte(1), byte(1), make([]byte, 4*300))
	f.Add(byte(4), byte(2), []byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x80\xbf\x00\x00\x00\x3f"))
	f.Fuzz(func(t *testing.T, columns, others byte, data []byte) {
		x := floats(data)
		for i, v := range x {
			if !(math.Abs(float64(v)) < 1e15) {
				x[i] = 1
			}
		}
		n, k := int(columns)+1, int(others)+1
		for _, tr := range updateTiers {
			rows := tr.fn.rows
			if tr.need&^host != 0 || len(x) < (n+k)*rows+n*k {
				continue
			}
			dst, panel, coefficients := slices.Clone(x[:n*rows]), x[n*rows:][:k*rows], x[(n+k)*rows:]
			want := slices.Clone(dst)
			for i := range want {
				for j, u := range coefficients[i/rows*k:][:k] {
					want[i] -= float32(panel[j*rows+i%rows] * u)
				}
			}
			tr.fn.fn(dst, coefficients, k, n, panel, k)
			sameFloats(t, tr.name, dst, want)
		}
	})
}

// FuzzNearest takes values of any kind, beyond what the contract asks: a sum that is no number wins
// on no tier.
func FuzzNearest(f *testing.F) {
	f.Add(byte(0), byte(1), byte(0), []byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x80\xbf\x00\x00\x00\x3f"))
	f.Add(byte(2), byte(6), byte(1), make([]byte, 4*1000))
	f.Add(byte(200), byte(4), byte(0), make([]byte, 4*3000))
	f.Fuzz(func(t *testing.T, width, centroids, gap byte, data []byte) {
		x := floats(data)
		c := nearestCase{d: int(width) + 1, k: int(centroids) + 1}
		if len(x) < c.k*(c.d+1) {
			return
		}
		c.half, x = x[:c.k], x[c.k:]
		c.centroids, x = x[:c.k*c.d], x[c.k*c.d:]
		c.points, c.stride = x, len(x)/c.d
		c.n = c.stride - int(gap)
		if c.n < 1 {
			return
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for _, tr := range nearestTiers {
			if tr.need&^host == 0 {
				c.check(t, tr.fn, rng, offset)
			}
		}
	})
}
