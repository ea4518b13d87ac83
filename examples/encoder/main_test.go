package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/examples/internal/tiny"
	"github.com/palettize/palettize/format"
)

// encoder runs a command line.
func encoder(stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, stdin, &out, &errs)
	return code, out.String(), errs.String()
}

// folder returns one with a small model, dense and compressed, its tokenizer and some texts.
func folder(t *testing.T) string {
	dir := t.TempDir()
	dense := filepath.Join(dir, "model.safetensors")
	if err := tiny.Write(dense, tiny.Encoder()); err != nil {
		t.Fatal(err)
	}
	opts := compress.Options{Settings: compress.Settings{Bits: 6}}
	if err := tiny.Compress(t.Context(), filepath.Join(dir, "model.pal"), dense, opts); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tokenizer.json", tiny.Tokenizer())
	write(t, dir, "texts.txt", "a cat.\nthe dog\r\n\nwhere? here!\nzzz\nno end")
	return dir
}

func write(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSearch(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	for _, model := range []string{"model.safetensors", "model.pal", "."} {
		code, stdout, stderr := encoder(nil, "embed", "texts.txt", "-m", model, "-o", "an.index",
			"--force", "--json")
		if code != cli.Fine || stderr != "" {
			t.Fatalf("%s: exit code %d, %s", model, code, stderr)
		}
		var made embedded
		if err := json.Unmarshal([]byte(stdout), &made); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat("an.index")
		if err != nil {
			t.Fatal(err)
		}
		if made.Texts != 6 || made.Bytes != info.Size() || made.Tokens < 6*2 {
			t.Errorf("%s: %+v", model, made)
		}
		for line, text := range []string{"a cat.", "the dog", "", "where? here!", "zzz", "no end"} {
			code, stdout, stderr := encoder(nil, "search", "an.index", strings.ToUpper(text),
				"--json", "-k", "3")
			if code != cli.Fine || stderr != "" {
				t.Fatalf("%s: exit code %d, %s", model, code, stderr)
			}
			var found struct{ Results []found }
			if err := json.Unmarshal([]byte(stdout), &found); err != nil {
				t.Fatal(err)
			}
			if len(found.Results) != 3 {
				t.Fatalf("%s: %d results, want 3", model, len(found.Results))
			}
			first := found.Results[0]
			off := math.Abs(float64(first.Score) - 1)
			if first.Text != text || first.Line != line+1 || off > 1e-5 {
				t.Errorf("%s: %q finds %+v", model, text, first)
			}
			for i, f := range found.Results[1:] {
				if f.Score > found.Results[i].Score {
					t.Errorf("%s: %q finds %+v behind %+v", model, text, f, found.Results[i])
				}
			}
		}
	}
	_, stdout, _ := encoder(nil, "search", "an.index", "zzz", "-k", "1")
	if stdout != "1.000  5  zzz\n" {
		t.Errorf("search prints %q", stdout)
	}
	names, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"an.index", "model.pal", "model.safetensors", "texts.txt", "tokenizer.json"}
	if !slices.Equal(names, want) {
		t.Errorf("left behind %v, want %v", names, want)
	}
}

