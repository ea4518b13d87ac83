package format

import (
	"encoding/binary"
	"math"

	"github.com/palettize/palettize/internal/halves"
)

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

// putFloats writes values as little-endian numbers of a dtype whose Float is true.
func putFloats(dst []byte, src []float32, dtype string) {
	le := binary.LittleEndian
	for i, v := range src {
		switch dtype {
		case "F64":
			le.PutUint64(dst[8*i:], math.Float64bits(float64(v)))
		case "F32":
			le.PutUint32(dst[4*i:], math.Float32bits(v))
		case "F16":
			le.PutUint16(dst[2*i:], halves.ToF16(v))
		case "BF16":
			le.PutUint16(dst[2*i:], halves.ToBF16(v))
		}
	}
}
