package format

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"github.com/palettize/palettize/codebook"
)

// foreignBits has the bits of a value for the dtypes that safetensors files may hold and that the
// library does not know. They are passed through only.
var foreignBits = map[string]uint64{
	"F4":          4,
	"F6_E2M3":     6,
	"F6_E3M2":     6,
	"F8_E4M3":     8,
	"F8_E4M3FNUZ": 8,
	"F8_E5M2":     8,
	"F8_E5M2FNUZ": 8,
	"F8_E8M0":     8,
	"C64":         64,
}

// dtypeBits is the number of bits of a value, 0 for an unknown dtype.
func dtypeBits(dtype string) uint64 {
	if dt, err := safetensors.ParseDType(dtype); err == nil {
		return 8 * dt.Size()
	}
	return foreignBits[dtype]
}

// dtypeRank orders dtypes as their tensors are in a file that this package writes: the largest
// alignment first, as the library has it, so that each tensor is aligned to the size of its values.
func dtypeRank(dtype string) int {
	if dt, err := safetensors.ParseDType(dtype); err == nil {
		return int(dt)
	}
	if foreignBits[dtype] == 64 {
		return 256 // before all others
	}
	return -1 // bytes, or less than bytes: after all others
}

// sizeOf is the number of bytes of a tensor. why says what is wrong with its shape, "" if nothing.
func sizeOf(dtype string, shape []int) (size int64, why string) {
	n := dtypeBits(dtype)
	empty := false
	for _, d := range shape {
		if d == 0 {
			empty = true
			continue // yet the others may not overflow
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return 0, "the shape overflows"
		}
		n = lo
	}
	if empty {
		return 0, ""
	}
	if n%8 != 0 {
		return 0, "the values end inside a byte"
	}
	if n/8 > math.MaxInt {
		return 0, fmt.Sprintf("more than a %d-bit program can hold", strconv.IntSize)
	}
	return int64(n / 8), ""
}

// describe is how messages show a dtype and a shape: F32 [3, 4].
func describe(t codebook.Tensor) string { return t.DType + " " + shapeText(t.Shape) }

func shapeText(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}
