package transformer

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// sums are those of squares that a relative error is of.
type sums struct{ noise, signal float64 }

func (s *sums) add(got, want float64) {
	s.noise += (got - want) * (got - want)
	s.signal += want * want
}

func (s sums) relative() float64 { return math.Sqrt(s.noise / s.signal) }

// addScores takes the mean over keys off each row [n], which makes no difference to a softmax.
func (s *sums) addScores(got, want []float32, n int) {
	for ; len(want) > 0; got, want = got[n:], want[n:] {
		var gotMean, wantMean float64
		for i, v := range want[:n] {
			gotMean += float64(got[i]) / float64(n)
			wantMean += float64(v) / float64(n)
		}
		for i, v := range want[:n] {
			s.add(float64(got[i])-gotMean, float64(v)-wantMean)
		}
	}
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

// TestModelAttention holds what scores by tables cost all-MiniLM-L6-v2, as BENCHMARKS.md has it: of
// sentences that the tables were not trained on, errors of one layer's scores and of what its
// attention makes of them, all before being exact, and the embeddings when all layers have tables.
func TestModelAttention(t *testing.T) {
	path, words := model(t)
	ctx := t.Context()
	m, err := format.OpenModel(ctx, path, codebook.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := NewEncoder(ctx, m, Config{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	known, asked := sentencesOf(t, words, "calibration.txt"), sentencesOf(t, words, "eval.txt")
	embed := func(score Scorer) []float32 {
		vectors := make([]float32, len(asked)*e.Width())
		e.Score(score)
		if err := e.Embed(ctx, vectors, asked); err != nil {
			t.Fatal(err)
		}
		return vectors
	}
	want := embed(nil)
	// outputs are what attention makes of the values, of each layer.
	var outputs [][]float32
	watch := func(x []float32, _ int, linears ...string) {
		for layer := range outputs {
			if linears[0] == e.layers[layer].out.name {
				outputs[layer] = append(outputs[layer], x...)
			}
		}
	}
	exact := make([][]float32, len(e.layers))
	for _, c := range []struct {
		name           string
		opts           codebook.AttentionOptions
		output, cosine float64 // at most, at least
	}{
		{"d = 2", codebook.AttentionOptions{Width: 2}, 0.07, 0.999},
		{"d = 4", codebook.AttentionOptions{Width: 4}, 0.20, 0.99},
		{"d = 8", codebook.AttentionOptions{Width: 8}, 1, 0},
		{"whole", codebook.AttentionOptions{Whole: true}, 1, 0},
	} {
		tables, err := e.TrainKeyTables(ctx, known, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		threads := e.threads
		e.threads = 1 // outputs come in the same order each time
		e.Watch(watch)
		if exact[0] == nil {
			outputs = exact
			embed(nil)
		}
		var scores, output sums
		line := fmt.Sprintf("%s |", c.name)
		for layer := range e.layers {
			outputs = make([][]float32, layer+1)
			var off sums
			embed(func(dst []float32, l, head int, queries, keys []float32) error {
				if l != layer {
					e.exactScores(dst, queries, keys)
					return nil
				}
				n := len(keys) / (e.width / e.heads)
				right := make([]float32, n*n)
				e.exactScores(right, queries, keys)
				err := tables.Score(dst, l, head, queries, keys)
				scores.addScores(dst, right, n)
				return err
			})
			for i, v := range exact[layer] {
				off.add(float64(outputs[layer][i]), float64(v))
			}
			output.noise += off.noise
			output.signal += off.signal
			line += fmt.Sprintf(" %.3f", off.relative())
		}
		e.Watch(nil)
		e.threads = threads
		mean, least := 0.0, 1.0
		got := embed(tables.Score)
		for i := 0; i < len(got); i += e.Width() {
			cosine := 0.0
			for j, v := range want[i:][:e.Width()] {
				cosine += float64(v) * float64(got[i+j])
			}
			mean += cosine / float64(len(asked))
			least = min(least, cosine)
		}
		e.Score(nil)
		t.Logf("%s | scores %.4f | output %.4f | cosine %.4f, least %.4f", line, scores.relative(),
			output.relative(), mean, least)
		if !(output.relative() <= c.output && mean >= c.cosine) {
			t.Errorf("%s: output error %.4f, want at most %v; cosine %.4f, want at least %v", c.name,
				output.relative(), c.output, mean, c.cosine)
		}
	}
}