func TestEmbedPrints(t *testing.T) {
	t.Chdir(folder(t))
	texts := strings.NewReader("one\ntwo\xff\x00")
	code, stdout, stderr := encoder(texts, "embed", "-", "-m", "model.pal")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	decoder := json.NewDecoder(strings.NewReader(stdout))
	for _, want := range []string{"one", "two\ufffd\x00"} {
		var line struct {
			Text   string
			Vector []float64
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for _, v := range line.Vector {
			square += v * v
		}
		if line.Text != want || len(line.Vector) != tiny.Width || math.Abs(square-1) > 1e-5 {
			t.Errorf("%q, want %q: %d values, whose squares add up to %v", line.Text, want,
				len(line.Vector), square)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Chdir(folder(t))
	code, stdout, stderr := encoder(nil, "compare", "model.safetensors", "model.pal", "texts.txt",
		"--json")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	var r compared
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Texts != 6 || r.Queries != 6 || r.Cosine < 0.99 || r.Cosine >= 0.999999 ||
		r.Cosine1 > r.Cosine || r.Spearman < 0.9 || r.Spearman > 1 ||
		math.Abs(r.Overlap-1) > 1e-9 || // there are no more than five others
		r.Codebook.Bytes >= r.Dense.Bytes || r.Codebook.Resident >= r.Dense.Resident {
		t.Errorf("%+v", r)
	}
	code, stdout, stderr = encoder(nil, "compare", "model.pal", "model.pal", "texts.txt",
		"--queries", "texts.txt", "--json")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if math.Abs(r.Cosine-1) > 1e-6 || r.Spearman != 1 || math.Abs(r.Overlap-1) > 1e-9 {
		t.Errorf("a model with itself: %+v", r)
	}
}

func TestSpearman(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"the same order", []float64{3, 1, 2}, []float64{30, -10, 20}, 1},
		{"the opposite", []float64{3, 1, 2}, []float64{-3, -1, -2}, -1},
		{"two pairs that are equal", []float64{1, 1, 2, 2}, []float64{1, 1, 2, 2}, 1},
		{"one exchanged", []float64{1, 2, 3, 4}, []float64{2, 1, 3, 4}, 0.8}, // 1 - 6*2/(4*15)
		{"nothing to order by", []float64{1, 2}, []float64{1, 1}, 0},
	} {
		if got := spearman(c.a, c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCalibrate writes a file that compression takes.
func TestCalibrate(t *testing.T) {
	t.Chdir(folder(t))
	code, stdout, stderr := encoder(nil, "calibrate", "texts.txt", "-m", "model.safetensors", "-o",
		"moments.safetensors", "--json")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	var r calibrated
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Texts != 5 || r.Layers != 6*tiny.Layers+1 || r.Tokens < 5*3 {
		t.Errorf("%+v", r)
	}
	c, err := format.OpenCalibration("moments.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	src, err := format.Open("model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, tensor := range src.Tensors() {
		if !strings.HasPrefix(tensor.Name, "encoder.") || len(tensor.Shape) != 2 {
			continue
		}
		_, cols, _ := tensor.Matrix()
		m, err := c.Moments(t.Context(), tensor.Name, cols)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil || m.Matrix == nil || m.Sensitivity <= 0 {
			t.Errorf("too little for %s: %+v", tensor.Name, m)
		}
	}
	m, err := c.Moments(t.Context(), "embeddings.word_embeddings.weight", tiny.Width)
	if err != nil || m == nil || m.Sensitivity <= 0 || !slices.ContainsFunc(m.Lookups,
		func(n float32) bool { return n > 0 }) {
		t.Errorf("the table: %+v, %v", m, err)
	}
}

func TestSampleIsSpread(t *testing.T) {
	for _, n := range []int{1, 100, 128, 129, 5000} {
		var s sample
		for i := range n {
			s.add([]int{i})
		}
		if len(s.kept) < min(n, sampled) || len(s.kept) > 2*sampled {
			t.Errorf("%d of %d kept", len(s.kept), n)
		}
		for i, tokens := range s.kept {
			if tokens[0] != i*s.of {
				t.Fatalf("of %d: text %d is %d, want %d", n, i, tokens[0], i*s.of)
			}
		}
		if last := s.kept[len(s.kept)-1][0]; last < n-s.of {
			t.Errorf("of %d: the last is %d", n, last)
		}
	}
}

func TestBadInput(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	code, _, stderr := encoder(nil, "embed", "texts.txt", "-m", "model.pal", "-o", "an.index")
	if code != cli.Fine {
		t.Fatal(stderr)
	}
	write(t, dir, "empty.txt", "")
	write(t, dir, "blank.txt", "\n \n\t\n")
	write(t, dir, "few.json", strings.Replace(tiny.Tokenizer(), `, "##z": 59`, "", 1))
	write(t, dir, "bpe.json", strings.Replace(tiny.Tokenizer(), `"WordPiece"`, `"BPE"`, 1))
	write(t, dir, "cut.json", tiny.Tokenizer()[:500])
	other := map[string]tensors.Tensor{"a.weight": {Shape: []int{1, 1}, Values: []float32{1}}}
	if err := tiny.Write("other.safetensors", other); err != nil {
		t.Fatal(err)
	}
	damaged, err := os.ReadFile("model.pal")
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)-5] ^= 1
	write(t, dir, "damaged.pal", string(damaged))
	if err := os.Mkdir("config", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := tiny.Write("config/model.safetensors", tiny.Encoder()); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "config/config.json", `{"model_type": "bert", "hidden_size": 384}`)
	before, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, args string
		code       int
		want       string // in the message
	}{
		{"no model", "embed texts.txt", cli.Misused, "--model is missing"},
		{"a model that is not there", "embed texts.txt -m none.pal", cli.Failed,
			"none.pal: no such file"},
		{"no tokenizer", "embed texts.txt -m config", cli.Misused,
			"config: no tokenizer at config/tokenizer.json"},
		{"a config of another model",
			"embed texts.txt -m config --tokenizer tokenizer.json", cli.Failed,
			"64 columns, where the config says 384"},
		{"a file of another model", "embed texts.txt -m other.safetensors", cli.Failed,
			`other.safetensors: no encoder of the BERT type`},
		{"a damaged file", "embed texts.txt -m damaged.pal", cli.Failed, "checksum"},
		{"a tokenizer of another model",
			"embed texts.txt -m model.pal --tokenizer few.json", cli.Failed,
			"few.json: has 59 tokens, and model.pal has 60: they do not belong together"},
		{"a tokenizer of another kind",
			"embed texts.txt -m model.pal --tokenizer bpe.json", cli.Failed,
			`bpe.json: model "BPE" is not supported`},
		{"a tokenizer that is cut off",
			"embed texts.txt -m model.pal --tokenizer cut.json", cli.Failed,
			"cut.json: unexpected end of JSON input"},
		{"texts that are not there", "embed none.txt -m model.pal", cli.Failed,
			"none.txt: no such file"},
		{"texts that are a folder", "embed . -m model.pal -o x.index", cli.Failed,
			"is a directory"},
		{"no texts", "embed empty.txt -m model.pal -o x.index", cli.Failed,
			"empty.txt: has no lines"},
		{"an index that is there", "embed texts.txt -m model.pal -o an.index", cli.Failed,
			"an.index: is there already; --force replaces it"},
		{"an index in no folder", "embed texts.txt -m model.pal -o none/x.index", cli.Failed,
			"no such file"},
		{"no text to calibrate with", "calibrate blank.txt -m model.pal -o x", cli.Failed,
			"blank.txt: has no text"},
		{"nowhere to calibrate to", "calibrate texts.txt -m model.pal", cli.Misused,
			"--output is missing"},
		{"a model for an index", "search model.safetensors query", cli.Failed,
			"model.safetensors: is no index"},
		{"an index that is not there", "search none.index query", cli.Failed,
			"none.index: no such file"},
		{"no results", "search an.index query -k 0", cli.Misused, "--most 0"},
		{"no threads", "search an.index query --threads 0", cli.Misused, "--threads 0"},
		{"two arguments too few", "compare model.pal", cli.Misused,
			"1 arguments, expected 3; usage: encoder compare"},
		{"one text", "compare model.safetensors model.pal one.txt", cli.Failed,
			"one.txt: no such file"},
		{"another command", "find", cli.Misused, "unknown command find"},
		{"another flag", "embed texts.txt --modle x", cli.Misused, "unknown flag: --modle"},
	} {
		code, stdout, stderr := encoder(strings.NewReader(""), strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(stderr, "encoder: ") ||
			!strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: exit code %d, %q and %q, want %d and %q", c.name, code, stdout, stderr,
				c.code, c.want)
		}
	}
	after, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(after, before) {
		t.Errorf("left behind %v, want %v", after, before)
	}
}

// TestLargeTexts reads texts far larger than a model takes.
func TestLargeTexts(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	line := strings.Repeat("a long text. ", 10<<20/13)
	write(t, dir, "large.txt", strings.Join([]string{
		line, strings.Repeat("z", 10<<20), strings.Repeat("\xff\x00 ", 3<<20),
	}, "\n"))
	code, _, stderr := encoder(nil, "embed", "large.txt", "-m", "model.pal", "-o", "large.index")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	_, stdout, _ := encoder(nil, "search", "large.index", line[:1000], "-k", "1", "--json")
	if !strings.Contains(stdout, `"line": 1,`) {
		t.Errorf("does not find the first line: %.300s", stdout)
	}
	write(t, dir, "larger.txt", "first\n"+strings.Repeat("a", longest+1))
	code, _, stderr = encoder(nil, "embed", "larger.txt", "-m", "model.pal", "-o", "larger.index")
	want := fmt.Sprintf("encoder: larger.txt: line 2 is longer than %d bytes\n", longest)
	if code != cli.Failed || stderr != want {
		t.Errorf("exit code %d, %q, want %q", code, stderr, want)
	}
}

// many is lines without end.
type many struct {
	left int
	peak *uint64 // of the heap
}

func (m *many) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for m.left > 0 && n+3 <= len(p) {
		n += copy(p[n:], "ab\n")
		m.left--
	}
	if m.left%1024 == 0 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		*m.peak = max(*m.peak, stats.HeapAlloc)
	}
	return n, nil
}

