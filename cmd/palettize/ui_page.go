package main

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/verify"
	"github.com/palettize/palettize/internal/version"
)

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

// What a page has at most, so that it stays usable. The other layers have smaller errors.
const mostPageLayers, mostPagePassed = 2000, 500

// page is an HTML file about a codebook file. All text in it that comes from files is escaped by
// the parts of documents, by html.EscapeString or by encoding/json; what it may load and run is
// said by a policy: nothing but the style and the script that are in it.
type page struct {
	*modelReport
	layers []pageLayer // the worst first
	left   int         // layers that are not among these
}

// pageLayer is all that is known of a layer.
type pageLayer struct {
	*tensorFacts
	place     int   // in the file
	bytesIn   int64 // of the original
	checked   *layerCheck
	histogram *verify.Histogram
	rates     []compress.Rate
}

func newPage(r *modelReport) *page {
	p := &page{modelReport: r}
	checked := make(map[string]*layerCheck)
	if r.speed != nil {
		for i := range r.speed.Layers {
			checked[r.speed.Layers[i].Name] = &r.speed.Layers[i]
		}
	}
	for i, l := range r.heads { // which are first among the tensors
		name := l.Tensor.Name
		p.layers = append(p.layers, pageLayer{
			&r.Tensors[i], i, l.Tensor.Bytes, checked[name], r.histograms[name], r.rates[name],
		})
	}
	slices.SortStableFunc(p.layers, func(a, b pageLayer) int { return cmp.Compare(b.Error, a.Error) })
	p.left = max(0, len(p.layers)-mostPageLayers)
	p.layers = p.layers[:len(p.layers)-p.left]
	return p
}

// pageColumns are what a page says of a layer, those of speed where that was measured.
var pageColumns = []struct {
	head  string
	speed bool
	cell  func(l *pageLayer) string
}{
	{"layer", false, func(l *pageLayer) string { return l.Name }},
	{">error", false, func(l *pageLayer) string { return errorText(l.Error) }},
	{">bits", false, func(l *pageLayer) string { return fmt.Sprintf("%.2f", l.Stored) }},
	{">bytes", false, func(l *pageLayer) string { return grouped(l.Bytes) }},
	{">speed-up", true, func(l *pageLayer) string { return fmt.Sprintf("%.2f", l.checked.Speedup) }},
	{">dense µs", true, func(l *pageLayer) string { return fmt.Sprintf("%.1f", l.checked.DenseUs) }},
	{">compiled µs", true, func(l *pageLayer) string {
		return fmt.Sprintf("%.1f", l.checked.CompiledUs)
	}},
	{">output error", true, func(l *pageLayer) string { return errorText(l.checked.OutputError) }},
	{"shape", false, func(l *pageLayer) string { return shapeText(l.Shape) }},
	{"dtype", false, func(l *pageLayer) string { return l.DType }},
	{"stored as", false, func(l *pageLayer) string {
		return schemeText(l.Scheme, l.D, l.K, l.Group, l.WindowBits)
	}},
	{">resident bits", false, func(l *pageLayer) string { return fmt.Sprintf("%.2f", l.Resident) }},
	{"plan here", false, func(l *pageLayer) string { return l.Plan }},
	{">max error", false, func(l *pageLayer) string { return fmt.Sprintf("%.3g", l.Max) }},
}

func (p *page) layerTable() *table {
	t := &table{title: "Layers, the worst first"}
	lines := make([][]string, len(p.layers))
	for _, c := range pageColumns {
		if c.speed && p.speed == nil {
			continue
		}
		t.head = append(t.head, c.head)
		for i := range p.layers {
			lines[i] = append(lines[i], c.cell(&p.layers[i]))
		}
	}
	for _, cells := range lines {
		t.add(cells...)
	}
	return t
}

// passedTable says what has no layer, and why.
func (p *page) passedTable() (t *table, note string) {
	t = &table{
		head:  []string{"tensor", "why it has no layer", "shape", "dtype", ">bytes"},
		title: "What passed through",
	}
	shown, rest := matrices(p.Tensors[len(p.heads):], false)
	if len(shown) > mostPagePassed {
		note = fmt.Sprintf("The first %s of %s; palettize inspect lists all.",
			grouped(mostPagePassed), grouped(int64(len(shown))))
		shown = shown[:mostPagePassed]
	}
	for _, x := range shown {
		why := x.Reason
		if x.KeptAs != "" {
			why += "; kept as " + x.KeptAs
		}
		t.add(x.Name, why, shapeText(x.Shape), x.DType, grouped(x.Bytes))
	}
	if rest.n > 0 {
		t.add(rest.text(), "no matrices of floats", "", "", grouped(rest.bytes))
	}
	return t, note
}

// settingNames say what recorded settings mean that have short names in a file.
var settingNames = map[string]string{
	"d": "segment width", "k": "centroids at most", "states": "states of the trellis",
	"window": "bits of a window", "each": "alike for each", "max_error": "error at most",
	"size": "file size at most", "for": "made for", "group": "columns with a scale",
}

