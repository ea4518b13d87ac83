package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/examples/transformer"
)

func newCalibrate(e *env) *cobra.Command {
	var x example
	cmd := &cobra.Command{
		Use:   "calibrate TEXT -m MODEL -o FILE",
		Short: "Write what enters a model's linear layers, for palettize compress --calibration",
		Long: `calibrate runs MODEL over TEXT, a file, - for standard input, and writes
E[x x^T] of the inputs x of each linear layer under the name of its weights, the mean over all
tokens. Some thousand tokens of text like what the model is for are enough.`,
		Example: "  decoder calibrate text.txt -m SmolLM2/ -o moments.safetensors\n" +
			"  palettize compress SmolLM2/ --calibration moments.safetensors",
		Args: cli.Takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCalibrate(cmd.Context(), e, x, args[0])
		},
	}
	x.addFlags(cmd.Flags(), 16384)
	return cmd
}

// calibrated is what calibrate reports.
type calibrated struct {
	File   string `json:"file"`
	Tokens int    `json:"tokens"`
	Texts  int    `json:"texts"`
	Layers int    `json:"layers"`
}

func runCalibrate(ctx context.Context, e *env, x example, name string) error {
	l, texts, err := x.open(ctx, e, name)
	if err != nil {
		return err
	}
	defer l.close()
	r := calibrated{File: x.output, Texts: len(texts), Tokens: count(texts)}
	err = cli.Create(x.output, x.force, func(f *os.File) error {
		moments := transformer.NewMoments()
		l.Watch(moments.Add)
		p := cli.NewProgress(e.stderr, e.quiet, int64(r.Tokens))
		defer p.Close()
		done := 0
		for _, tokens := range texts {
			text, err := l.NewText(len(tokens))
			if err != nil {
				return err
			}
			// The logits of each token are asked for, so that the output matrix has its inputs.
			err = text.AppendEach(ctx, tokens, func([]float32) {
				done++
				p.Update(int64(done))
			})
			if err != nil {
				return err
			}
		}
		means := moments.Means()
		r.Layers = len(means)
		return tensors.Write(f, means, map[string]string{
			"texts": strconv.Itoa(r.Texts), "tokens": strconv.Itoa(r.Tokens),
		})
	})
	if err != nil {
		return err
	}
	return cli.Report(e.stdout, e.json, r,
		[2]string{"file", r.File},
		[2]string{"text", fmt.Sprintf("%d tokens in %d pieces", r.Tokens, r.Texts)},
		[2]string{"layers", strconv.Itoa(r.Layers)})
}