// TestManyTexts embeds more texts than may be in memory together.
func TestManyTexts(t *testing.T) {
	lines := 1_000_000
	if testing.Short() {
		lines = 20_000
	}
	t.Chdir(folder(t))
	var peak uint64
	code, stdout, stderr := encoder(&many{lines, &peak}, "embed", "-", "-m", "model.pal", "-o",
		"many.index", "--json")
	if code != cli.Fine || stderr != "" {
		t.Fatal(code, stderr)
	}
	var made embedded
	if err := json.Unmarshal([]byte(stdout), &made); err != nil {
		t.Fatal(err)
	}
	if made.Texts != lines {
		t.Errorf("%d texts, want %d", made.Texts, lines)
	}
	if t.Logf("%d bytes of heap at most", peak); peak == 0 || peak > 64<<20 {
		t.Errorf("%d bytes of heap, want at most 64 MiB", peak)
	}
	_, stdout, stderr = encoder(nil, "search", "many.index", "ab", "-k", "2", "--json")
	if strings.Count(stdout, `"text": "ab"`) != 2 {
		t.Errorf("found %s%s", stdout, stderr)
	}
}

func TestInterrupted(t *testing.T) {
	t.Chdir(folder(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	args := []string{"embed", "texts.txt", "-m", "model.pal", "-o", "an.index"}
	code := run(ctx, args, nil, io.Discard, &errs)
	if code != cli.Interrupted || errs.String() != "encoder: interrupted\n" {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
	if names, err := filepath.Glob("an.index*"); err != nil || names != nil {
		t.Errorf("left %v behind (%v)", names, err)
	}
}
