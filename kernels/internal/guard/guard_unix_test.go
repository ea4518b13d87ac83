//go:build unix

package guard

import (
	"testing"
	"unsafe"
)

func TestGuardFaults(t *testing.T) {
	tail, head := Tail[byte](t, 100), Head[byte](t, 100)
	if !faults(func() { *(*byte)(unsafe.Add(unsafe.Pointer(&tail[99]), 1)) = 1 }) {
		t.Error("a byte behind the tail can be written")
	}
	if !faults(func() { *(*byte)(unsafe.Add(unsafe.Pointer(&head[0]), -1)) = 1 }) {
		t.Error("a byte before the head can be written")
	}
}
