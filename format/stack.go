package format

import (
	"fmt"
	"maps"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

const (
	// leastSlice is the number of weights from which on a slice of a stack is a tensor of its own:
	// what a layer takes in the header, some 350 bytes, is little beside it.
	leastSlice = 1 << 14
	// mostSliced is the number of tensors up to which stacks are taken apart, so that a codebook
	// file's header stays well below the limit.
	mostSliced = 1 << 17
)

// isStack reports whether a tensor is taken for its slices: matrices of floats on top of each
// other, such as the experts of a mixture, [experts, out, in].
func isStack(t codebook.Tensor) bool {
	if len(t.Shape) != 3 || t.Shape[0] < 2 || t.Folding() != 2 || !t.Float() {
		return false
	}
	slice := sliceOf(t, 0)
	return !slice.Vector() && slice.Elements() >= leastSlice
}

// sliceOf is slice i of a stack.
func sliceOf(t codebook.Tensor, i int) codebook.Tensor {
	t.Name, t.Bytes = stack.Slice(t.Name, i), t.Bytes/int64(t.Shape[0])
	t.Shape = t.Shape[1:]
	return t
}

// stackOf is the stack of n tensors like this one.
func stackOf(name string, slice codebook.Tensor, n int) codebook.Tensor {
	slice.Name, slice.Bytes = name, slice.Bytes*int64(n)
	slice.Shape = slices.Concat([]int{n}, slice.Shape)
	return slice
}

// sliced returns the file with the slices of its stacks for tensors. A stack one of whose slices
// has the name of another tensor stays whole, and so does one that has scales.
func (f *File) sliced(isStack func(codebook.Tensor) bool) *File {
	stacks, total := make(map[string]int), len(f.entries)
	for _, e := range f.entries {
		joined := e.scales != nil || e.scaled != nil
		if isStack(e.Tensor) && !joined && e.Shape[0] <= mostSliced-total && !f.hasSlice(e.Tensor) {
			stacks[e.Name] = e.Shape[0]
			total += e.Shape[0] - 1
		}
	}
	if len(stacks) == 0 {
		return f
	}
	entries := make([]entry, 0, total)
	for _, e := range f.entries {
		if stacks[e.Name] == 0 {
			entries = append(entries, e)
		}
		for i := range stacks[e.Name] {
			slice := e
			slice.Tensor = sliceOf(e.Tensor, i)
			slice.begin += int64(i) * slice.Bytes
			slice.end = slice.begin + slice.Bytes
			entries = append(entries, slice)
		}
	}
	s := *f
	s.entries, s.index, s.stacks, s.whole = entries, make(map[string]int), stacks, f
	for i, e := range entries {
		s.index[e.Name] = i
	}
	return &s
}

// Sample returns a model that has the first rows of one tensor, along its first dimension, and
// nothing else: to try on it what would take long on all. It is nil for tensors that have no so
// many rows, or scales. It is the same open file: closing one closes the other.
func (f *File) Sample(name string, rows int) *File {
	e := f.find(name)
	if e == nil || e.scales != nil || len(e.Shape) == 0 || rows < 1 || rows > e.Shape[0] {
		return nil
	}
	s := *f
	part := *e
	part.Bytes = e.Bytes / int64(e.Shape[0]) * int64(rows)
	part.end = part.begin + part.Bytes
	part.Shape = slices.Concat([]int{rows}, e.Shape[1:])
	s.entries, s.index, s.stacks, s.whole = []entry{part}, map[string]int{name: 0}, nil, nil
	return &s
}

// hasSlice reports whether a tensor of the file is named like a slice of this one.
func (f *File) hasSlice(t codebook.Tensor) bool {
	for i := range t.Shape[0] {
		if f.find(stack.Slice(t.Name, i)) != nil {
			return true
		}
	}
	return false
}

// Whole returns the file with its tensors as they are stored, stacks not taken apart. It is the
// same open file: closing one closes the other.
func (f *File) Whole() *File {
	if f.whole == nil {
		return f
	}
	return f.whole
}

// readStacks finds the tensors of which a file has slices.
func (c *Codebook) readStacks(s *shard) error {
	text, ok := s.layout.metadata[stacksKey]
	if !ok {
		return nil
	}
	if s.version == 1 {
		return s.corruptHeader("has %s, which version 1 has not", stacksKey)
	}
	stacks, err := parseObject(text, (*scanner).number)
	if err != nil {
		return s.corruptHeader("%s: %w", stacksKey, err)
	}
	for name, n := range stacks {
		if other, ok := c.stacks[name]; ok && n != other {
			return s.corruptHeader("%s: tensor %s has %d slices, another file says %d", stacksKey,
				quote(name), n, other)
		}
		c.stacks[name] = n
	}
	return nil
}

// checkStacks checks that all slices are there, alike.
func (c *Codebook) checkStacks() error {
	originals := make(map[string]codebook.Tensor)
	for _, t := range c.originals() {
		originals[t.Name] = t
	}
	for _, name := range slices.Sorted(maps.Keys(c.stacks)) {
		if why := notStack(name, c.stacks[name], originals); why != "" {
			return c.file.shards[0].corruptHeader("%s: tensor %s %s", stacksKey, quote(name), why)
		}
	}
	return nil
}

// notStack says why n slices among these tensors are not those of a stack of this name, "" if they
// are.
func notStack(name string, n int, tensors map[string]codebook.Tensor) string {
	if _, ok := tensors[name]; ok {
		return "is there as a whole too"
	}
	if n < 2 {
		return fmt.Sprintf("has %d slices, expected 2 or more", n)
	}
	first := tensors[stack.Slice(name, 0)]
	for i := range n { // ends at one that is missing
		switch t, ok := tensors[stack.Slice(name, i)]; {
		case !ok:
			return fmt.Sprintf("lacks slice %d of %d", i, n)
		case len(t.Shape) != 2:
			return fmt.Sprintf("has a slice %d that is %s, no matrix", i, describe(t))
		case t.DType != first.DType || !slices.Equal(t.Shape, first.Shape):
			return fmt.Sprintf("has slices that are %s and %s", describe(first), describe(t))
		}
	}
	whole := stackOf(name, first, n)
	if _, err := dtype.Of(whole.DType).Size(whole.Shape); err != nil {
		return fmt.Sprintf("is %s: %v", describe(whole), err)
	}
	return ""
}

// joined returns blobs of all tensors with one for each stack in place of its slices.
func (c *Codebook) joined(blobs []blob) []blob {
	var others []blob
	slices := make(map[string][]blob) // of each stack, in order
	for name, n := range c.stacks {
		slices[name] = make([]blob, n)
	}
	for _, b := range blobs {
		if name, i, ok := stack.Cut(b.Name); ok && i < len(slices[name]) {
			slices[name][i] = b
		} else {
			others = append(others, b)
		}
	}
	for name, parts := range slices {
		whole := stackOf(name, parts[0].Tensor, len(parts))
		others = append(others, blob{Tensor: whole, slices: parts})
	}
	return others
}
