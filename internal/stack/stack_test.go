package stack

import "testing"

func TestCutUndoesSlice(t *testing.T) {
	for _, name := range []string{"", "experts", "a[0]", "ключ[", "]"} {
		for _, i := range []int{0, 7, 10, 1<<31 - 1} {
			stack, n, ok := Cut(Slice(name, i))
			if stack != name || n != i || !ok {
				t.Errorf("%q is slice %d of %q (%v)", Slice(name, i), n, stack, ok)
			}
		}
	}
}

func TestCutRefusesOtherNames(t *testing.T) {
	for _, name := range []string{
		"", "a", "a[]", "a[-1]", "a[+1]", "a[01]", "a[1] ", "a[1", "a1]", "a[x]", "a[1].weight",
		"a[99999999999999999999]", "a[0_1]",
	} {
		if stack, i, ok := Cut(name); ok {
			t.Errorf("%q is slice %d of %q", name, i, stack)
		}
	}
}
