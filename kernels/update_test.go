package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkUpdate holds one tier against scalar arithmetic. Between the coefficients of two columns
// there are values that must not matter: they are NaN.
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

// FuzzUpdate takes values of any kind that stay numbers: which NaN comes of two is the CPU's
// choice.
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
			dst, panel, coefficients := slices.Clone(x[:n*rows]), x[n*rows:][:k*rows],
				x[(n+k)*rows:]
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

func BenchmarkUpdate(b *testing.B) {
	const n, k = 1024, 128
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tr := range updateTiers {
		dst, panel, coefficients := normals(b, rng, offset, n*tr.fn.rows),
			normals(b, rng, offset, k*tr.fn.rows), normals(b, rng, offset, n*k)
		b.Run(fmt.Sprintf("tier=%s/n=%d/k=%d", tr.name, n, k), func(b *testing.B) {
			if lack := tr.need &^ host; lack != 0 {
				b.Skipf("host lacks %v", lack)
			}
			for b.Loop() {
				tr.fn.fn(dst, coefficients, k, n, panel, k)
			}
			b.ReportMetric(float64(n*k*tr.fn.rows)*float64(b.N)/b.Elapsed().Seconds()/1e9,
				"Gterm/s")
		})
	}
}
