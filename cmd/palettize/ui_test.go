package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
)

func TestTable(t *testing.T) {
	table := table{head: []string{"name", ">n"}}
	table.add("a", "1")
	table.add("b\x1b[2J\n", "1,000")
	table.add("ü|", "")
	want := "name            n\na               1\nb\\x1b[2J\\n  1,000\nü|\n"
	if got := table.text(); got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
	want = "| name | n |\n| --- | ---: |\n| a | 1 |\n| b\\x1b[2J\\n | 1,000 |\n| ü\\| |  |\n"
	if got := table.markdown(); got != want {
		t.Errorf("markdown:\n%s\nwant:\n%s", got, want)
	}
}

// TestTableFits gives tables names of all lengths: lines stay within the width, names that are cut
// stay distinct and keep both ends, and the last column loses nothing.
func TestTableFits(t *testing.T) {
	reasons := []string{
		"trellis k=9",
		"unchanged: a reason of many words, which goes on and on and on and on and on and on",
		"unchanged: excluded by " + strings.Repeat("ö", 90),
	}
	for n := 1; n < 200; n++ {
		middle := strings.Repeat("é", n)
		second := middle[:len(middle)/4*2] + "2" + middle + ".weight"
		names := []string{middle + "1.weight", second, "w"}
		for _, reason := range reasons {
			table := table{head: []string{"~tensor", "shape", ">bytes", "stored as"}}
			for _, name := range names {
				table.add(name, "[30522, 384]", "5,835,349", reason)
			}
			lines := strings.Split(strings.TrimSuffix(table.text(), "\n"), "\n")
			column := utf8.RuneCountInString(lines[0]) - len("stored as")
			var shown []string
			var last strings.Builder
			for _, line := range lines[1:] {
				runes := []rune(line)
				if len(runes) > tableWidth || !utf8.ValidString(line) {
					t.Fatalf("names of %d: a line of %d: %q", n, len(runes), line)
				}
				last.WriteString(strings.ReplaceAll(string(runes[column:]), " ", ""))
				if name, _, _ := strings.Cut(line, gap); name != "" {
					shown = append(shown, name)
				}
			}
			want := strings.Repeat(strings.ReplaceAll(reason, " ", ""), len(names))
			if last.String() != want {
				t.Errorf("names of %d: the last column says %q, want %q", n, last.String(), want)
			}
			if len(shown) != len(names) || shown[0] == shown[1] {
				t.Fatalf("names of %d: %q", n, shown)
			}
			for i, name := range shown {
				start, end, cut := strings.Cut(name, "...")
				switch {
				case cut && (start == "" || end == ""),
					!strings.HasPrefix(names[i], start), !strings.HasSuffix(names[i], end):
					t.Errorf("%q was cut to %q", names[i], name)
				case cut && n < 25:
					t.Errorf("%q was cut without need", names[i])
				case !cut && name != names[i]:
					t.Errorf("%q became %q", names[i], name)
				}
			}
		}
	}
}

func TestWrapped(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"0123456789", []string{"0123456789"}},
		{"01234 6789 abc", []string{"01234 6789", "abc"}},
		{"01234 67890 abc", []string{"01234", "67890 abc"}},
		{"0123456789 a", []string{"0123456789", "a"}},
		{"0123456789ab c", []string{"0123456789", "ab c"}},
		{"ääääääääääöö", []string{"ääääääääää", "öö"}},
		{"a bbbbbbbbbbbb", []string{"a", "bbbbbbbbbb", "bb"}},
	} {
		if got := wrapped(c.text, 10); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestShortened(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{[]string{"short", "exactly twelve"[:12]}, []string{"short", "exactly twel"}},
		{[]string{"encoder.layer.weight"}, []string{"enco...eight"}},
		// What tells these apart is near their start, near their end, in the middle.
		{[]string{"model.1.attention.weight", "model.2.attention.weight"},
			[]string{"model.1...ht", "model.2...ht"}},
		{[]string{"model.attention.1.weight", "model.attention.2.weight"},
			[]string{"m...1.weight", "m...2.weight"}},
		{
			[]string{"model.attention.1.attention.weight", "model.attention.2.attention.weight"},
			[]string{"mode...eight", "mode...eight"}, // nothing helps
		},
	} {
		if got := shortened(c.names, 12); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.names, got, c.want)
		}
	}
}

func TestMatrices(t *testing.T) {
	weight, bias := tensorFacts{Name: "w"}, tensorFacts{Name: "b", Bytes: 4, kind: "vectors"}
	ids := tensorFacts{Name: "i", Bytes: 8, kind: "integers"}
	scale := tensorFacts{Name: "s", Bytes: 1, kind: "single values"}
	for _, c := range []struct {
		tensors []tensorFacts
		all     bool
		shown   int
		rest    string
		bytes   int64
	}{
		{nil, false, 0, "", 0},
		{[]tensorFacts{weight, bias}, false, 2, "", 0}, // one alone keeps its line
		{[]tensorFacts{bias, weight, bias}, false, 1, "2 vectors", 8},
		{[]tensorFacts{scale, weight, bias}, false, 1, "2 single values and vectors", 5},
		{[]tensorFacts{scale, weight, bias, bias}, false, 1, "3 vectors and single values", 9},
		{
			[]tensorFacts{ids, scale, bias, ids, bias, bias, weight}, false,
			1, "6 vectors, integers and single values", 29,
		},
		{[]tensorFacts{scale, ids, bias, weight}, true, 4, "", 0},
	} {
		shown, rest := matrices(c.tensors, c.all)
		text := ""
		if rest.n > 0 {
			text = rest.text()
		}
		if len(shown) != c.shown || text != c.rest || rest.bytes != c.bytes {
			t.Errorf("%d tensors, all %v: %d shown, %q of %d bytes, want %+v",
				len(c.tensors), c.all, len(shown), text, rest.bytes, c)
		}
	}
}

