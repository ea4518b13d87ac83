package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is columns of text. A heading that starts with ">" makes its column flush right. One that
// starts with "~", the first, is that of names, which are shortened where the table would be too
// wide for a terminal.
type table struct {
	head  []string
	brief []string // headings of the columns that text has, "" for one that it has not; nil: head
	rows  [][]string
	title string // of the table in a page
}

func (t *table) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	t.rows = append(t.rows, cells)
}

// heading is a heading without what it says of its column.
func heading(h string) string { return strings.TrimLeft(h, ">~") }

// briefly is the table with the columns that text has.
func (t *table) briefly() *table {
	if t.brief == nil {
		return t
	}
	left := func(cells []string) (kept []string) {
		for i, cell := range cells {
			if t.brief[i] != "" {
				kept = append(kept, cell)
			}
		}
		return kept
	}
	short := &table{head: left(t.brief)}
	for _, row := range t.rows {
		short.rows = append(short.rows, left(row))
	}
	return short
}

func (t *table) text() string {
	t = t.briefly()
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

// markdownEscapes keep a cell's text what it is.
var markdownEscapes = strings.NewReplacer("|", `\|`, "<", "&lt;")

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
			b.WriteString("| " + markdownEscapes.Replace(cell) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// breakable is a name as HTML whose lines may be broken where it has dots.
func breakable(name string) string {
	return strings.ReplaceAll(html.EscapeString(name), ".", ".<wbr/>")
}

// html is the table in a frame in which it can be scrolled. Numbers have the class n.
func (t *table) html() string {
	var b strings.Builder
	class := func(i int) string {
		if strings.HasPrefix(t.head[i], ">") {
			return ` class="n"`
		}
		return ""
	}
	fmt.Fprintf(&b, `<div class="scroll" role="region" tabindex="0" aria-label="%s"><table>`+
		"\n<thead><tr>", html.EscapeString(t.title))
	for i, h := range t.head {
		fmt.Fprintf(&b, `<th scope="col"%s>%s</th>`, class(i), html.EscapeString(heading(h)))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.rows {
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th>`, breakable(row[0]))
		for i, cell := range row[1:] {
			fmt.Fprintf(&b, "<td%s>%s</td>", class(1+i), html.EscapeString(cell))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}

// facts is a list of names and values, one a line.
type facts [][2]string

func (f *facts) add(name, format string, args ...any) {
	*f = append(*f, [2]string{name, fmt.Sprintf(format, args...)})
}

// table is the list as two columns without headings.
func (f facts) table() *table {
	t := &table{head: make([]string, 2)}
	for _, line := range f {
		t.add(line[0], line[1])
	}
	return t
}

func (f facts) text() string {
	_, text, _ := strings.Cut(f.table().text(), "\n") // without the empty heading
	return text
}

func (f facts) markdown() string { return f.table().markdown() }

func (f facts) html() string {
	var b strings.Builder
	b.WriteString("<dl>\n")
	for _, line := range f.table().rows {
		fmt.Fprintf(&b, "<div><dt>%s</dt><dd>%s</dd></div>\n",
			html.EscapeString(line[0]), html.EscapeString(line[1]))
	}
	b.WriteString("</dl>\n")
	return b.String()
}
