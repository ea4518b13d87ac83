package bitstream

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPackedBits(t *testing.T) {
	tests := []struct {
		name          string
		numbers       []byte
		rows, n, bits int
		want          []byte
	}{
		{"lowest bit first", []byte{1, 0, 0, 0, 0, 0, 0, 1, 1}, 1, 9, 1, []byte{0b1000_0001, 1}},
		{"across bytes", []byte{5, 2, 7}, 1, 3, 3, []byte{0b11_010_101, 0b1}},
		{"each row to a byte", []byte{1, 2, 3, 3, 2, 1}, 2, 3, 2, []byte{0b11_10_01, 0b01_10_11}},
		{"plain bytes", []byte{1, 2, 255}, 3, 1, 8, []byte{1, 2, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Pack(tt.numbers, tt.rows, tt.n, tt.bits); !bytes.Equal(got, tt.want) {
				t.Errorf("got %08b, want %08b", got, tt.want)
			}
		})
	}
	if got := Pack([]int8{-1, 63, -63}, 1, 3, 7); !bytes.Equal(got, []byte{0xff, 0x5f, 0x10}) {
		t.Errorf("signed: got %08b", got)
	}
}

func TestUnpackIsTheInverseOfPack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for bits := 1; bits <= 8; bits++ {
		for n := range 40 {
			const rows = 3
			unsigned, signed := make([]byte, rows*n), make([]int8, rows*n)
			for i := range unsigned {
				unsigned[i] = byte(rng.IntN(1 << bits))
				signed[i] = int8(rng.IntN(1<<bits) - 1<<(bits-1))
			}
			got, err := Unpack[byte](Pack(unsigned, rows, n, bits), rows, n, bits)
			if err != nil || !slices.Equal(got, unsigned) {
				t.Fatalf("%d numbers of %d bits: got %v, want %v (%v)", n, bits, got, unsigned, err)
			}
			packed := Pack(signed, rows, n, bits)
			if got, err := Unpack[int8](packed, rows, n, bits); err != nil ||
				!slices.Equal(got, signed) {
				t.Fatalf("%d signed numbers of %d bits: got %v, want %v (%v)",
					n, bits, got, signed, err)
			}
			if len(packed) != rows*((n*bits+7)/8) {
				t.Fatalf("%d numbers of %d bits take %d bytes", n, bits, len(packed))
			}
			for bit := n * bits; bit%8 != 0; bit++ { // padding
				packed[bit/8] ^= 1 << (bit % 8)
				if _, err := Unpack[byte](packed, rows, n, bits); err == nil {
					t.Fatalf("%d numbers of %d bits: bit %d of the padding is accepted",
						n, bits, bit)
				}
				packed[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
}
