package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is columns of text. A heading that starts with ">" makes its column flush right. One that
// starts with "~", the first, is that of names, which are shortened where the table would be too
// wide.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	t.rows = append(t.rows, cells)
}

// heading is a heading without what it says of its column.
func heading(h string) string { return strings.TrimLeft(h, ">~") }

func (t *table) text() string {
	var b strings.Builder
	head := make([]string, len(t.head))
	for i, h := range t.head {
		head[i] = heading(h)
	}
	lines := append([][]string{head}, t.rows...)
	if strings.HasPrefix(t.head[0], "~") {
		lines = fitted(lines)
	}
	widths := columnWidths(lines)
	for _, line := range lines {
		var text string
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if strings.HasPrefix(t.head[i], ">") {
				text += pad + cell + gap
			} else {
				text += cell + pad + gap
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}

const (
	gap = "  " // between columns
	// tableWidth is what tables of a model's tensors fit, whatever the names in it.
	tableWidth = 120
	// leastLast and leastName are how narrow the last column and that of names may become for that.
	// The last column gives way first: breaking its lines loses nothing.
	leastLast, leastName = 32, 16
)

func columnWidths(lines [][]string) []int {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// fitted returns lines of cells that fit tableWidth: with the last column broken into several
// lines, and with the middle of the names in the first left out, as far as there is need.
func fitted(lines [][]string) [][]string {
	last := len(lines[0]) - 1
	if widths := columnWidths(lines); excess(widths) > 0 {
		lines = broken(lines, max(widths[last]-excess(widths), min(widths[last], leastLast)))
	}
	if widths := columnWidths(lines); excess(widths) > 0 {
		names := make([]string, len(lines))
		for i, line := range lines {
			names[i] = line[0]
		}
		for i, name := range shortened(names, max(widths[0]-excess(widths), leastName)) {
			lines[i] = slices.Concat([]string{name}, lines[i][1:])
		}
	}
	return lines
}

// excess is how much wider columns are than tableWidth.
func excess(widths []int) int {
	total := len(gap) * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	return total - tableWidth
}

// broken returns lines whose last cell is at most width wide: what is longer goes on below.
func broken(lines [][]string, width int) [][]string {
	var all [][]string
	for _, line := range lines {
		last := len(line) - 1
		for i, part := range wrapped(line[last], width) {
			next := make([]string, len(line))
			if i == 0 {
				copy(next, line)
			}
			next[last] = part
			all = append(all, next)
		}
	}
	return all
}

// wrapped breaks a text into lines of at most width runes, between words where it can.
func wrapped(text string, width int) []string {
	var lines []string
	rest := []rune(text)
	for len(rest) > width {
		end := width
		for end > 0 && rest[end] != ' ' {
			end--
		}
		if end == 0 { // a word as long as that
			lines, rest = append(lines, string(rest[:width])), rest[width:]
			continue
		}
		lines, rest = append(lines, string(rest[:end])), rest[end+1:]
	}
	return append(lines, string(rest))
}

// shortened returns the names with dots for the middle of those that are longer than width runes.
// All of them are cut at one place, the one nearest the middle that leaves the most names distinct:
// what tells layers apart may stand anywhere.
func shortened(names []string, width int) []string {
	const dots = "..."
	keep := width - len(dots)
	distinct := func(names []string) int {
		seen := make(map[string]bool, len(names))
		for _, name := range names {
			seen[name] = true
		}
		return len(seen)
	}
	var best []string
	most := 0
	for i := range keep - 2 {
		head := keep/2 + (i+1)/2*(1-i%2*2) // the middle, one before, one behind, two before, ...
		cut := make([]string, len(names))
		for j, name := range names {
			cut[j] = name
			if runes := []rune(name); len(runes) > width {
				cut[j] = string(runes[:head]) + dots + string(runes[len(runes)-(keep-head):])
			}
		}
		if n := distinct(cut); n > most {
			best, most = cut, n
		}
		if most == distinct(names) {
			break
		}
	}
	return best
}

func (t *table) markdown() string {
	var b strings.Builder
	rule := "|"
	for _, h := range t.head {
		b.WriteString("| " + heading(h) + " ")
		if strings.HasPrefix(h, ">") {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	b.WriteString("|\n" + rule + "\n")
	for _, row := range t.rows {
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// facts is a list of names and values, one a line.
type facts [][2]string

func (f *facts) add(name, format string, args ...any) {
	*f = append(*f, [2]string{name, fmt.Sprintf(format, args...)})
}

func (f facts) text() string {
	t := table{head: make([]string, 2)}
	for _, line := range f {
		t.add(line[0], line[1])
	}
	_, text, _ := strings.Cut(t.text(), "\n") // without the empty heading
	return text
}
