package kernels

import (
	"math/rand/v2"
	"testing"
)

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

func fuzzMul(f *testing.F, table []tier[mulFunc], scalar mulFunc, lookupSize func(d int) int, layout func(mulShape) int) {
	f.Add([]byte{2, 13, 3, 1, 1, 0, 0, 2, 0, 0})
	f.Add([]byte{3, 66, 63, 0, 9, 1, 1, 3, 1, 2, 255, 0, 127, 128})
	f.Add([]byte{2, 101, 0, 63, 51, 0, 0, 1, 0, 3})
	f.Add([]byte{4, 150, 2, 19, 63, 3, 1, 3, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := mulShape{
			panels: 1 + byteAt(data, 0)%5, quads: byteAt(data, 1), groupQuads: 1 + byteAt(data, 3)%64,
			n: 1 + byteAt(data, 4)%70, d: 1 + byteAt(data, 5)%MaxLookupWidth,
		}
		lookup := lookupSize(s.d)
		if lookup < Centroids {
			s.d = 1
		}
		largest := Block / 4 / s.d
		s.groupQuads = 1 + (s.groupQuads-1)%largest
		s.blockQuads = s.groupQuads
		if lookup < Centroids {
			s.blockQuads *= 1 + byteAt(data, 2)%(largest/s.groupQuads)
		}
		s.p0 = byteAt(data, 6) % s.panels
		s.p1 = s.p0 + 1 + byteAt(data, 7)%(s.panels-s.p0)
		p, x := place(byteAt(data, 8))%places, extreme(byteAt(data, 9))%extremes
		rng := fuzzRNG(data)
		m, in := newMul(t, rng, p, x, s, layout(s), lookup)
		if len(data) > 24 { // the weights, or their codes, are the fuzzer's
			for i := range m.Codes {
				m.Codes[i] = data[24+i%(len(data)-24)]
			}
		}
		for _, tr := range table {
			if tr.need != 0 && tr.need&^host == 0 {
				checkMulTier(t, tr.fn, scalar, rng, p, s, m, in)
			}
		}
	})
}

func FuzzMulU8(f *testing.F) {
	fuzzMul(f, mulU8Tiers, mulU8Scalar, func(int) int { return 0 }, u8Layout)
}

func FuzzMulNibble(f *testing.F) {
	fuzzMul(f, mulNibbleTiers, mulNibbleScalar, func(int) int { return 16 }, nibbleLayout)
}

func FuzzMulLookup(f *testing.F) {
	fuzzMul(f, mulLookupTiers, mulLookupScalar, func(d int) int { return d * Centroids }, u8Layout)
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{7, 2, 1, 3, 0, 3, 0, 0})
	f.Add([]byte{33, 31, 1, 8, 2, 9, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := tableShape{segments: byteAt(data, 0), width: 4 + byteAt(data, 2)%64*4, panels: 1 + byteAt(data, 3)%9}
		s.block = 1 + byteAt(data, 1)%(4*Block/s.width)
		s.p0 = byteAt(data, 4) % s.panels &^ (TableTile - 1)
		s.p1 = min(s.panels, s.p0+TableTile*(1+byteAt(data, 5)%2))
		p, x := place(byteAt(data, 6))%places, extreme(byteAt(data, 7))%extremes
		for _, tr := range tableTiers {
			if tr.need != 0 && tr.need&^host == 0 {
				checkTable(t, tr.fn, fuzzRNG(data), p, x, s)
			}
		}
	})
}
