package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/transformer"
	"github.com/palettize/palettize/format"
)

// source says where a model is.
type source struct{ model, tokenizer string }

func (s *source) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&s.model, "model", "m", "", "the model: a file or a folder")
	s.addTokenizer(flags)
}

func (s *source) addTokenizer(flags *pflag.FlagSet) {
	flags.StringVar(&s.tokenizer, "tokenizer", "", "its tokenizer.json (default: that beside it)")
}

// findTokenizer names the tokenizer of a model if the command line does not.
func (s *source) findTokenizer() error {
	if s.tokenizer != "" {
		return nil
	}
	info, err := os.Stat(s.model)
	if err != nil {
		return err
	}
	stem := strings.TrimSuffix(s.model, filepath.Ext(s.model))
	names := []string{
		stem + ".tokenizer.json", filepath.Join(filepath.Dir(s.model), "tokenizer.json"),
	}
	if info.IsDir() {
		names = []string{filepath.Join(s.model, "tokenizer.json")}
	}
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			s.tokenizer = name
			return nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return cli.Usagef("%s: no tokenizer at %s; name it with --tokenizer", s.model,
		strings.Join(names, " or "))
}

// embedder turns texts into vectors.
type embedder struct {
	*transformer.Encoder
	model  *codebook.Model
	config transformer.Config
	words  *transformer.WordPiece
	tokens int // of all texts so far
}

// open opens a model and its tokenizer, which must fit each other.
func (s *source) open(ctx context.Context, threads int) (*embedder, error) {
	switch {
	case s.model == "":
		return nil, cli.Usagef("--model is missing")
	case threads < 1:
		return nil, cli.Usagef("--threads %d: expected 1 or more", threads)
	}
	if err := s.findTokenizer(); err != nil {
		return nil, err
	}
	config, err := transformer.ReadConfig(s.model)
	if err != nil {
		return nil, err
	}
	model, err := format.OpenModel(ctx, s.model, codebook.RunOptions{})
	if err != nil {
		return nil, err
	}
	e := &embedder{model: model, config: config}
	if err := e.prepare(ctx, s, threads); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return e, nil
}

func (e *embedder) prepare(ctx context.Context, s *source, threads int) error {
	var err error
	if e.Encoder, err = transformer.NewEncoder(ctx, e.model, e.config, threads); err != nil {
		return fmt.Errorf("%s: %w", s.model, err)
	}
	if e.words, err = transformer.ReadWordPiece(s.tokenizer); err != nil {
		return err
	}
	if e.words.Size() != e.Vocabulary() {
		return fmt.Errorf("%s: has %d tokens, and %s has %d: they do not belong together",
			s.tokenizer, e.words.Size(), s.model, e.Vocabulary())
	}
	if err := e.words.Limit(e.Positions()); err != nil {
		return fmt.Errorf("%s: %w", s.tokenizer, err)
	}
	return nil
}

// embed returns the vectors of texts, one after the other.
func (e *embedder) embed(ctx context.Context, texts []string) ([]float32, error) {
	vectors := make([]float32, len(texts)*e.Width())
	return vectors, e.embedTo(ctx, vectors, texts)
}

func (e *embedder) embedTo(ctx context.Context, vectors []float32, texts []string) error {
	sentences := make([][]int, len(texts))
	for i, text := range texts {
		sentences[i] = e.words.Encode(nil, text)
		e.tokens += len(sentences[i])
	}
	return e.Embed(ctx, vectors, sentences)
}

// close closes the model; what it was read for is done.
func (e *embedder) close() { _ = e.model.Close() }
