// Package bitstream packs small numbers as FORMAT.md has them: its "bit streams".
package bitstream

import "fmt"

// RowBytes is the length of a packed row of n numbers of at most 8 bits. It does not overflow: n
// can be a claim of a file.
func RowBytes(n, bits int) int { return n/8*bits + (n%8*bits+7)/8 }

// Pack returns rows of n numbers as bit streams: each number takes this many bits, at most 8, its
// lowest bit first, from the lowest bit of a byte to the highest. Each row is padded with zeros to
// a whole byte.
func Pack[N byte | int8](numbers []N, rows, n, bits int) []byte {
	width := RowBytes(n, bits)
	packed := make([]byte, rows*width)
	mask := uint32(1)<<bits - 1
	for r := range rows {
		dst := packed[r*width:][:width]
		var window uint32
		filled, at := 0, 0
		for _, number := range numbers[r*n:][:n] {
			window |= (uint32(number) & mask) << filled
			for filled += bits; filled >= 8; filled -= 8 {
				dst[at] = byte(window)
				window >>= 8
				at++
			}
		}
		if filled > 0 {
			dst[at] = byte(window)
		}
	}
	return packed
}

// Unpack is the inverse of Pack for len(packed) = rows*RowBytes(n, bits). Signed numbers are in
// two's complement. Padding must be zero: each matrix has one representation.
func Unpack[N byte | int8](packed []byte, rows, n, bits int) ([]N, error) {
	width := RowBytes(n, bits)
	numbers := make([]N, rows*n)
	for r := range rows {
		src := packed[r*width:][:width]
		var window uint32
		filled, at := 0, 0
		dst := numbers[r*n:][:n]
		for i := range dst {
			if filled < bits {
				window |= uint32(src[at]) << filled
				filled += 8
				at++
			}
			// To the top of the byte and back: a signed N takes its sign from there.
			dst[i] = N(byte(window)<<(8-bits)) >> (8 - bits)
			window >>= bits
			filled -= bits
		}
		if window != 0 {
			return nil, fmt.Errorf("the padding of row %d is not zero", r)
		}
	}
	return numbers, nil
}
