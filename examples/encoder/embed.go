package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
)

type embedOptions struct {
	source
	output string
	force  bool
}

func newEmbed(e *env) *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed TEXTS -m MODEL [-o INDEX]",
		Short: "Turn texts into vectors, and keep both in an index to search",
		Long: `embed reads TEXTS, a text a line, - for standard input, and writes the vectors and the
texts to INDEX, a safetensors file. Without -o it prints a line of JSON for each text: the text, and
its vector, which has length 1. A text of more tokens than the tokenizer takes is cut off.`,
		Example: "  encoder embed passages.txt -m model.pal -o passages.index",
		Args:    cli.Takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runEmbed(cmd.Context(), e, o, args[0])
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "the index to write")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace an index that is there")
	return cmd
}

// embedded is what embed reports.
type embedded struct {
	Index     string  `json:"index"`
	Bytes     int64   `json:"bytes"`
	Texts     int     `json:"texts"`
	Tokens    int     `json:"tokens"`
	Seconds   float64 `json:"seconds"` // without opening the model
	PerSecond float64 `json:"texts_per_second"`
}

func runEmbed(ctx context.Context, e *env, o embedOptions, name string) error {
	m, err := o.open(ctx, e.threads)
	if err != nil {
		return err
	}
	defer m.close()
	t, err := e.openTexts(name)
	if err != nil {
		return err
	}
	defer t.close()
	if o.output == "" {
		return printVectors(ctx, e, m, t)
	}
	r := embedded{Index: o.output}
	start := time.Now()
	err = cli.Create(o.output, o.force, func(f *os.File) error {
		w, err := newIndexWriter(f, m.Width())
		if err != nil {
			return err
		}
		defer w.close()
		if err := embedAll(ctx, e, m, t, w.add); err != nil {
			return err
		}
		metadata := make(map[string]string)
		for key, path := range map[string]string{
			indexModel: o.model, indexTokenizer: o.tokenizer,
		} {
			if metadata[key], err = filepath.Abs(path); err != nil {
				return err
			}
		}
		if err := w.finish(metadata); err != nil {
			return err
		}
		r.Texts = w.count
		info, err := f.Stat()
		if err == nil {
			r.Bytes = info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Tokens, r.Seconds = m.tokens, time.Since(start).Seconds()
	r.PerSecond = float64(r.Texts) / r.Seconds
	return e.report(r,
		[2]string{"index", fmt.Sprintf("%s, %d bytes", r.Index, r.Bytes)},
		[2]string{"texts", fmt.Sprintf("%d of %d tokens", r.Texts, r.Tokens)},
		[2]string{"time", fmt.Sprintf("%.2f s, %.0f texts a second", r.Seconds, r.PerSecond)})
}

// embedAll hands all texts and their vectors to use, some at a time.
func embedAll(ctx context.Context, e *env, m *embedder, t *texts,
	use func(texts []string, vectors []float32) error) error {
	p := e.newProgress(t.size)
	defer p.Close()
	return t.chunks(ctx, func(texts []string) error {
		vectors, err := m.embed(ctx, texts)
		if err != nil {
			return err
		}
		p.Update(t.done)
		return use(texts, vectors)
	})
}

func printVectors(ctx context.Context, e *env, m *embedder, t *texts) error {
	out := bufio.NewWriter(e.stdout)
	encoder := json.NewEncoder(out)
	err := embedAll(ctx, e, m, t, func(texts []string, vectors []float32) error {
		for i, text := range texts {
			if err := encoder.Encode(struct {
				Text   string    `json:"text"`
				Vector []float32 `json:"vector"`
			}{text, vectors[i*m.Width():][:m.Width()]}); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	return err
}
