package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/internal/tiny"
	"github.com/palettize/palettize/format"
)

const testdata = "../transformer/testdata/"

// decoder runs a command line.
func decoder(stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, stdin, &out, &errs)
	return code, out.String(), errs.String()
}

// tokenizer is one of 96 tokens, as many as the small models have: bytes from space to ~ and, as
// 95, what is added. Of the two bytes of é there is none.
func tokenizer() string {
	vocabulary := map[string]int{}
	for c := ' '; c <= '~'; c++ {
		name := string(c)
		if c == ' ' {
			name = "Ġ"
		}
		vocabulary[name] = int(c - ' ')
	}
	text, err := json.Marshal(map[string]any{
		"model":         map[string]any{"type": "BPE", "vocab": vocabulary, "merges": []string{}},
		"pre_tokenizer": map[string]any{"type": "ByteLevel"},
		"decoder":       map[string]any{"type": "ByteLevel"},
		"added_tokens":  []any{map[string]any{"id": 95, "content": "<end>", "special": true}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// folder returns one with a small model, dense and compressed, and its tokenizer.
func folder(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"config.json", "model.safetensors"} {
		data, err := os.ReadFile(testdata + "llama-tied/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(data))
	}
	write(t, dir, "tokenizer.json", tokenizer())
	opts := compress.Options{Settings: compress.Settings{Bits: 6}}
	dense := filepath.Join(dir, "model.safetensors")
	if err := tiny.Compress(t.Context(), filepath.Join(dir, "model.pal"), dense, opts); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name, text string) {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// said runs a command line with --json.
func said(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	code, stdout, stderr := decoder(stdin, append(args, "--json")...)
	if code != cli.Fine || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	var r result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGenerate(t *testing.T) {
	t.Chdir(folder(t))
	for _, model := range []string{"model.safetensors", "model.pal", "."} {
		r := said(t, nil, model, "Once upon a time", "-n", "30", "--threads", "2")
		if r.PromptTokens != 16 || r.Prompt != "Once upon a time" || r.WeightBytes == 0 ||
			r.CacheBytes == 0 || len(r.Tokens) > 30 || len(r.Text) > len(r.Tokens) {
			t.Errorf("%s: %+v", model, r)
		}
		if r.Stopped == "length" != (len(r.Tokens) == 30) {
			t.Errorf("%s: stopped by %q with %d tokens", model, r.Stopped, len(r.Tokens))
		}
		piped := said(t, strings.NewReader("Once upon a time"), model, "-", "-n", "30")
		if !slices.Equal(piped.Tokens, r.Tokens) {
			t.Errorf("%s: other tokens of standard input, on other threads: %v, %v", model,
				piped.Tokens, r.Tokens)
		}
		code, stdout, stderr := decoder(nil, model, "Once upon a time", "-n", "30")
		if code != cli.Fine || stdout != r.Text+"\n" ||
			!strings.Contains(stderr, "16 tokens of the prompt") {
			t.Errorf("%s: exit code %d, %q, %q; want %q", model, code, stdout, stderr, r.Text)
		}
	}
}

// prose is more text than the models take at once.
func prose() string {
	rng := rand.New(rand.NewPCG(14, 0))
	text := make([]byte, 600)
	for i := range text {
		text[i] = byte(' ' + rng.IntN(95))
	}
	return string(text)
}

func TestKeys(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	write(t, dir, "text.txt", prose())
	code, stdout, stderr := decoder(nil, "keys", "text.txt", "-m", ".", "-o", "keys", "--width", "1",
		"--context", "200")
	if code != cli.Fine || stderr != "" ||
		!strings.Contains(stdout, "600 tokens in 3 pieces") {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	prompt := prose()[300:500]
	exact := said(t, nil, "model.safetensors", prompt, "-n", "50")
	near := said(t, nil, "model.safetensors", prompt, "-n", "50", "--keys", "keys")
	if near.Tokens[0] != exact.Tokens[0] || near.TableBytes == 0 || exact.TableBytes != 0 {
		t.Errorf("with key tables %+v, without %+v", near, exact)
	}
	// The same file again, from standard input, when it may be replaced.
	first, err := os.ReadFile("keys")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"keys", "-", "-m", ".", "-o", "keys", "--width", "1", "--context", "200"}
	code, _, stderr = decoder(strings.NewReader(prose()), args...)
	if code != cli.Failed || !strings.Contains(stderr, "keys: ") {
		t.Errorf("a file that is there: exit code %d, %q", code, stderr)
	}
	code, stdout, stderr = decoder(strings.NewReader(prose()), append(args, "--force", "--json")...)
	if code != cli.Fine || !strings.Contains(stdout, `"tokens": 600`) {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if again, err := os.ReadFile("keys"); err != nil || !bytes.Equal(again, first) {
		t.Errorf("other tables of the same text: %v", err)
	}
	args = []string{"keys", "text.txt", "-m", ".", "-o", "whole", "--whole", "--tokens", "300"}
	if code, stdout, stderr = decoder(nil, args...); code != cli.Fine ||
		!strings.Contains(stdout, "300 tokens in 2 pieces") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

// TestCalibrate: compression weighs errors by what calibrate writes.
func TestCalibrate(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	write(t, dir, "text.txt", prose())
	code, stdout, stderr := decoder(nil, "calibrate", "text.txt", "-m", "model.safetensors", "-o",
		"moments.safetensors", "--json")
	if code != cli.Fine || stderr != "" || !strings.Contains(stdout, `"tokens": 600`) ||
		!strings.Contains(stdout, `"texts": 3`) || !strings.Contains(stdout, `"layers": 15`) {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	calibration, err := format.OpenCalibration("moments.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer calibration.Close()
	for name, columns := range map[string]int{
		"model.embed_tokens.weight": 48, "model.layers.1.self_attn.k_proj.weight": 48,
		"model.layers.0.mlp.down_proj.weight": 56,
	} {
		m, err := calibration.Moments(t.Context(), name, columns)
		if err != nil || m == nil || m.Matrix == nil || m.Sensitivity <= 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestSampling(t *testing.T) {
	t.Chdir(folder(t))
	sample := func(flags ...string) []int {
		return said(t, nil, append([]string{"model.safetensors", "abc", "-n", "40"}, flags...)...).Tokens
	}
	greedy, hot := sample(), sample("--temperature", "2", "--seed", "3")
	if slices.Equal(greedy, hot) {
		t.Error("the most likely tokens were sampled")
	}
	if again := sample("--temperature", "2", "--seed", "3"); !slices.Equal(again, hot) {
		t.Error("one seed gives two texts")
	}
	if other := sample("--temperature", "2", "--seed", "4"); slices.Equal(other, hot) {
		t.Error("two seeds give one text")
	}
	for _, flags := range [][]string{{"--top-k", "1"}, {"--top-p", "1e-9"}} {
		if one := sample(append(flags, "--temperature", "2")...); !slices.Equal(one, greedy) {
			t.Errorf("%v: not the most likely tokens", flags)
		}
	}
}

// TestContext: a text ends where the model takes no more.
func TestContext(t *testing.T) {
	t.Chdir(folder(t))
	r := said(t, nil, "model.safetensors", strings.Repeat("abcdefgh", 32), "-n", "100",
		"--temperature", "1")
	if r.Stopped == "length" || r.Stopped == "context" && len(r.Tokens) != 1 {
		t.Errorf("stopped by %q with %d tokens", r.Stopped, len(r.Tokens))
	}
}

func TestBadInput(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	write(t, dir, "large.json", strings.Replace(tokenizer(), `"id":95`, `"id":96`, 1))
	write(t, dir, "other.pal", "no model")
	write(t, dir, "text.txt", "a text")
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, cli.Misused, "0 arguments, expected 2"},
		{[]string{".", "a", "-n", "0"}, cli.Misused, "--max-tokens 0"},
		{[]string{".", "a", "--threads", "0"}, cli.Misused, "--threads 0"},
		{[]string{".", "a", "--temperature", "-1"}, cli.Misused, "--temperature -1"},
		{[]string{".", "a", "--temperature", "NaN"}, cli.Misused, "--temperature NaN"},
		{[]string{".", "a", "--top-p", "0"}, cli.Misused, "--top-p 0"},
		{[]string{".", "a", "--top-k", "-2"}, cli.Misused, "--top-k -2"},
		{[]string{".", "a", "--none"}, cli.Misused, "unknown flag: --none"},
		{[]string{"keys"}, cli.Misused, "0 arguments, expected 1"},
		{[]string{"keys", "text.txt", "-o", "out"}, cli.Misused, "--model is missing"},
		{[]string{"keys", "text.txt", "-m", "."}, cli.Misused, "--output is missing"},
		{[]string{"keys", "text.txt", "-m", ".", "-o", "out", "--width", "9"}, cli.Misused, "--width 9"},
		{[]string{"keys", "text.txt", "-m", ".", "-o", "out", "--width", "4", "--whole"}, cli.Misused,
			"--width and --whole"},
		{[]string{"keys", "text.txt", "-m", ".", "-o", "out", "--tokens", "0"}, cli.Misused,
			"--tokens 0"},
		{[]string{"keys", "text.txt", "-m", ".", "-o", "out", "--context", "0"}, cli.Misused,
			"--context 0"},
		{[]string{"keys", "none", "-m", ".", "-o", "out"}, cli.Failed, "none"},
		{[]string{"keys", "-", "-m", ".", "-o", "out"}, cli.Failed, "-: has no text"},
		{[]string{"calibrate", "text.txt", "-m", ".", "-o", "text.txt"}, cli.Failed, "--force"},
		{[]string{".", "a", "--keys", "none"}, cli.Failed, "none"},
		{[]string{".", "a", "--keys", "model.safetensors"}, cli.Failed,
			"model.safetensors: is no attention file"},
		{[]string{"none", "a"}, cli.Failed, "none"},
		{[]string{"empty", "a"}, cli.Failed, "tokenizer.json"},
		{[]string{"other.pal", "a"}, cli.Failed, "other.pal"},
		{[]string{".", ""}, cli.Failed, "the prompt is empty"},
		{[]string{".", "\xff\x01"}, cli.Failed, "the prompt is empty"}, // bytes of no token
		{[]string{".", strings.Repeat("a", 257)}, cli.Failed,
			"the prompt has 257 tokens, the model takes 256"},
		{[]string{".", "a", "--tokenizer", "large.json"}, cli.Failed,
			"large.json: has 97 tokens, and . has 96: they do not belong together"},
		{[]string{".", "a", "--tokenizer", "config.json"}, cli.Failed, `model "" is not supported`},
	} {
		code, stdout, stderr := decoder(strings.NewReader(""), c.args...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%.60q: exit code %d, %q, %q, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{".", "a"}, nil, &out, &errs); code != cli.Interrupted ||
		errs.String() != "decoder: interrupted\n" {
		t.Errorf("interrupted: exit code %d, %q", code, errs.String())
	}
}
