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
		bar: progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(f), progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish()),
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

// table is columns of text. A heading that starts with ">" makes its column flush right.
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

func (t *table) text() string {
	var b strings.Builder
	widths := make([]int, len(t.head))
	lines := append([][]string{make([]string, len(t.head))}, t.rows...)
	for i, h := range t.head {
		lines[0][i] = strings.TrimPrefix(h, ">")
	}
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var text string
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if strings.HasPrefix(t.head[i], ">") {
				text += pad + cell + "  "
			} else {
				text += cell + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}

func (t *table) markdown() string {
	var b strings.Builder
	rule := "|"
	for _, h := range t.head {
		b.WriteString("| " + strings.TrimPrefix(h, ">") + " ")
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
	return []string{fmt.Sprintf("%.2f", l.Stored), errorText(l.Error), schemeText(l.Scheme, l.D, l.K, l.Group, l.Window)}
}

func (r *compressReport) text() string {
	t := table{head: []string{"tensor", "shape", "dtype", ">bits", ">error", "stored as"}}
	for _, x := range r.Tensors {
		cells := []string{"", "", "unchanged: " + x.Reason}
		if x.layerFacts != nil {
			cells = x.cells()
		}
		t.add(append([]string{x.Name, shapeText(x.Shape), x.DType}, cells...)...)
	}
	var f facts
	f.add("file in", "%s, %s bytes", r.Model, grouped(r.Total.BytesIn))
	f.add("file out", "%s, %s bytes", r.Out, grouped(r.Total.BytesOut))
	f.add("ratio", "%.2f", r.Total.Ratio)
	f.add("compressed", "%d of %d tensors, %s weights", r.Total.Compressed, len(r.Tensors), grouped(r.Total.Weights))
	if r.Total.Compressed > 0 {
		f.add("bits", "%.2f a compressed weight", r.Total.BitsStored)
		f.add("error", "%.4f of the compressed weights (relative)", r.Total.WeightError)
	}
	return t.text() + "\n" + f.text()
}

// verification is printed as the library returns it.
type verification codebook.Verification

func (v *verification) text() string {
	layers, total := verificationTables((*codebook.Verification)(v))
	return layers.text() + "\n" + total.text()
}

func markdownVerification(v *codebook.Verification) string {
	layers, total := verificationTables(v)
	return totalTable(total).markdown() + "\n" + layers.markdown()
}

// totalTable is the totals as a table of two columns.
func totalTable(total facts) *table {
	t := &table{head: []string{"total", ""}}
	for _, line := range total {
		t.add(line[0], line[1])
	}
	return t
}

func verificationTables(v *codebook.Verification) (layers *table, total facts) {
	layers = &table{head: []string{
		"layer", "shape", "scheme", "plan", "tier", ">bits stored", ">resident",
		">weight error", ">output error", ">kernel error", ">bound", ">cosine", ">max error", ">dense us", ">compiled us", ">speed-up",
	}}
	for _, l := range v.Layers {
		layers.add(l.Name, shapeText(l.Shape), schemeText(l.Scheme, l.D, l.K, l.Group, l.Window), l.Plan, l.Tier,
			fmt.Sprintf("%.2f", l.BitsStored), fmt.Sprintf("%.2f", l.BitsResident),
			errorOrDash(l.WeightError), errorText(l.OutputError), errorText(l.KernelError), errorText(l.KernelBound),
			fmt.Sprintf("%.4f", l.Cosine), fmt.Sprintf("%.3g", l.MaxError),
			fmt.Sprintf("%.1f", l.DenseUs), fmt.Sprintf("%.1f", l.CompiledUs), fmt.Sprintf("%.2f", l.Speedup))
	}
	t := v.Total
	total.add("layers", "%d, %s weights", len(v.Layers), grouped(t.Weights))
	total.add("file", "%s bytes, %.2f times smaller than %s", grouped(t.BytesOut), t.Ratio, grouped(t.BytesIn))
	total.add("bits a weight", "%.2f stored, %.2f resident", t.BitsStored, t.BitsResident)
	total.add("weight error", "%s", errorOrDash(t.WeightError))
	total.add("output error", "%.4f, cosine %.4f", t.OutputError, t.Cosine)
	total.add("dense", "%.1f us", t.DenseUs)
	total.add("compiled", "%.1f us", t.CompiledUs)
	total.add("speed-up", "%.2f", t.Speedup)
	return layers, total
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
		"cold", ">copies", ">bits", ">32/bits", ">x-dense", ">reached", ">us", ">hot us", "bound by", ">copy GB/s", ">dense reads",
	}}
	for _, b := range r.Benchmarks {
		if c := b.Cold; c != nil {
			t.add(strings.TrimPrefix(b.Name, "Benchmark"), strconv.Itoa(c.Copies), fmt.Sprintf("%.2f", c.Bits), fmt.Sprintf("%.2f", c.Limit),
				fmt.Sprintf("%.2f", b.XDense), fmt.Sprintf("%.2f", c.Reached), fmt.Sprintf("%.1f", b.Ns/1e3), fmt.Sprintf("%.1f", c.HotNs/1e3),
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
	f.add("compared", "%d ratios to dense, %d moved by more than %v%%", c.Compared, len(c.Moved), c.Tolerance)
	for _, name := range c.Missing {
		f.add("not in this run", "%s", name)
	}
	text := "\n" + f.text()
	if len(c.Moved) > 0 {
		t := table{head: []string{"moved", ">was", ">now", ">change", "was called"}}
		for _, m := range c.Moved {
			t.add(m.Name, fmt.Sprintf("%.3g", m.Was), fmt.Sprintf("%.3g", m.Now), fmt.Sprintf("%+.1f%%", m.Percent), m.WasName)
		}
		text += "\n" + t.text()
	}
	return text
}

func (r *inspectReport) text() string {
	head := []string{"tensor", "shape", "dtype", ">bytes"}
	if r.Codebook != nil {
		head = append(head, ">resident", "plan", ">bits", ">error", "stored as")
	}
	t := table{head: head}
	for _, x := range r.Tensors {
		cells := []string{x.Name, shapeText(x.Shape), x.DType, grouped(x.Bytes)}
		switch {
		case x.layerFacts != nil:
			cells = append(append(cells, fmt.Sprintf("%.2f", x.Resident), x.Plan), x.cells()...)
		case r.Codebook != nil:
			cells = append(cells, "", "", "", "", "unchanged")
		}
		t.add(cells...)
	}
	var f facts
	f.add("file", "%s, %s bytes", r.File, grouped(r.Size))
	if c := r.Codebook; c != nil {
		f.add("kind", "codebook file, format %d, made by %s", c.Version, c.Producer)
		f.add("settings", "%s", c.Settings)
		f.add("layers", "%d, %s weights, %.2f bits each, error %.4f", c.Layers, grouped(c.Weights), c.BitsStored, c.WeightError)
	} else {
		f.add("kind", "safetensors file")
	}
	f.add("tensors", "%d", len(r.Tensors))
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		f.add("metadata", "%s: %q", key, r.Metadata[key])
	}
	return f.text() + "\n" + t.text()
}
