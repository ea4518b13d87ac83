// Package dtype has what is known of the types of values that safetensors files hold: one row each.
package dtype

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Names of types that the program itself stores values as, or looks for.
const (
	Bool = "BOOL"
	U8   = "U8"
	F16  = "F16"
	BF16 = "BF16"
	F32  = "F32"
)

// Type is one type of values. The zero value is that of a name that no type has.
type Type struct {
	Name    string
	Bits    int     // of a value
	Rank    int     // tensors of the highest rank are the first in a file that this program writes
	Integer bool    // whole numbers, or true and false
	Largest float32 // finite value that Append can return; 0: Float is false
	read    func(dst []float32, src []byte) []float32
	write   func(dst []byte, src []float32)
}

// types are those of the specification of safetensors. The rank puts the largest alignment first,
// so that each tensor is aligned to the size of its values. Types of the library that writes most
// files have the numbers that they have there; it does not know the others, and those of up to 8
// bits come last, in the order of their tensors' names.
var types = []Type{
	{Name: "C64", Bits: 64, Rank: 13},
	{Name: "U64", Bits: 64, Rank: 12, Integer: true},
	{Name: "I64", Bits: 64, Rank: 11, Integer: true},
	{Name: "F64", Bits: 64, Rank: 10, Largest: math.MaxFloat32, read: appendF64, write: putF64},
	{Name: F32, Bits: 32, Rank: 9, Largest: math.MaxFloat32, read: appendF32, write: putF32},
	{Name: "U32", Bits: 32, Rank: 8, Integer: true},
	{Name: "I32", Bits: 32, Rank: 7, Integer: true},
	{Name: BF16, Bits: 16, Rank: 6, Largest: 0x1.fep+127, read: appendBF16, write: putBF16},
	{Name: F16, Bits: 16, Rank: 5, Largest: 65504, read: appendF16, write: putF16},
	{Name: "U16", Bits: 16, Rank: 4, Integer: true},
	{Name: "I16", Bits: 16, Rank: 3, Integer: true},
	{Name: "I8", Bits: 8, Rank: 2, Integer: true},
	{Name: U8, Bits: 8, Rank: 1, Integer: true},
	{Name: Bool, Bits: 8, Rank: 0, Integer: true},
	{Name: "F8_E4M3", Bits: 8, Rank: -1, Largest: 448, read: e4m3.read, write: e4m3.write},
	{Name: "F8_E4M3FNUZ", Bits: 8, Rank: -1},
	{Name: "F8_E5M2", Bits: 8, Rank: -1, Largest: 57344, read: e5m2.read, write: e5m2.write},
	{Name: "F8_E5M2FNUZ", Bits: 8, Rank: -1},
	{Name: "F8_E8M0", Bits: 8, Rank: -1, read: appendE8M0},
	{Name: "F6_E2M3", Bits: 6, Rank: -1},
	{Name: "F6_E3M2", Bits: 6, Rank: -1},
	{Name: "F4", Bits: 4, Rank: -1},
}

// Of returns the type of a name, the zero Type if there is none.
func Of(name string) Type {
	for i := range types {
		if types[i].Name == name {
			return types[i]
		}
	}
	return Type{}
}

// Known reports whether this is a type at all.
func (t Type) Known() bool { return t.Bits != 0 }

// Float reports whether the values are floating-point numbers that can be read as float32, and
// written. Those of less than 8 bits are not, nor what only scales are stored as and the FNUZ
// variants: tensors of them are only passed through.
func (t Type) Float() bool { return t.write != nil }

// Scale reports whether the values can scale others: floats, or the powers of two of F8_E8M0, which
// can be read alone.
func (t Type) Scale() bool { return t.read != nil }

// Wide reports whether the values are floats of more than 16 bits.
func (t Type) Wide() bool { return t.Float() && t.Bits > 16 }

// Clamped reports whether reading the values as float32 brings those beyond its range into it.
func (t Type) Clamped() bool { return t.Float() && t.Bits > 32 }

// Append appends little-endian values of a type whose Scale is true. Values of F64 are rounded to
// the nearest float32, ties to even; what is finite stays so, and what is not 0 does too.
func (t Type) Append(dst []float32, src []byte) []float32 { return t.read(dst, src) }

// Put writes values to dst, of as many bytes as they take, as little-endian numbers of a type whose
// Float is true: the nearest, ties to even. What is finite stays so.
func (t Type) Put(dst []byte, src []float32) { t.write(dst, src) }

// Size is the number of bytes that the values of a shape take. The error says what is wrong with
// the shape: dimensions are claims of a file.
func (t Type) Size(shape []int) (int64, error) {
	n := uint64(t.Bits)
	empty := false
	for _, d := range shape {
		if d == 0 {
			empty = true
			continue // yet the others may not overflow
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return 0, errors.New("the shape overflows")
		}
		n = lo
	}
	switch {
	case empty:
		return 0, nil
	case n%8 != 0:
		return 0, errors.New("the values end inside a byte")
	case n/8 > math.MaxInt:
		return 0, fmt.Errorf("more than a %d-bit program can hold", strconv.IntSize)
	}
	return int64(n / 8), nil
}
