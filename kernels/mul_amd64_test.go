//go:build !purego

package kernels

import (
	"testing"
	"unsafe"
)

// Both runs are whole cache lines, wherever the room begins.
func TestRunsAreAligned(t *testing.T) {
	var rooms [9]struct {
		runs
		_ [8]byte
	}
	for i := range rooms {
		r := &rooms[i].runs
		r.align()
		for panel := range 2 {
			if at := uintptr(unsafe.Pointer(r.of(panel))); at%cacheLine != 0 {
				t.Errorf("room at %#x: the run of panel %d is at %#x", unsafe.Pointer(r), panel, at)
			}
		}
	}
}
