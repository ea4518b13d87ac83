package guard

import (
	"runtime/debug"
	"testing"
)

func faults(f func()) (faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { faulted = recover() != nil }()
	f()
	return
}

func TestGuard(t *testing.T) {
	for _, n := range []int{1, 7, 1023, 1024, 5000} {
		for name, f := range map[string]func(testing.TB, int) []int32{
			"tail": Tail[int32],
			"head": Head[int32],
		} {
			s := f(t, n)
			if len(s) != n {
				t.Fatalf("%s(%d) has %d elements", name, n, len(s))
			}
			for i := range s {
				s[i] = int32(i)
			}
		}
	}
}