// made says how the file was made.
func (p *page) made() facts {
	var f facts
	c := p.Codebook
	f.add("file", "%s, format %d", filepath.Base(p.File), c.Version)
	f.add("made by", "%s", c.Producer)
	var settings map[string]any
	if json.Unmarshal(c.Settings, &settings) == nil {
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			value, _ := json.Marshal(settings[key]) // which was JSON
			if text := strings.Trim(string(value), `"`); text != "0" {
				f.add(cmp.Or(settingNames[key], key), "%s", text)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Metadata)) {
		const most = 200
		value := []rune(p.Metadata[key])
		if len(value) > most {
			value = append(value[:most], '…')
		}
		f.add("metadata "+key, "%s", string(value))
	}
	if p.speed != nil {
		f.add("measured on", "%s, one thread, one vector at a time", cmp.Or(cpuName(), "this machine"))
	}
	return f
}

// summary is what one wants to know first.
func (p *page) summary() facts {
	var f facts
	c := p.Codebook
	f.add("size", "%s", bytesText(p.Size))
	f.add("smaller", "%.2f times, from %s", float64(p.bytesIn)/float64(p.Size), bytesText(p.bytesIn))
	f.add("bits a weight", "%.2f", c.BitsStored)
	f.add("weight error", "%s", errorText(c.WeightError))
	if c.Worst != nil {
		f.add("worst layer", "%s, %s", errorText(c.Worst.Error), c.Worst.Tensor)
	}
	f.add("layers", "%d of %d tensors, %s weights", c.Layers, len(p.Tensors), grouped(c.Weights))
	if p.speed != nil {
		t := p.speed.Total
		slower := ""
		if t.Slower > 0 {
			slower = fmt.Sprintf(", %d of %d slower than dense", t.Slower, len(p.speed.Layers))
		}
		f.add("speed-up", "%.2f%s", t.Speedup, slower)
	}
	return f
}

// tiles are facts to be seen at a glance: each a value, and what there is to say of it.
func tiles(f facts) string {
	var b strings.Builder
	b.WriteString("<dl>\n")
	for _, line := range f.table().rows {
		value, more, _ := strings.Cut(line[1], ", ")
		escape := html.EscapeString
		if !strings.Contains(more, " ") {
			escape = breakable // a name
		}
		fmt.Fprintf(&b, "<div><dt>%s</dt><dd><b>%s</b> <span>%s</span></dd></div>\n",
			html.EscapeString(line[0]), html.EscapeString(value), escape(more))
	}
	b.WriteString("</dl>\n")
	return b.String()
}

// bytesText is a size in the unit in which it has few digits.
func bytesText(n int64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if float64(n) >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// heights are bins as parts of the fullest of the histogram, in 255ths.
func heights(h *verify.Histogram, bins []int64) []byte {
	fullest := max(slices.Max(h.Before), slices.Max(h.After), 1)
	of := make([]byte, len(bins))
	for i, n := range bins {
		of[i] = byte((255*n + fullest/2) / fullest)
	}
	return of
}

// scriptLayer is what the page's script knows of a layer.
type scriptLayer struct {
	Name   string  `json:"name"`
	About  string  `json:"about"`
	RMS    float64 `json:"rms,omitempty"`
	Before []byte  `json:"before,omitempty"` // in base64
	After  []byte  `json:"after,omitempty"`
}

// data is what the script reads, as JSON in which no character means anything to HTML.
func (p *page) data() string {
	all := make([]scriptLayer, len(p.layers))
	for i := range p.layers {
		l := &p.layers[i]
		all[i] = scriptLayer{Name: printable(l.Name), About: fmt.Sprintf("error %s at %.2f bits, %s → %s",
			errorText(l.Error), l.Stored, bytesText(l.bytesIn), bytesText(l.Bytes))}
		if l.checked != nil {
			all[i].About += fmt.Sprintf(", %.2f times as fast as dense", l.checked.Speedup)
		}
		if h := l.histogram; h != nil {
			all[i].RMS, all[i].Before, all[i].After = h.RMS, heights(h, h.Before), heights(h, h.After)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // no such value is in there
	}
	return string(text)
}

// source names a style or a script in a policy by what it says.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) html() string {
	policy := fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; "+
		"form-action 'none'", source(pageStyle), source(pageScript))
	name := html.EscapeString(printable(filepath.Base(p.File)))
	var b strings.Builder
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="%s"/>
<title>%s – palettize</title>
<style>%s</style>
</head>
<body>
<header><h1>%s</h1><p>A compressed model, layer by layer</p></header>
<main>
`, policy, name, pageStyle, name)
	section := func(id, title, note, content string) {
		fmt.Fprintf(&b, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
			id, id, id, title)
		if note != "" {
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(note))
		}
		b.WriteString(content + "</section>\n")
	}
	section("summary", "Summary", "", tiles(p.summary()))
	charts := ""
	for _, c := range p.charts() {
		charts += c.html()
	}
	section("plots", "Plots", "", "<div class=\"charts\">\n"+charts+"</div>\n")
	note := ""
	if p.left > 0 {
		note = fmt.Sprintf("The %s layers with the largest errors, of %s. palettize inspect lists all.",
			grouped(int64(len(p.layers))), grouped(int64(len(p.heads))))
	}
	section("layers", "Layers", note, document{p.layerTable()}.html())
	if passed, note := p.passedTable(); len(passed.rows) > 0 {
		section("passed", "Passed through", note, document{passed}.html())
	}
	section("made", "How it was made", "", document{p.made()}.html())
	fmt.Fprintf(&b, "</main>\n<footer>%s</footer>\n"+
		"<script type=\"application/json\" id=\"data\">%s</script>\n<script>%s</script>\n"+
		"</body>\n</html>\n", version.Producer, p.data(), pageScript)
	return b.String()
}
