package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/verify"
)

// hostile are names that would mean something to a page that does not escape them.
var hostile = []string{
	"<script>pwned = 1</script>", `"><img src="http://127.0.0.1/x" onerror="pwned = 1">`,
	"</script>",
	"</style>", "<!--", "&lt;b&gt;", "'onclick='pwned=1", "]]>", "\u202e", "\u2028", "\x00", "\n",
	"{{.}}",
	"https://example.com/x.js", "é☃\U0001f600", `\`, "weight",
}

// hostileModel writes a model of so many small matrices of such names, and of a vector.
func hostileModel(t *testing.T, layers int) string {
	t.Helper()
	const cols = 64
	name := filepath.Join(t.TempDir(), "hostile.safetensors")
	metadata := map[string]string{"<script>pwned = 1</script>": "</script><script>pwned = 1</script>"}
	writeTensors(t, name, metadata, layers+1, func(i int) (codebook.Tensor, []byte) {
		rows := 32 + i%7*8
		shape := []int{rows, cols}
		if i == layers {
			shape = []int{rows * cols}
		}
		var values []byte
		for j := range rows * cols {
			bits := math.Float32bits(float32(math.Sin(float64(i+1)*float64(j)) * float64(1+j%9)))
			values = append(values, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		tensor := fmt.Sprintf("layer.%d.%s", i, hostile[i%len(hostile)])
		return codebook.Tensor{Name: tensor, DType: "F32", Shape: shape}, values
	})
	return name
}

// reported compresses a model and returns the path of a page about it.
func reported(t *testing.T, model string, flags ...string) string {
	t.Helper()
	plan := filepath.Join(t.TempDir(), "plan")
	name := strings.TrimSuffix(filepath.Base(model), ".safetensors")
	book := filepath.Join(t.TempDir(), name+".pal")
	for _, args := range [][]string{
		{"compress", model, "-o", book, "--quiet", "--plan-out", plan},
		append([]string{"report", book, model, "--plan-in", plan}, flags...),
	} {
		if code, _, stderr := palettize(args...); code != exitFine {
			t.Fatal(stderr)
		}
	}
	return strings.TrimSuffix(book, ".pal") + ".html"
}

var (
	scripts = regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`)
	styles  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

