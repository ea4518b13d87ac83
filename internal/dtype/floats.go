package dtype

import (
	"encoding/binary"
	"math"
	"slices"
)

var le = binary.LittleEndian

// extended returns dst with room for n more values, and that room.
func extended(dst []float32, n int) (all, more []float32) {
	all = slices.Grow(dst, n)[:len(dst)+n]
	return all, all[len(dst):]
}

func appendF64(dst []float32, src []byte) []float32 {
	dst, more := extended(dst, len(src)/8)
	for i := range more {
		more[i] = fromF64(math.Float64frombits(le.Uint64(src[8*i:])))
	}
	return dst
}

func putF64(dst []byte, src []float32) {
	for i, v := range src {
		le.PutUint64(dst[8*i:], math.Float64bits(float64(v)))
	}
}

func appendF32(dst []float32, src []byte) []float32 {
	dst, more := extended(dst, len(src)/4)
	for i := range more {
		more[i] = math.Float32frombits(le.Uint32(src[4*i:]))
	}
	return dst
}

func putF32(dst []byte, src []float32) {
	for i, v := range src {
		le.PutUint32(dst[4*i:], math.Float32bits(v))
	}
}

func appendF16(dst []float32, src []byte) []float32 {
	dst, more := extended(dst, len(src)/2)
	for i := range more {
		more[i] = fromF16(le.Uint16(src[2*i:]))
	}
	return dst
}

func putF16(dst []byte, src []float32) {
	for i, v := range src {
		le.PutUint16(dst[2*i:], toF16(v))
	}
}

func appendBF16(dst []float32, src []byte) []float32 {
	dst, more := extended(dst, len(src)/2)
	for i := range more {
		more[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
	}
	return dst
}

func putBF16(dst []byte, src []float32) {
	for i, v := range src {
		le.PutUint16(dst[2*i:], toBF16(v))
	}
}

// fromF64 is the nearest float32, ties to even. What is finite stays so, and what is not 0 does
// too.
func fromF64(v float64) float32 {
	f := float32(v)
	switch {
	case f == 0 && v != 0:
		return float32(math.Copysign(math.SmallestNonzeroFloat32, v))
	case math.IsInf(float64(f), 0) && !math.IsInf(v, 0):
		return float32(math.Copysign(math.MaxFloat32, v))
	}
	return f
}
