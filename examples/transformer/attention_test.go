package transformer

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/internal/tiny"
)

// errorSum is what a relative error is of.
type errorSum struct{ noise, signal float64 }

func (s *errorSum) add(got, want []float32) {
	for i, v := range want {
		off := float64(got[i]) - float64(v)
		s.noise += off * off
		s.signal += float64(v) * float64(v)
	}
}

func (s *errorSum) merge(o errorSum) {
	s.noise += o.noise
	s.signal += o.signal
}

func (s errorSum) relative() float64 { return math.Sqrt(s.noise / s.signal) }

// center takes their mean off values.
func center(x []float32) {
	var mean float64
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for i := range x {
		x[i] -= float32(mean)
	}
}

// layerErrors measures what key tables do to each layer, all before it being exact.
type layerErrors struct {
	e              *Encoder
	tables         *KeyTables
	scores, output []errorSum // one a layer

	values []float32 // [tokens, width], of the layer at hand
	first  int       // the first token of the sentence at hand
}

// watch is a Watcher: it computes the values, which a Scorer does not see.
func (m *layerErrors) watch(x []float32, columns int, linears ...string) {
	for _, l := range m.e.layers {
		if linears[len(linears)-1] != l.value.name {
			continue
		}
		m.values, m.first = grow(m.values, len(x)/columns*m.e.width), 0
		if err := m.e.model.MatMul(m.values, l.value.name, x, len(x)/columns); err != nil {
			panic(err)
		}
		for i := range m.values {
			m.values[i] += l.value.bias[i%m.e.width]
		}
	}
}

// score is a Scorer: it stays with exact scores.
func (m *layerErrors) score(dst []float32, layer, head int, queries, keys []float32) error {
	width := m.e.width / m.e.heads
	n := len(keys) / width
	m.e.exactScores(dst, queries, keys)
	near := make([]float32, n*n)
	if err := m.tables.Score(near, layer, head, queries, keys); err != nil {
		return err
	}
	// A softmax does not see the mean.
	got, want := make([]float32, n), make([]float32, n)
	for query := range n {
		copy(got, near[query*n:])
		copy(want, dst[query*n:])
		center(got)
		center(want)
		m.scores[layer].add(got, want)
		m.output[layer].add(m.mix(got, head), m.mix(want, head))
	}
	if head == m.e.heads-1 {
		m.first += n
	}
	return nil
}

// mix returns what attention with these scores makes of a head's values.
func (m *layerErrors) mix(scores []float32, head int) []float32 {
	width := m.e.width / m.e.heads
	shares, out := slices.Clone(scores), make([]float32, width)
	sum := set.ExpSum(shares, float32(1/math.Sqrt(float64(width))))
	for t, share := range shares {
		for i, v := range m.values[(m.first+t)*m.e.width+head*width:][:width] {
			out[i] += share / sum * v
		}
	}
	return out
}

// sentencesOf reads one of the files of examples/compare.
func sentencesOf(t *testing.T, words *WordPiece, file string) (sentences [][]int) {
	t.Helper()
	text, err := os.ReadFile("../compare/sentences/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		sentences = append(sentences, words.Encode(nil, strings.TrimSpace(line)))
	}
	return sentences
}

// TestModelAttention holds what scores by tables cost all-MiniLM-L6-v2, as BENCHMARKS.md has it:
// the errors of one layer's scores and of what its attention makes of them, and the embeddings when
// all layers have tables, of sentences that the tables were not trained on. It logs the output
// errors of the layers, then of all: scores, output, the mean cosine of embeddings and the least.
func TestModelAttention(t *testing.T) {
	e, words := modelEncoder(t)
	ctx := t.Context()
	known, asked := sentencesOf(t, words, "calibration.txt"), sentencesOf(t, words, "eval.txt")
	embed := func(threads int, score Scorer) []float32 {
		e.threads = threads
		e.Score(score)
		vectors := make([]float32, len(asked)*e.Width())
		if err := e.Embed(ctx, vectors, asked); err != nil {
			t.Fatal(err)
		}
		return vectors
	}
	want := embed(2, nil)
	for _, c := range []struct {
		name           string
		opts           codebook.AttentionOptions
		output, cosine float64 // at most, at least
	}{
		{"d = 2", codebook.AttentionOptions{Width: 2}, 0.07, 0.999},
		{"d = 4", codebook.AttentionOptions{Width: 4}, 0.20, 0.99},
		{"d = 8", codebook.AttentionOptions{Width: 8}, 0.29, 0.97},
		{"whole", codebook.AttentionOptions{Whole: true}, 0.45, 0.92},
	} {
		e.Score(nil)
		tables, err := e.TrainKeyTables(ctx, known, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		off := &layerErrors{e: e, tables: tables, scores: make([]errorSum, len(e.layers)),
			output: make([]errorSum, len(e.layers))}
		e.Watch(off.watch)
		embed(1, off.score)
		e.Watch(nil)
		var scores, output errorSum
		line := "errors | " + c.name + " |"
		for layer := range e.layers {
			scores.merge(off.scores[layer])
			output.merge(off.output[layer])
			line += fmt.Sprintf(" %.3f", off.output[layer].relative())
		}
		mean, least := 0.0, 1.0
		got := embed(2, tables.Score)
		for i := 0; i < len(got); i += e.Width() {
			cosine := 0.0
			for j, v := range want[i:][:e.Width()] {
				cosine += float64(v) * float64(got[i+j])
			}
			mean += cosine / float64(len(asked))
			least = min(least, cosine)
		}
		t.Logf("%s | %.4f | %.4f | %.4f | %.4f", line, scores.relative(), output.relative(), mean,
			least)
		if !(output.relative() <= c.output && mean >= c.cosine) {
			t.Errorf("%s: output error %.4f, want at most %v; cosine %.4f, want at least %v", c.name,
				output.relative(), c.output, mean, c.cosine)
		}
	}
}

// TestKeyTables: tables that are trained on the sentences themselves leave vectors nearly as they
// were, the same with any number of threads.
func TestKeyTables(t *testing.T) {
	path := write(t, tiny.Encoder())
	want := embed(t, path, tinyConfig, 1, tinySentences)
	var first []float32
	for _, threads := range []int{1, 3} {
		e, err := open(t, path, tinyConfig, threads)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := e.TrainKeyTables(t.Context(), tinySentences,
			codebook.AttentionOptions{Width: 2})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(want))
		e.Score(tables.Score)
		if err := e.Embed(t.Context(), got, tinySentences); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if math.Abs(float64(v-want[i])) > 0.01 {
				t.Fatalf("value %d is %v, exactly %v", i, v, want[i])
			}
		}
		if first == nil {
			first = got
		} else if !slices.Equal(got, first) {
			t.Errorf("other vectors with %d threads", threads)
		}
		if slices.Equal(got, want) {
			t.Error("the vectors are exact: no tables")
		}
	}
	e, err := open(t, path, tinyConfig, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.TrainKeyTables(t.Context(), nil, codebook.AttentionOptions{}); err == nil {
		t.Error("tables trained on nothing")
	}
}
