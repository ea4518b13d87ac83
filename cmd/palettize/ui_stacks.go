package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/stack"
)

// stacked returns tensors with one in place of the slices of a stack, or one for each of the ways
// that they are stored in.
func stacked(tensors []tensorFacts) []tensorFacts {
	return together(tensors, func(x tensorFacts) (string, string) {
		way := x.DType + shapeText(x.Shape) + x.KeptAs + x.Reason
		if l := x.layerFacts; l != nil {
			way += schemeText(l.Scheme, l.D, 0, l.Group, l.WindowBits)
		}
		return x.Name, way
	}, merged)
}

// merged is what tensors that are stored in the same way come to.
func merged(tensors []tensorFacts, name string) tensorFacts {
	all := tensors[0]
	all.Name, all.Bytes = name, 0
	for _, x := range tensors {
		all.Bytes += x.Bytes
	}
	if all.layerFacts == nil {
		return all
	}
	l := *all.layerFacts
	l.Stored, l.Resident, l.distortion = 0, 0, codebook.Distortion{}
	for _, x := range tensors {
		l.Stored += x.Stored / float64(len(tensors))
		l.Resident += x.Resident / float64(len(tensors))
		l.distortion.Merge(x.distortion)
		if x.K != l.K {
			l.K = 0
		}
	}
	l.Error = l.distortion.Relative()
	all.layerFacts = &l
	return all
}

// stackedNames returns names with one in place of those of the slices of a stack.
func stackedNames(names []string) []string {
	return together(names, func(name string) (string, string) { return name, "" },
		func(_ []string, name string) string { return name })
}

// together returns a list with one item in place of all that are named like slices of a stack, and
// are alike otherwise: what merge makes of them, and of a name for them.
func together[T any](list []T, about func(T) (name, otherwise string),
	merge func(items []T, name string) T) []T {
	type kind struct{ stack, otherwise string }
	type group struct {
		items  []T
		name   string // of its stack
		slices []int
	}
	var groups []*group
	of := make(map[kind]*group)
	for _, item := range list {
		name, otherwise := about(item)
		whole, i, ok := stack.Cut(name)
		g := of[kind{whole, otherwise}]
		if g == nil || !ok {
			g = &group{name: whole}
			groups = append(groups, g)
		}
		if ok {
			of[kind{whole, otherwise}] = g
		}
		g.items, g.slices = append(g.items, item), append(g.slices, i)
	}
	merged := make([]T, len(groups))
	for i, g := range groups {
		if merged[i] = g.items[0]; len(g.items) > 1 {
			merged[i] = merge(g.items, g.name+"["+rangesText(g.slices)+"]")
		}
	}
	return merged
}

// rangesText is a list of numbers, those that follow each other as a range: "0..5, 7".
func rangesText(numbers []int) string {
	slices.Sort(numbers)
	var parts []string
	for len(numbers) > 0 {
		n := 1
		for n < len(numbers) && numbers[n] == numbers[0]+n {
			n++
		}
		part := fmt.Sprint(numbers[0])
		if n > 1 {
			part += fmt.Sprintf("..%d", numbers[n-1])
		}
		parts, numbers = append(parts, part), numbers[n:]
	}
	return strings.Join(parts, ", ")
}
