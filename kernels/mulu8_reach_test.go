package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// reachScalar is what a reachFunc is held against.
func reachScalar(largest []byte, squares *[2]int32, codes []byte) {
	var sums [2 * PanelRows]int32 // [row][2]
	for i, code := range codes {
		at := i/(4*PanelRows)*4 + i%4
		largest[at] = max(largest[at], code)
		w := int32(code) - 128
		sums[i%(4*PanelRows)/2] += w * w
	}
	for i, sum := range sums {
		squares[i%2] = max(squares[i%2], sum)
	}
}

func TestReachScalar(t *testing.T) {
	codes := slices.Repeat([]byte{128}, 2*4*PanelRows)
	copy(codes[4:], []byte{130, 125, 128, 0})           // row 1 of the first quad
	copy(codes[4*PanelRows+4:], []byte{127, 0, 1, 129}) // and of the second
	largest, squares := make([]byte, 8), [2]int32{0, 40000}
	reachScalar(largest, &squares, codes)
	if want := []byte{130, 128, 128, 128, 128, 128, 128, 129}; !slices.Equal(largest, want) {
		t.Errorf("largest %v, want %v", largest, want)
	}
	if want := [2]int32{4 + 9 + 1 + 128*128, 40000}; squares != want {
		t.Errorf("squares %v, want %v", squares, want)
	}
}

// Sums of a run get as far from 0 as words reach where inputs are proportional to weights.
func TestMulU8WithinReach(t *testing.T) {
	forEachTier(t, "mul-u8", mulU8Tiers, func(t *testing.T, fn mulFunc) {
		rng := rand.New(rand.NewPCG(7, 7))
		for _, quads := range []int{15, 131} {
			for _, spread := range []float64{1, 8, 20, 90} {
				for _, loud := range []float64{0.3, 1, 3} {
					s := mulShape{panels: 3, quads: quads, blockQuads: 64, groupQuads: 64, n: 6,
						d: 1, p1: 3}
					m, in := newMul(t, rng, offset, random, s, 3*quads*4*PanelRows, 0)
					for i := range m.Codes {
						m.Codes[i] = byte(128 + max(-128, min(127, int(spread*rng.NormFloat64()))))
					}
					for n := range in.N {
						for c := range 4 * quads {
							w := m.Codes[(c/4*PanelRows+n)*4+c%4] // of row n
							q := loud * (float64(w) - 128) * float64(1-n%2*2)
							in.Q[n*in.Stride+c] = signed(byte(max(-128, min(127, int(q)))))
						}
					}
					m.reach = nil
					m.measure(reachScalar)
					t.Run(fmt.Sprintf("quads=%d/spread=%v/loud=%v", quads, spread, loud),
						func(t *testing.T) {
							checkMulTier(t, fn, mulU8Scalar, rng, offset, s, m, in)
						})
				}
			}
		}
	})
}

func TestMeasure(t *testing.T) {
	for _, tier := range []string{"scalar", "avx2"} {
		s, err := Limited(tier)
		if err != nil {
			t.Logf("%v", err)
			continue
		}
		m := &Matrix{Panels: 1, Quads: 10, BlockQuads: 64, GroupQuads: 64,
			Codes: slices.Repeat([]byte{140}, 10*4*PanelRows)}
		s.Measure(m)
		if has := m.reach != nil; has != (tier == "avx2") {
			t.Errorf("%s: measured: %v", tier, has)
			continue
		} else if !has {
			continue
		}
		for at := range 2 * m.Quads {
			squares := 2 * 12 * 12
			if at < 2*runQuads {
				squares *= runQuads
			}
			if got := int(m.reach.pairs[at]); got != 32767/140 {
				t.Errorf("pair %d: %d", at, got)
			}
			got := int(m.reach.squares[at])
			if got < 65534 && squares*got > 32767*32767 {
				t.Errorf("pair %d: %d squares may leave a word", at, got)
			}
			if limit := min(65534, 32767*32767/squares); got < limit*9/10 {
				t.Errorf("pair %d: squares up to %d, of %d", at, got, limit)
			}
		}
		m.reach = nil
		m.GroupQuads = 4
		s.Measure(m)
		if m.reach != nil {
			t.Errorf("%s: runs over the ends of groups", tier)
		}
	}
}

// BenchmarkMulU8WithinReach is BenchmarkMulU8 with weights and inputs as models have them.
func BenchmarkMulU8WithinReach(b *testing.B) {
	const rows, cols = 3072, 1024
	for _, batch := range []int{8, 128} {
		s := mulShape{panels: rows / PanelRows, quads: cols / 4, blockQuads: Block / 4,
			groupQuads: Block / 4, n: batch, d: 1, p1: rows / PanelRows}
		rng := rand.New(rand.NewPCG(4, 4))
		m, in := newMul(b, rng, head, random, s, u8Layout(s), 0)
		for i := range m.Codes {
			m.Codes[i] = byte(128 + max(-128, min(127, int(20*rng.NormFloat64()))))
		}
		for i := range in.Q {
			in.Q[i] = int8(max(-127, min(127, int(40*rng.NormFloat64()))))
		}
		m.measure(reachScalar)
		dst := make([]float32, batch*rows)
		benchEachTier(b, mulU8Tiers[:len(mulU8Tiers)-1],
			fmt.Sprintf("rows=%d/cols=%d/batch=%d", rows, cols, batch),
			func(b *testing.B, fn mulFunc) {
				for b.Loop() {
					fn(dst, rows, m, in, 0, s.panels)
				}
				perMAC(b, rows*cols*batch)
			})
	}
}