// TestPage: a page is well formed, loads nothing, and takes all names for text.
func TestPage(t *testing.T) {
	text := string(content(t, reported(t, hostileModel(t, 2*len(hostile)), "--speed")))
	inside := scripts.FindAllStringSubmatch(text, -1)
	if len(inside) != 2 || inside[1][1] != pageScript || len(styles.FindAllString(text, -1)) != 1 {
		t.Fatalf("%d scripts", len(inside))
	}
	var data []scriptLayer
	if err := json.Unmarshal([]byte(inside[0][1]), &data); err != nil || len(data) != 2*len(hostile) {
		t.Fatalf("%d layers of data, %v", len(data), err)
	}
	for _, l := range data {
		if len(l.Before) != len(l.After) || len(l.Before) < 32 || l.About == "" || l.RMS == 0 {
			t.Errorf("%+v", l)
		}
	}
	rest := styles.ReplaceAllString(scripts.ReplaceAllString(text, ""), "")
	names, rows, name := 0, 0, ""
	var loads []string
	for d := xml.NewDecoder(strings.NewReader(rest)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "tr":
				rows++
			case "th":
				name = ""
			case "img", "image", "link", "iframe", "object", "embed", "a", "use", "base", "script":
				loads = append(loads, x.Name.Local)
			}
			for _, a := range x.Attr {
				attr := strings.ToLower(a.Name.Local)
				if attr == "src" || attr == "href" || attr == "style" || strings.HasPrefix(attr, "on") {
					loads = append(loads, x.Name.Local+" "+attr)
				}
			}
		case xml.CharData:
			name += string(x)
		case xml.EndElement:
			if x.Name.Local == "th" && name == "layer.0.<script>pwned = 1</script>" {
				names++
			}
		}
	}
	if loads != nil || names != 1 || rows < 2*len(hostile) {
		t.Errorf("%d rows, the name %d times, and what could load something: %q", rows, names, loads)
	}
	for _, not := range []string{"url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML", "eval("} {
		if strings.Contains(pageStyle+pageScript, not) {
			t.Errorf("the style or the script has %s", not)
		}
	}
	for _, want := range []string{
		"default-src 'none'", source(pageStyle), source(pageScript), `<html lang="en">`,
		`width=device-width`, `<th scope="row">`, `role="img" aria-label="Error against bits`,
		"Speed against dense by layer", "Weights before and after", "what each could have had",
		"<dt>made by</dt><dd>palettize ", "a vector",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// TestPageOfManyLayers: a page of a model of 1,000 layers stays small, that of more is cut off.
func TestPageOfManyLayers(t *testing.T) {
	long(t)
	dir := t.TempDir()
	book, out := filepath.Join(dir, "m.pal"), filepath.Join(dir, "m.html")
	for layers, most := range map[int]int{1000: 1_000_000, mostPageLayers + 100: 2_000_000} {
		model := hostileModel(t, layers)
		for _, args := range [][]string{
			{"compress", model, "-o", book, "--quiet", "--force", "--scheme", "segments", "--k", "2"},
			{"report", book, model, "--force"},
		} {
			if code, _, stderr := palettize(args...); code != exitFine {
				t.Fatal(stderr)
			}
		}
		text := string(content(t, out))
		t.Logf("%d layers: %d bytes", layers, len(text))
		if len(text) > most {
			t.Errorf("%d layers: %d bytes, want at most %d", layers, len(text), most)
		}
		cut := strings.Contains(text, "The 2,000 layers with the largest errors, of 2,100.")
		if cut != (layers > mostPageLayers) {
			t.Errorf("%d layers: cut off %v", layers, cut)
		}
	}
}

// TestPageIsTheSame: without --speed, nothing in a page depends on the day or the machine's load.
func TestPageIsTheSame(t *testing.T) {
	model := models("other.safetensors")
	if !bytes.Equal(content(t, reported(t, model)), content(t, reported(t, model))) {
		t.Error("two pages of the same file differ")
	}
}

// TestOddFigures: whatever files and plans say, nothing is drawn at no place.
func TestOddFigures(t *testing.T) {
	odd := []float64{0, 1e-300, 0.1, 1e300, math.Inf(1), math.NaN(), -1}
	r := &modelReport{
		inspectReport: &inspectReport{File: "x.pal", Size: 1, Codebook: new(codebookFacts)},
		rates:         make(map[string][]compress.Rate),
	}
	for i, e := range odd {
		for _, bits := range odd {
			name := fmt.Sprint(i, bits)
			r.heads = append(r.heads, verify.Layer{Tensor: codebook.Tensor{Name: name, Bytes: 8}})
			r.Tensors = append(r.Tensors, tensorFacts{
				Name: name, layerFacts: &layerFacts{Error: e, Stored: bits},
			})
			r.rates[name] = []compress.Rate{{Bits: bits, Error: e}, {Bits: e, Error: bits}}
		}
	}
	text := newPage(r).html()
	for _, path := range regexp.MustCompile(`(?: d| x| y|data-area)="[^"]*"`).FindAllString(text, -1) {
		if strings.Contains(path, "NaN") || strings.Contains(path, "Inf") {
			t.Errorf("drawn: %.200s", path)
		}
	}
	if n := strings.Count(text, "<svg"); n != 3 {
		t.Errorf("%d plots", n)
	}
}

// TestClasses: each class of what is drawn has a colour of its own that comes out as its name.
func TestClasses(t *testing.T) {
	for c := classAxis; c <= classAfter; c++ {
		line := mark{class: c, lines: [][]point{{{0, 0}, {1, 1}}}}
		plot := &chart{x: axis{max: 1}, y: axis{max: 1}, marks: []mark{line}}
		svg := plot.svg()
		if classNames[c] == "" || !strings.Contains(svg, `class="`+classNames[c]+`"`) ||
			strings.Contains(svg, "style=") {
			t.Errorf("class %d: %s", c, svg)
		}
		if !strings.Contains(pageStyle, "."+classNames[c]) && c != classAxis && c != classTick {
			t.Errorf("the style sheet has no %s", classNames[c])
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		name string
		a    axis
		want string
	}{
		{"round numbers", axis{min: 0, max: 15.7}, "0 5 10 15"},
		{"half a decade", axis{min: 1.9, max: 6.1, log: true}, "2 3 4 5 6"},
		{"a decade and a half", axis{min: 0.009, max: 0.33, log: true}, "0.01 0.02 0.05 0.1 0.2"},
		{"four decades", axis{min: 900, max: 8e6, log: true}, "1k 3k 10k 30k 100k 300k 1M 3M"},
		{"seven decades", axis{min: 1e-6, max: 10, log: true}, "1e-06 1e-05 0.0001 0.001 0.01 0.1 1 10"},
	} {
		var labels []string
		for _, tick := range c.a.marked() {
			labels = append(labels, tick.label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRecordedOptions(t *testing.T) {
	for _, c := range []struct {
		settings string
		bits     float64
	}{
		{`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"bits":3,"seed":0}`, 3},
		{`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"bits":3,"seed":0,"calibrated":true,` +
			`"planned":true}`, 3},
		{"", 0}, {"{}", 0}, {"of another program", 0}, {`{"bits":1e9}`, 0},
	} {
		if got := recordedOptions(c.settings); got.Bits != c.bits {
			t.Errorf("%s: %v bits, want %v", c.settings, got.Bits, c.bits)
		}
	}
}
