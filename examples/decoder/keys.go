package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/format"
)

type keysOptions struct {
	example
	width int
	whole bool
}

func newKeys(e *env) *cobra.Command {
	var o keysOptions
	cmd := &cobra.Command{
		Use:   "keys TEXT -m MODEL -o FILE",
		Short: "Write key tables of a model, for decoder --keys",
		Long: `keys runs MODEL over TEXT, a file, - for standard input, and finds codebooks
for the keys of attention: for each head 256 centroids for every few columns. With them decoder
--keys keeps a byte for the key's columns that share one, and adds up table entries where it would
multiply. The text should be like what the model is for; that it is as long as those of use matters
little.`,
		Example: "  decoder keys text.txt -m model.pal/ -o keys.safetensors",
		Args:    cli.Takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.whole && cmd.Flags().Changed("width") {
				return cli.Usagef("--width and --whole: expected one or the other")
			}
			return runKeys(cmd.Context(), e, o, args[0])
		},
	}
	o.addFlags(cmd.Flags(), 8192)
	cmd.Flags().IntVar(&o.width, "width", 2, "the columns of a key that share a byte, 1 to 8")
	cmd.Flags().BoolVar(&o.whole, "whole", false,
		"a byte for a whole key, and one for a query: the smallest, with large errors")
	return cmd
}

// keysReport is what keys reports.
type keysReport struct {
	File   string `json:"file"`
	Tokens int    `json:"tokens"`
	Texts  int    `json:"texts"`
	Bytes  int64  `json:"bytes"` // of the tables in memory
}

func runKeys(ctx context.Context, e *env, o keysOptions, name string) error {
	if o.width < 1 || o.width > 8 {
		return cli.Usagef("--width %d: expected 1 to 8", o.width)
	}
	opts := codebook.AttentionOptions{Width: o.width}
	if o.whole {
		opts = codebook.AttentionOptions{Whole: true}
	}
	l, texts, err := o.open(ctx, e, name)
	if err != nil {
		return err
	}
	defer l.close()
	r := keysReport{File: o.output, Texts: len(texts), Tokens: count(texts)}
	err = format.WriteFile(ctx, o.output, func() ([]byte, error) {
		tables, err := l.TrainKeyTables(ctx, texts, opts)
		if err != nil {
			return nil, err
		}
		r.Bytes = tables.Bytes()
		return tables.Encode(ctx)
	}, o.force)
	if err != nil {
		return err
	}
	return cli.Report(e.stdout, e.json, r,
		[2]string{"file", r.File},
		[2]string{"text", fmt.Sprintf("%d tokens in %d pieces", r.Tokens, r.Texts)},
		[2]string{"in memory", strconv.FormatFloat(float64(r.Bytes)/1e6, 'f', 1, 64) + " MB"})
}
