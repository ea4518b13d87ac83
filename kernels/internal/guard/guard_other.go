//go:build !unix

package guard

import (
	"testing"
	"unsafe"
)

// pages returns size bytes, aligned for any element type.
func pages(_ testing.TB, size int, _ bool) []byte {
	words := make([]uint64, (size+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}
