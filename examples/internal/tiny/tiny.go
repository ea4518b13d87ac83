// Package tiny makes small models of random weights, for tests.
package tiny

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/format"
)

// Of the encoder.
const (
	Width, Inner, Layers, Positions = 64, 128, 2, 24
)

// vocabulary has what BERT expects, letters, and letters that go on with a word.
var vocabulary = func() []string {
	words := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "!", "?"}
	for c := 'a'; c <= 'z'; c++ {
		words = append(words, string(c), "##"+string(c))
	}
	return words
}()

// Tokenizer is the tokenizer.json of the encoder.
func Tokenizer() string {
	var words []string
	for i, w := range vocabulary {
		words = append(words, fmt.Sprintf("%q: %d", w, i))
	}
	return fmt.Sprintf(`{
  "added_tokens": [{"id": 4, "content": "[MASK]", "special": true}],
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
    "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100, "vocab": {%s}}
}`, strings.Join(words, ", "))
}

// Encoder returns the tensors of a BERT.
func Encoder() map[string]tensors.Tensor {
	rng := rand.New(rand.NewPCG(14, 1))
	all := make(map[string]tensors.Tensor)
	add := func(name string, mean, spread float64, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		t := tensors.Tensor{Shape: shape, Values: make([]float32, n)}
		for i := range t.Values {
			t.Values[i] = float32(mean + spread*rng.NormFloat64())
		}
		all[name] = t
	}
	norm := func(name string) {
		add(name+".weight", 1, 0.2, Width)
		add(name+".bias", 0, 0.2, Width)
	}
	linear := func(name string, rows, cols int) {
		add(name+".weight", 0, 1.5/math.Sqrt(float64(cols)), rows, cols)
		add(name+".bias", 0, 0.3, rows)
	}
	add("embeddings.word_embeddings.weight", 0, 1, len(vocabulary), Width)
	add("embeddings.position_embeddings.weight", 0, 0.5, Positions, Width)
	add("embeddings.token_type_embeddings.weight", 0, 0.5, 2, Width)
	norm("embeddings.LayerNorm")
	for i := range Layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		linear(at+"attention.self.query", Width, Width)
		linear(at+"attention.self.key", Width, Width)
		linear(at+"attention.self.value", Width, Width)
		linear(at+"attention.output.dense", Width, Width)
		norm(at + "attention.output.LayerNorm")
		linear(at+"intermediate.dense", Inner, Width)
		linear(at+"output.dense", Width, Inner)
		norm(at + "output.LayerNorm")
	}
	return all
}

// Write writes a model's file.
func Write(path string, model map[string]tensors.Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := tensors.Write(f, model, nil); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Compress writes the codebook file of a model.
func Compress(ctx context.Context, to, from string, opts compress.Options) error {
	src, err := format.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := format.Create(to, src, format.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := compress.Compress(ctx, dst, src, opts); err != nil {
		return err
	}
	_, err = dst.Commit(ctx)
	return err
}
