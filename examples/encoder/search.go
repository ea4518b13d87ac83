package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
)

type searchOptions struct {
	source
	most int
}

func newSearch(e *env) *cobra.Command {
	var o searchOptions
	cmd := &cobra.Command{
		Use:   "search INDEX QUERY",
		Short: "Print the texts of an index that are nearest to a query",
		Long: `search prints the texts of INDEX, which embed has written, whose vectors are nearest to
that of QUERY: the cosine, the number of the line, the text. The model is the one that the index
was made with, where that still is.`,
		Example: `  encoder search passages.index "how do I keep bread fresh?"`,
		Args:    cli.Takes(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSearch(cmd.Context(), e, o, args[0], args[1])
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().IntVarP(&o.most, "most", "k", 5, "how many texts")
	return cmd
}

func runSearch(ctx context.Context, e *env, o searchOptions, path, query string) error {
	if o.most < 1 {
		return cli.Usagef("--most %d: expected 1 or more", o.most)
	}
	x, err := openIndex(path)
	if err != nil {
		return err
	}
	defer x.close()
	if o.model == "" {
		o.model = x.model.model
		if o.tokenizer == "" {
			o.tokenizer = x.model.tokenizer
		}
	}
	m, err := o.open(ctx, e.threads)
	if err != nil {
		return err
	}
	defer m.close()
	if err := x.check(m); err != nil {
		return err
	}
	vector, err := m.embed(ctx, []string{query})
	if err != nil {
		return err
	}
	results, err := x.search(ctx, vector, min(o.most, x.count))
	if err != nil {
		return err
	}
	digits := 0
	for _, f := range results {
		digits = max(digits, len(strconv.Itoa(f.Line)))
	}
	if e.json {
		return e.report(struct {
			Query   string  `json:"query"`
			Results []found `json:"results"`
		}{query, results})
	}
	for _, f := range results {
		_, err := fmt.Fprintf(e.stdout, "%.3f  %*d  %s\n", f.Score, digits, f.Line,
			cli.Printable(f.Text))
		if err != nil {
			return err
		}
	}
	return nil
}
