// Package stack names the matrices of a tensor that holds several on top of each other, such as the
// experts of a mixture, [experts, out, in]: tensor T has slices T[0], T[1] and so on. It matches
// patterns of names, too.
package stack

import (
	"strconv"
	"strings"
)

// Slice returns the name of slice i of a stack.
func Slice(stack string, i int) string { return stack + "[" + strconv.Itoa(i) + "]" }

// Cut undoes Slice; ok is false for names that it does not make.
func Cut(name string) (stack string, i int, ok bool) {
	open := strings.LastIndexByte(name, '[')
	if open < 0 || !strings.HasSuffix(name, "]") {
		return "", 0, false
	}
	digits := name[open+1 : len(name)-1]
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || strconv.Itoa(i) != digits {
		return "", 0, false
	}
	return name[:open], i, true
}
