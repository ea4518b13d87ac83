package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/verify"
)

// texter is a result that can be printed for people.
type texter interface{ text() string }

// show prints a result for people or as JSON.
func (e *env) show(result texter, asJSON bool) error {
	if !asJSON {
		return e.print(result.text())
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// print writes to stdout.
func (e *env) print(text string) error {
	_, err := io.WriteString(e.stdout, text)
	return err
}

// warn tells of something that does not stop the command.
func (e *env) warn(format string, args ...any) {
	fmt.Fprintf(e.stderr, "palettize: warning: "+format+"\n", args...)
}

// progress is a bar on stderr, or nothing.
type progress struct {
	bar  *progressbar.ProgressBar
	room int // for a tensor's name, so that the bar stays on one line
}

// newProgress returns a progress that shows a bar if stderr is a terminal and quiet is false.
func (e *env) newProgress(quiet bool) *progress {
	f, ok := e.stderr.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return new(progress)
	}
	const barWidth, rest = 20, 30 // rest: percent, frame, times
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 {
		width = 80
	}
	return &progress{
		bar: progressbar.NewOptions64(1, progressbar.OptionSetWriter(f),
			progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish()),
		room: max(10, width-barWidth-rest),
	}
}

// update shows how far a run is.
func (p *progress) update(now codebook.Progress) {
	if p.bar == nil || now.Total == 0 {
		return
	}
	p.bar.ChangeMax64(now.Total)
	_ = p.bar.Set64(now.Done) // only a broken terminal fails
	p.bar.Describe(ending(printable(now.Tensor), p.room))
}

// ending is the end of a name, which tells tensors apart, as far as a terminal has room for its
// columns.
func ending(name string, room int) string {
	const cut = "..."
	width := uniseg.StringWidth(name)
	if width <= room {
		return name
	}
	for state := -1; width > room-len(cut) && name != ""; {
		var first int
		_, name, first, state = uniseg.FirstGraphemeClusterInString(name, state)
		width -= first
	}
	return cut + name
}

// close takes the bar away.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

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

// printable is text with everything escaped that could move the cursor: names come from files.
func printable(text string) string {
	for _, r := range text {
		if !strconv.IsPrint(r) {
			quoted := strconv.Quote(text)
			return quoted[1 : len(quoted)-1]
		}
	}
	return text
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

// grouped writes a number with a comma every three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func errorText(e float64) string { return fmt.Sprintf("%.4f", e) }

// errorOrDash is "-" for an error that is not known.
func errorOrDash(e *float64) string {
	if e == nil {
		return "-"
	}
	return errorText(*e)
}

// schemeText is a scheme in a few characters: "segments d=2 k=256", "trellis window=4".
func schemeText(name string, d, k, group, window int) string {
	text := name
	if window != 0 {
		return text + fmt.Sprintf(" window=%d", window)
	}
	if name == "segments" {
		text += fmt.Sprintf(" d=%d", d)
	}
	text += fmt.Sprintf(" k=%d", k)
	if group != 0 {
		text += fmt.Sprintf(" g=%d", group)
	}
	return text
}

// cells are the columns that describe a layer in the tables of compress and inspect.
func (l *layerFacts) cells() []string {
	return []string{
		fmt.Sprintf("%.2f", l.Stored), errorText(l.Error),
		schemeText(l.Scheme, l.D, l.K, l.Group, l.Window),
	}
}

func (r *compressReport) text() string {
	t := table{head: []string{"~tensor", "shape", "dtype", ">bits", ">error", "stored as"}}
	shown, rest := matrices(r.Tensors, r.all)
	for _, x := range shown {
		cells := []string{"", "", "unchanged: " + x.Reason}
		switch {
		case x.layerFacts != nil:
			cells = x.cells()
		case x.KeptAs != "":
			cells[2] = x.Reason
		}
		t.add(append([]string{x.Name, shapeText(x.Shape), x.DType}, cells...)...)
	}
	hint := ""
	if rest.n > 0 {
		t.add(rest.text(), "", "", "", "", fmt.Sprintf("unchanged: %s bytes", grouped(rest.bytes)))
		hint = "; --all lists each"
	}
	var f facts
	f.add("file in", "%s, %s bytes", r.Model, grouped(r.Total.BytesIn))
	f.add("file out", "%s, %s bytes", r.Out, grouped(r.Total.BytesOut))
	f.add("ratio", "%.2f", r.Total.Ratio)
	f.add("compressed", "%d of %d tensors, %s weights%s%s", r.Total.Compressed, len(r.Tensors),
		grouped(r.Total.Weights), r.halves("; %d kept as F16"), hint)
	if r.Total.Compressed > 0 {
		f.add("bits", "%.2f a compressed weight", r.Total.BitsStored)
		f.add("error", "%.4f of the compressed weights (relative)", r.Total.WeightError)
	}
	f.addWorst(newWorstFacts(r.Total))
	return t.text() + "\n" + f.text()
}

// addWorst names the matrix with the largest error, and says how many are beyond their cap where
// that is known.
func (f *facts) addWorst(s worstFacts) {
	if s.Worst == nil {
		return
	}
	text := fmt.Sprintf("%.4f, %s", s.Worst.Error, s.Worst.Tensor)
	switch {
	case s.Beyond > 0:
		text += fmt.Sprintf("; %d of %d beyond the cap", s.Beyond, s.Capped)
	case s.Capped > 0:
		text += fmt.Sprintf("; none of %d beyond the cap", s.Capped)
	}
	f.add("worst", "%s", text)
}

// others are the tensors that share a line.
type others struct {
	n     int
	bytes int64
	kinds map[string]int // how many of each
}

// matrices returns the tensors that have a line of their own, and the others: those that are no
// matrices, if there are several and not all are asked for.
func matrices(tensors []tensorFacts, all bool) ([]tensorFacts, others) {
	rest := others{kinds: make(map[string]int)}
	var shown []tensorFacts
	for _, x := range tensors {
		if x.kind == "" {
			shown = append(shown, x)
			continue
		}
		rest.n++
		rest.bytes += x.Bytes
		rest.kinds[x.kind]++
	}
	if all || rest.n < 2 {
		return tensors, others{}
	}
	return shown, rest
}

// text says how many there are, of which kinds, the commonest first: "65 vectors and single
// values".
func (o others) text() string {
	names := slices.Sorted(maps.Keys(o.kinds))
	commonest := func(a, b string) int { return cmp.Compare(o.kinds[b], o.kinds[a]) }
	slices.SortStableFunc(names, commonest)
	list := strings.Join(names, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " and " + list[i+len(", "):]
	}
	return fmt.Sprintf("%d %s", o.n, list)
}

// verification is printed as the library returns it.
type verification verify.Report

func (v *verification) text() string {
	checked := (*verify.Report)(v)
	return verifyTable(checked, false).text() + "\n" + verifyTotals(checked).text()
}

func markdownVerification(v *verify.Report) string {
	return totalTable(verifyTotals(v)).markdown() + "\n" + verifyTable(v, true).markdown()
}

// verifyColumns are what verify says of a layer: all of it in Markdown and JSON, in text what has a
// brief heading.
var verifyColumns = []struct {
	head, brief string
	cell        func(l *layerCheck) string
}{
	{"layer", "~layer", func(l *layerCheck) string { return l.Name }},
	{"shape", "shape", func(l *layerCheck) string { return shapeText(l.Shape) }},
	{"scheme", "", func(l *layerCheck) string {
		return schemeText(l.Scheme, l.D, l.K, l.Group, l.Window)
	}},
	{"plan", "plan", func(l *layerCheck) string { return l.Plan }},
	{"tier", "", func(l *layerCheck) string { return l.Tier }},
	{">bits stored", ">bits", number("%.2f", func(l *layerCheck) float64 { return l.BitsStored })},
	{">resident", ">resident",
		number("%.2f", func(l *layerCheck) float64 { return l.BitsResident })},
	{">weight error", ">error", func(l *layerCheck) string { return errorOrDash(l.WeightError) }},
	{">output error", ">output",
		number("%.4f", func(l *layerCheck) float64 { return l.OutputError })},
	{">kernel error", "", number("%.4f", func(l *layerCheck) float64 { return l.KernelError })},
	{">bound", "", number("%.4f", func(l *layerCheck) float64 { return l.KernelBound })},
	{">cosine", "", number("%.4f", func(l *layerCheck) float64 { return l.Cosine })},
	{">max error", "", number("%.3g", func(l *layerCheck) float64 { return l.MaxError })},
	{">dense us", "", number("%.1f", func(l *layerCheck) float64 { return l.DenseUs })},
	{">compiled us", ">us", number("%.1f", func(l *layerCheck) float64 { return l.CompiledUs })},
	{">speed-up", ">speed-up", number("%.2f", func(l *layerCheck) float64 { return l.Speedup })},
}

type layerCheck = verify.Check

// number is a cell with one of a layer's numbers.
func number(format string, of func(l *layerCheck) float64) func(l *layerCheck) string {
	return func(l *layerCheck) string { return fmt.Sprintf(format, of(l)) }
}

// verifyTable has a line for each layer, with all columns or those that fit a terminal.
func verifyTable(v *verify.Report, full bool) *table {
	t := new(table)
	lines := make([][]string, len(v.Layers))
	for _, c := range verifyColumns {
		head := c.brief
		if full {
			head = c.head
		}
		if head == "" {
			continue
		}
		t.head = append(t.head, head)
		for i := range v.Layers {
			lines[i] = append(lines[i], c.cell(&v.Layers[i]))
		}
	}
	for _, cells := range lines {
		t.add(cells...)
	}
	return t
}

func verifyTotals(v *verify.Report) facts {
	var f facts
	t := v.Total
	f.add("layers", "%d, %s weights", len(v.Layers), grouped(t.Weights))
	f.add("file", "%s bytes, %.2f times smaller than %s",
		grouped(t.BytesOut), t.Ratio, grouped(t.BytesIn))
	f.add("bits a weight", "%.2f stored, %.2f resident", t.BitsStored, t.BitsResident)
	f.add("weight error", "%s", errorOrDash(t.WeightError))
	f.add("output error", "%.4f, cosine %.4f", t.OutputError, t.Cosine)
	if t.Worst != nil {
		f.add("worst", "%.4f, %s (%s)", t.Worst.Error, t.Worst.Tensor, t.Worst.Of)
	}
	f.add("dense", "%.1f us", t.DenseUs)
	f.add("compiled", "%.1f us", t.CompiledUs)
	f.add("speed-up", "%.2f", t.Speedup)
	slower := fmt.Sprintf("none of %d", len(v.Layers))
	if t.Slower > 0 {
		slower = fmt.Sprintf("%d of %d, the slowest %s at %.2f",
			t.Slower, len(v.Layers), t.Slowest.Tensor, t.Slowest.Speedup)
	}
	f.add("slower than dense", "%s", slower)
	return f
}

// totalTable is the totals as a table of two columns.
func totalTable(total facts) *table {
	t := &table{head: []string{"total", ""}}
	for _, line := range total {
		t.add(line[0], line[1])
	}
	return t
}
func (r *cpuReport) text() string {
	t := table{head: []string{"operation", "tier", "here"}}
	for _, x := range r.Tiers {
		here := "runs"
		switch {
		case x.Selected:
			here = "selected"
		case x.Lacks != "":
			here = "lacks " + x.Lacks
		}
		t.add(x.Op, x.Tier, here)
	}
	var f facts
	f.add("machine", "%s/%s %s", r.GOOS, r.GOARCH, r.CPU)
	if r.Off != "" {
		f.add("switched off", "%s (PALETTIZE_CPU_OFF)", r.Off)
	}
	return f.text() + "\n" + t.text()
}

// text is the head of the Go benchmark format; the lines of the benchmarks follow.
func (r *benchReport) text() string {
	head := fmt.Sprintf("goos: %s\ngoarch: %s\npkg: %s\n", r.GOOS, r.GOARCH, r.Package)
	if r.CPU != "" {
		head += "cpu: " + r.CPU + "\n"
	}
	return head + "Unit x-dense better=higher\n"
}

func (r *benchResult) text() string {
	return fmt.Sprintf("%s\t%d\t%.1f ns/op\t%.3f x-dense\n", r.Name, r.N, r.Ns, r.XDense)
}

// closing is what follows the lines of the benchmarks.
func (r *benchReport) closing() string {
	text := r.coldText()
	if r.Comparison != nil {
		text += r.Comparison.text()
	}
	return text
}

func (r *benchReport) coldText() string {
	t := table{head: []string{
		"cold", ">copies", ">bits", ">32/bits", ">x-dense", ">reached", ">us", ">hot us",
		"bound by", ">copy GB/s", ">dense reads",
	}}
	for _, b := range r.Benchmarks {
		if c := b.Cold; c != nil {
			t.add(strings.TrimPrefix(b.Name, "Benchmark"), strconv.Itoa(c.Copies),
				fmt.Sprintf("%.2f", c.Bits), fmt.Sprintf("%.2f", c.Limit),
				fmt.Sprintf("%.2f", b.XDense), fmt.Sprintf("%.2f", c.Reached),
				fmt.Sprintf("%.1f", b.Ns/1e3), fmt.Sprintf("%.1f", c.HotNs/1e3),
				c.BoundBy, fmt.Sprintf("%.1f", c.CopyGBs), fmt.Sprintf("%.2f of it", c.DenseOfCopy))
		}
	}
	if t.rows == nil {
		return ""
	}
	var f facts
	f.add("working set", "more than %s bytes of copies", grouped(r.WorkingSet))
	return "\n" + f.text() + "\n" + t.text()
}

func (c *benchCompared) text() string {
	var f facts
	f.add("baseline", "%s, from %s", c.Baseline, cmp.Or(c.CPU, "an unknown CPU"))
	f.add("compared", "%d ratios to dense, %d moved by more than %v%%",
		c.Compared, len(c.Moved), c.Tolerance)
	for _, name := range c.Missing {
		f.add("not in this run", "%s", name)
	}
	text := "\n" + f.text()
	if len(c.Moved) > 0 {
		t := table{head: []string{"moved", ">was", ">now", ">change", "was called"}}
		for _, m := range c.Moved {
			t.add(m.Name, fmt.Sprintf("%.3g", m.Was), fmt.Sprintf("%.3g", m.Now),
				fmt.Sprintf("%+.1f%%", m.Percent), m.WasName)
		}
		text += "\n" + t.text()
	}
	return text
}

func (r *inspectReport) text() string {
	head := []string{"~tensor", "shape", "dtype", ">bytes"}
	if r.Codebook != nil {
		head = append(head, ">resident", ">bits", ">error", "stored as")
	}
	t := table{head: head}
	passed := func(x tensorFacts) []string { // the cells of a tensor that is no layer
		cells := make([]string, len(head)-4)
		if r.Codebook != nil {
			cells[len(cells)-1] = cmp.Or(x.KeptAs, "unchanged")
		}
		return cells
	}
	shown, rest := matrices(r.Tensors, r.all)
	for _, x := range shown {
		cells := passed(x)
		if x.layerFacts != nil {
			cells = append([]string{fmt.Sprintf("%.2f", x.Resident)}, x.cells()...)
		}
		t.add(append([]string{x.Name, shapeText(x.Shape), x.DType, grouped(x.Bytes)}, cells...)...)
	}
	hint := ""
	if rest.n > 0 {
		cells := []string{rest.text(), "", "", grouped(rest.bytes)}
		t.add(append(cells, passed(tensorFacts{})...)...)
		hint = "; --all lists each"
	}
	var f facts
	f.add("file", "%s, %s bytes", r.File, grouped(r.Size))
	if c := r.Codebook; c != nil {
		f.add("kind", "codebook file, format %d, made by %s", c.Version, c.Producer)
		f.add("settings", "%s", c.Settings)
		f.add("layers", "%d, %s weights, %.2f bits each, error %.4f",
			c.Layers, grouped(c.Weights), c.BitsStored, c.WeightError)
		f.addWorst(c.worstFacts)
	} else {
		f.add("kind", "safetensors file")
	}
	f.add("tensors", "%d%s", len(r.Tensors), hint)
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		f.add("metadata", "%s: %q", key, r.Metadata[key])
	}
	return f.text() + "\n" + t.text()
}
