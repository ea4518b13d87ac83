package main

import (
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
)

// TestKindOf: what shares a line with its like is no matrix, and has no reason of its own.
func TestKindOf(t *testing.T) {
	vector := codebook.Tensor{DType: "F32", Shape: []int{8}}
	_, reason := vector.Kind()
	matrix := codebook.Tensor{DType: "F32", Shape: []int{8, 8}}
	packed := codebook.Tensor{DType: "I32", Shape: []int{8, 8}}
	for _, c := range []struct {
		name  string
		entry compress.Entry
		want  string
	}{
		{"a vector", compress.Entry{Tensor: vector, Reason: reason}, "vectors"},
		{"a vector of which nothing is said", compress.Entry{Tensor: vector}, "vectors"},
		{"a vector with another reason", compress.Entry{Tensor: vector, Reason: "a scale"}, ""},
		{"integers", compress.Entry{Tensor: packed}, "integers"},
		{"packed weights", compress.Entry{Tensor: packed, Reason: "packed weights"}, ""},
		{"a matrix", compress.Entry{Tensor: matrix, Reason: "excluded"}, ""},
		{"a layer", compress.Entry{Tensor: packed, Layer: new(codebook.Scheme)}, ""},
	} {
		if got := kindOf(c.entry); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
