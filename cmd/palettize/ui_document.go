package main

import (
	"slices"
	"strings"
)

// report is what a command has found: a value that is its JSON, and that says how it is arranged
// for people.
type report interface{ document() document }

// document is a report for people, in parts that know each form of it.
type document []part

type part interface {
	text() string     // for a terminal
	markdown() string // for a page on a forge, such as the summary of a CI job
	html() string     // for the page that report writes: elements, in which all text is escaped
}

// text has the parts in their order: mostly what sums up is last, where a terminal shows it.
func (d document) text() string {
	return d.joined("\n", part.text)
}

// markdown has facts first and tables below, as one reads a page.
func (d document) markdown() string {
	return d.factsFirst().joined("\n", part.markdown)
}

func (d document) html() string { return d.joined("", part.html) }

func (d document) joined(by string, of func(part) string) string {
	var texts []string
	for _, p := range d {
		texts = append(texts, of(p))
	}
	return strings.Join(texts, by)
}

// factsFirst returns the parts with facts before all others.
func (d document) factsFirst() document {
	sorted := slices.Clone(d)
	slices.SortStableFunc(sorted, func(a, b part) int {
		_, isA := a.(facts)
		_, isB := b.(facts)
		switch {
		case isA == isB:
			return 0
		case isA:
			return -1
		}
		return 1
	})
	return sorted
}
