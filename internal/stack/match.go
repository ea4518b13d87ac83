package stack

import (
	"path"
	"strings"
)

// Match is path.Match without its special case: a star matches slashes too. A name matches itself,
// whatever is in it. What matches a stack matches each of its slices.
func Match(glob, name string) bool {
	if Named(glob, name) {
		return true
	}
	if whole, _, ok := Cut(name); ok && Match(glob, whole) {
		return true
	}
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(noSlash(glob), noSlash(name))
	return ok && err == nil
}

// Named reports whether a text is the full name of a tensor, or of the stack that it is a slice of.
func Named(text, tensor string) bool {
	whole, _, ok := Cut(tensor)
	return text == tensor || ok && text == whole
}
