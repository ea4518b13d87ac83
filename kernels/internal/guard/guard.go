// Package guard makes slices for tests that lie against a page nobody may touch, so that a kernel
// that reads or writes past them faults. Where the system has no such pages they are plain slices.
package guard

import (
	"testing"
	"unsafe"
)

// Tail returns a slice of n zeros whose end is the end of the readable memory.
func Tail[T any](t testing.TB, n int) []T {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	return slice[T](pages(t, size, true), n)
}

// Head returns a slice of n zeros whose start is the start of the readable memory.
func Head[T any](t testing.TB, n int) []T {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	return slice[T](pages(t, size, false), n)
}

// slice gives bytes another element type; T holds no pointers and its size divides a page's.
func slice[T any](b []byte, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