func TestWarning(t *testing.T) {
	for _, c := range []struct {
		compressed int
		in, out    int64
		want       string
	}{
		{1, 1000, 1000, ""},
		{1, 1000, 500, ""},
		{1, 1000, 1234, "b: is larger than a: 1,234 bytes, 1,000"},
		{0, 1000, 900, "b: nothing in it is compressed: all 2 tensors of a passed through"},
		{0, 1000, 1100, "b: nothing in it is compressed: all 2 tensors of a passed through"},
	} {
		r := &compressReport{
			Model: "a", Out: "b", Tensors: make([]tensorFacts, 2),
			Total: compress.Total{Compressed: c.compressed, BytesIn: c.in, BytesOut: c.out},
		}
		if got := r.warning(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 90868376: "90,868,376", -1234: "-1,234", -123: "-123",
	} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, exitFine},
		{"usage", usagef("x"), exitUsage},
		{"wrapped usage", inFile("f", usagef("x")), exitUsage},
		{"gate", &gateError{[]string{"x"}}, exitGate},
		{"wrapped interrupt", inFile("f", context.Canceled), exitInterrupted},
		{"anything else", errors.New("x"), exitFailed},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		name, want string
		room       int
	}{
		{"layer.weight", "layer.weight", 12},
		{"layer.weight", "...r.weight", 11},
		{"", "", 5},
		{"größe.größe", "...größe", 8},
		{"größe.größe", "...öße", 6},
		// Accents stay with their letters.
		{"ae\u0301\u0301.e\u0301\u0301.weight", "....weight", 10},
		{"xae\u0301\u0301.e\u0301\u0301.weight", "...e\u0301\u0301.weight", 11},
		{"重み.重み", "...重み", 7}, // each takes two columns
		{"重み.重み", "...み", 6},
		{"重み.重み", "...み", 5},
		{"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "...👩‍👩‍👧", 5},
	} {
		got := ending(c.name, c.room)
		if got != c.want || uniseg.StringWidth(got) > c.room || !utf8.ValidString(got) {
			t.Errorf("ending(%q, %d) is %q, want %q", c.name, c.room, got, c.want)
		}
	}
}

func TestSlicesOfAStackShareALine(t *testing.T) {
	layer := func(name string, k int, signal, noise float64) tensorFacts {
		d := codebook.Distortion{Signal: signal, Noise: noise}
		return tensorFacts{Name: name, Shape: []int{2, 3}, DType: "F32", Bytes: 100,
			layerFacts: &layerFacts{Scheme: "trellis", D: 1, K: k, Stored: signal, Resident: 8,
				Error: d.Relative(), distortion: d}}
	}
	passed := func(name, reason string, shape ...int) tensorFacts {
		return tensorFacts{Name: name, Shape: shape, DType: "F32", Bytes: 24, Reason: reason}
	}
	tensors := []tensorFacts{
		layer("x[0]", 9, 4, 1), layer("y[0]", 9, 1, 0), passed("a", "excluded", 2, 3),
		layer("x[1]", 7, 12, 1), layer("y[1]", 9, 1, 0), passed("x[2]", "excluded", 2, 3),
		layer("x[3]", 9, 2, 0), passed("x[4]", "excluded", 2, 3), passed("b[7]", "", 3),
		passed("b[8]", "", 4), passed("a", "excluded", 2, 3),
	}
	var lines []string
	for _, x := range stacked(tensors) {
		line := fmt.Sprintf("%s %d %s", x.Name, x.Bytes, x.Reason)
		if x.layerFacts != nil {
			line += strings.Join(x.cells(), " ") + fmt.Sprint(" ", x.Resident)
		}
		lines = append(lines, line)
	}
	want := []string{
		"x[0..1, 3] 300 6.00 0.3333 trellis 8", "y[0..1] 200 1.00 0.0000 trellis k=9 8",
		"a 24 excluded", "x[2, 4] 48 excluded", "b[7] 24 ", "b[8] 24 ", "a 24 excluded",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
	if tensors[0].K != 9 || tensors[0].Error != 0.5 || tensors[0].Stored != 4 {
		t.Errorf("what is printed as JSON has changed: %+v", tensors[0].layerFacts)
	}
	names := stackedNames([]string{"b[9]", "a", "b[10]", "c[1]", "b[3]", "b[x]"})
	if want := []string{"b[3, 9..10]", "a", "c[1]", "b[x]"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
