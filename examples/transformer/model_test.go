package transformer

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// model returns the path of all-MiniLM-L6-v2, and its tokenizer.
func model(tb testing.TB) (string, *WordPiece) {
	path := os.Getenv("PALETTIZE_MODEL")
	if path == "" {
		tb.Skip("set PALETTIZE_MODEL to the model.safetensors of all-MiniLM-L6-v2, " +
			"or run make check, which fetches it")
	}
	words, err := ReadWordPiece(strings.TrimSuffix(path, filepath.Ext(path)) + ".tokenizer.json")
	if err != nil {
		tb.Fatal(err)
	}
	return path, words
}

// modelEncoder returns an encoder of all-MiniLM-L6-v2 on two threads, and its tokenizer.
func modelEncoder(tb testing.TB) (*Encoder, *WordPiece) {
	path, words := model(tb)
	m, err := format.OpenModel(tb.Context(), path, codebook.RunOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() }) // what it was read for is done
	e, err := NewEncoder(tb.Context(), m, Config{}, 2)
	if err != nil {
		tb.Fatal(err)
	}
	return e, words
}

// digest is that of testdata/reference.py.
func digest(tokens []int) string {
	var text []byte
	for i, t := range tokens {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(t), 10)
	}
	return fmt.Sprintf("%d:%.6x", len(tokens), sha256.Sum256(text))
}

// tokensFile is what testdata/reference.py has found of hard texts and of all characters.
type tokensFile struct {
	Texts []struct {
		Text   *string // nil: it is no UTF-8
		Base64 []byte  // what it is then
		Tokens string
	}
	Blocks map[string]string // of 256 characters, by the first in hexadecimal
}

func readTokens(t *testing.T) (file tokensFile) {
	t.Helper()
	f, err := os.Open("testdata/tokens.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(unpacked).Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestModelTokens holds tokens against those of the reference tokenizer: of hard texts, and of
// every character there is.
func TestModelTokens(t *testing.T) {
	_, words := model(t)
	want := readTokens(t)
	if len(want.Texts) != 2000 || len(want.Blocks) != 0x1100-8 {
		t.Fatalf("%d texts and %d blocks", len(want.Texts), len(want.Blocks))
	}
	for i, c := range want.Texts {
		text := string(c.Base64)
		if c.Text != nil {
			text = *c.Text
		}
		if tokens := words.Encode(nil, text); digest(tokens) != c.Tokens {
			t.Errorf("text %d, %q: tokens %v have the digest %s, want %s", i, text, tokens,
				digest(tokens), c.Tokens)
		}
	}
	words.limit = unlimited
	for first, want := range want.Blocks {
		at, err := strconv.ParseInt(first, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		for i := range 256 {
			text = fmt.Appendf(text, " a%cb", rune(at)+rune(i))
		}
		if tokens := words.Encode(nil, string(text[1:])); digest(tokens) != want {
			t.Errorf("characters U+%s to U+%xff: tokens have the digest %s, want %s", first, at>>8,
				digest(tokens), want)
		}
	}
}

// TestModelVectors holds vectors against those of another implementation.
func TestModelVectors(t *testing.T) {
	e, words := modelEncoder(t)
	ctx := context.Background()
	sentences := sentencesOf(t, words, "eval.txt")[:20]
	file, err := format.Open("testdata/vectors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := file.Floats(ctx, "vectors")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(sentences)*e.Width())
	if err := e.Embed(ctx, got, sentences); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	worst := 0.0
	for i, v := range got {
		worst = max(worst, math.Abs(float64(v)-float64(want[i])))
	}
	if t.Logf("the largest difference is %.2g", worst); !(worst <= 1e-5) {
		t.Errorf("the largest difference is %.2g, want at most 1e-5", worst)
	}
}

// TestModelMoments holds moments against entries of those that the script in examples/compare
// writes.
func TestModelMoments(t *testing.T) {
	e, words := modelEncoder(t)
	ctx := context.Background()
	sentences := sentencesOf(t, words, "calibration.txt")
	moments := NewCalibration()
	e.Watch(moments.Add)
	err := e.Embed(ctx, make([]float32, len(sentences)*e.Width()), sentences)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Norm    float64
		Entries []float64
	}
	text, err := os.ReadFile("testdata/moments.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	means := moments.Tensors()
	if len(means) != len(want) || len(want) != 36 {
		t.Fatalf("moments of %d layers, want %d", len(means), len(want))
	}
	for name, w := range want {
		square := 0.0
		for _, v := range means[name].Values {
			square += float64(v) * float64(v)
		}
		if norm := math.Sqrt(square); math.Abs(norm-w.Norm) > 1e-4*w.Norm {
			t.Errorf("%s: norm %v, want %v", name, norm, w.Norm)
		}
		for i, v := range w.Entries {
			got := float64(means[name].Values[7919*i])
			if math.Abs(got-v) > 1e-4*max(math.Abs(v), 1e-3) {
				t.Errorf("%s: entry %d is %v, want %v", name, 7919*i, got, v)
			}
		}
	}
}

func BenchmarkModel(b *testing.B) {
	path, _ := model(b)
	if other := os.Getenv("PALETTIZE_CODEBOOK"); other != "" {
		path = other // of the same model
	}
	ctx := context.Background()
	m, err := format.OpenModel(ctx, path, codebook.RunOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	e, err := NewEncoder(ctx, m, Config{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, tokens := range []int{16, 128} {
		sentences := make([][]int, 512/tokens)
		for i := range sentences {
			for j := range tokens {
				sentences[i] = append(sentences[i], 1000+(i*7919+j*104729)%20000)
			}
		}
		vectors := make([]float32, len(sentences)*e.Width())
		b.Run(fmt.Sprintf("tokens=%d", tokens), func(b *testing.B) {
			for b.Loop() {
				if err := e.Embed(ctx, vectors, sentences); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(sentences)),
				"us/sentence")
		})
	}
}
