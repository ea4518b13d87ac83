//go:build unix

package guard

import (
	"testing"

	"golang.org/x/sys/unix"
)

// pages returns size bytes between two pages that nobody may touch, against the second one or the
// first. They are given back when the test ends.
func pages(t testing.TB, size int, tail bool) []byte {
	t.Helper()
	page := unix.Getpagesize()
	room := (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, room+2*page, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("guard: mmap: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Errorf("guard: munmap: %v", err)
		}
	})
	for _, p := range [][]byte{all[:page], all[page+room:]} {
		if err := unix.Mprotect(p, unix.PROT_NONE); err != nil {
			t.Fatalf("guard: mprotect: %v", err)
		}
	}
	at := page
	if tail {
		at += room - size
	}
	return all[at : at+size : at+size]
}
