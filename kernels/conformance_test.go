package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/kernels/internal/guard"
)

// forEachTier runs f for every row of an operation's table. A row that this machine cannot run is
// skipped, or fails when PALETTIZE_REQUIRE names it.
func forEachTier[F any](t *testing.T, op string, table []tier[F], f func(*testing.T, F)) {
	t.Helper()
	must := required()
	for _, tr := range table {
		t.Run(op+"/"+tr.name, func(t *testing.T) {
			if tr.need&^host != 0 {
				if slices.Contains(must, tr.name) {
					t.Fatalf("required tier cannot run: this machine lacks %s",
						lacks(tr.need, host, amxRefusal))
				}
				t.Skipf("this machine lacks %s", lacks(tr.need, host, amxRefusal))
			}
			f(t, tr.fn)
		})
	}
}

// required lists the tiers that PALETTIZE_REQUIRE names.
func required() []string {
	return strings.FieldsFunc(os.Getenv("PALETTIZE_REQUIRE"),
		func(r rune) bool { return r == ',' || r == ' ' })
}

// A misspelt name must not pass for a tier that ran.
func TestRequiredTiersExist(t *testing.T) {
	for _, name := range required() {
		if !slices.ContainsFunc(best.Tiers(),
			func(info TierInfo) bool { return info.Tier == name }) {
			t.Errorf("PALETTIZE_REQUIRE: no operation has a tier %q", name)
		}
	}
}

// place is where a test slice is put.
type place int

const (
	tail   place = iota // against a guard page behind it
	head                // against a guard page before it
	offset              // somewhere, aligned no better than its elements
	places
)

func (p place) String() string { return [...]string{"tail", "head", "offset"}[p] }

func alloc[T any](t testing.TB, p place, rng *rand.Rand, n int) []T {
	switch p {
	case tail:
		return guard.Tail[T](t, n)
	case head:
		return guard.Head[T](t, n)
	}
	at := rng.IntN(64)
	return make([]T, at+n)[at:]
}

const canary = 0x7fc0dead

// lengths are all up to four registers of width values and one more, then those about 256 and 1024.
func lengths(width int) []int {
	var ns []int
	for n := range 4*width + 2 {
		ns = append(ns, n)
	}
	return append(ns, 255, 256, 257, 1023, 1024, 1025)
}

func fill(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func sameFloats(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
			t.Fatalf("%s: result %d is %v (%#x), want %v (%#x)", what, i, got[i], g, want[i], w)
		}
	}
}

func TestFloatAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const rows, cols, n = 70, 130, 9
	w, x, y := normals(t, rng, offset, rows*cols), normals(t, rng, offset, n*cols),
		make([]float32, n*rows)
	q, scales := make([]int8, n*cols), make([]float32, n*cols)
	c := newNearest(t, rng, offset, 100, 100, cols, 20)
	assignments, scores, seconds := make([]byte, 100), make([]float32, 100), make([]float32, 100)
	for name, f := range map[string]func(){
		"update":       func() { best.Update(y, w, 3, 2, x, 3) },
		"quantize":     func() { best.Quantize(q, scales, x, 64) },
		"dense-vector": func() { best.DenseVec(y[:rows], w, x[:cols]) },
		"dense-matrix": func() { best.DenseMat(y, rows, w, x, rows, cols, n) },
		"nearest": func() {
			best.Nearest(assignments, scores, seconds, c.points, c.stride, c.d, c.centroids, c.half)
		},
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s allocates %v times a call", name, got)
		}
	}
}

// allocations is the least that one of several calls allocates: a garbage collection empties pools,
// and the race detector drops what they hold on purpose.
func allocations(f func()) float64 {
	least := math.Inf(1)
	for range 10 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}

// floats reads as many float32 values as data holds, of any kind.
func floats(data []byte) []float32 {
	x := make([]float32, len(data)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
}

// byteAt reads a shape from the first bytes of a fuzzer's input; missing bytes are 0.
func byteAt(data []byte, i int) int {
	if i < len(data) {
		return int(data[i])
	}
	return 0
}

// fuzzRNG draws the rest of a case from a seed in the fuzzer's bytes.
func fuzzRNG(data []byte) *rand.Rand {
	var seed uint64
	for i := range 8 {
		seed = seed<<8 | uint64(byteAt(data, 16+i))
	}
	return rand.New(rand.NewPCG(seed, 1))
}

// benchEachTier runs f for every row of a table that this machine can run.
func benchEachTier[F any](b *testing.B, table []tier[F], name string, f func(*testing.B, F)) {
	for _, tr := range table {
		if tr.need&^host == 0 {
			b.Run(fmt.Sprintf("tier=%s/%s", tr.name, name), func(b *testing.B) { f(b, tr.fn) })
		}
	}
}

// perMAC reports products a second of one iteration, those that a dense matrix would need.
func perMAC(b *testing.B, macs int) {
	b.ReportMetric(float64(macs)*float64(b.N)/b.Elapsed().Seconds(), "MAC/s")
}
