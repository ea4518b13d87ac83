package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/examples/internal/cli"
)

// example is a text that a model is run over, and the file that is made of what this shows.
type example struct {
	model, output   string
	tokens, context int
	force           bool
}

func (x *example) addFlags(flags *pflag.FlagSet, tokens int) {
	flags.StringVarP(&x.model, "model", "m", "", "the model: a file or a folder")
	flags.StringVarP(&x.output, "output", "o", "", "the file to write")
	flags.BoolVar(&x.force, "force", false, "replace a file that is there")
	flags.IntVar(&x.tokens, "tokens", tokens, "the most tokens of the text to use")
	flags.IntVar(&x.context, "context", 2048,
		"the most tokens that follow each other; the model may allow less")
}

// open opens the model and cuts the text, - for standard input, into pieces of as many tokens as
// follow each other.
func (x *example) open(ctx context.Context, e *env, name string) (l *language, texts [][]int,
	err error) {
	switch {
	case x.model == "":
		return nil, nil, cli.Usagef("--model is missing")
	case x.output == "":
		return nil, nil, cli.Usagef("--output is missing")
	case x.tokens < 1:
		return nil, nil, cli.Usagef("--tokens %d: expected 1 or more", x.tokens)
	case x.context < 1:
		return nil, nil, cli.Usagef("--context %d: expected 1 or more", x.context)
	}
	content, err := x.read(e, name)
	if err != nil {
		return nil, nil, err
	}
	if l, err = e.open(ctx, x.model); err != nil {
		return nil, nil, err
	}
	tokens := l.Encode(nil, content)
	if len(tokens) == 0 {
		l.close()
		return nil, nil, fmt.Errorf("%s: has no text", name)
	}
	tokens = tokens[:min(len(tokens), x.tokens)]
	return l, slices.Collect(slices.Chunk(tokens, min(x.context, l.Positions()))), nil
}

// bytesPerToken is more than tokens of any text have, on average: a text that goes on needs not be
// read.
const bytesPerToken = 32

func (x *example) read(e *env, name string) (string, error) {
	r := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	content, err := io.ReadAll(io.LimitReader(r, int64(x.tokens)*bytesPerToken))
	return string(content), err
}

// count returns the number of all tokens.
func count(texts [][]int) (n int) {
	for _, t := range texts {
		n += len(t)
	}
	return n
}
