package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/examples/transformer"
)

type calibrateOptions struct {
	source
	output string
	force  bool
}

func newCalibrate(e *env) *cobra.Command {
	var o calibrateOptions
	cmd := &cobra.Command{
		Use:   "calibrate TEXTS -m MODEL -o FILE",
		Short: "Write what enters a model's linear layers, for palettize compress --calibration",
		Long: `calibrate runs MODEL over TEXTS, a text a line, - for standard input, and writes
E[x x^T] of the inputs x of each linear layer under the name of its weights, the mean over all
tokens. Some thousand tokens of text like what the model is for are enough.`,
		Example: "  encoder calibrate texts.txt -m model.safetensors -o moments.safetensors\n" +
			"  palettize compress model.safetensors --calibration moments.safetensors",
		Args: cli.Takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCalibrate(cmd.Context(), e, o, args[0])
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "the file to write")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace a file that is there")
	return cmd
}

// calibrated is what calibrate reports.
type calibrated struct {
	File   string `json:"file"`
	Texts  int    `json:"texts"`
	Tokens int    `json:"tokens"`
	Layers int    `json:"layers"`
}

func runCalibrate(ctx context.Context, e *env, o calibrateOptions, name string) error {
	if o.output == "" {
		return cli.Usagef("--output is missing")
	}
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
	moments := transformer.NewMoments()
	m.Watch(moments.Add)
	r := calibrated{File: o.output}
	p := e.newProgress(t.size)
	err = t.chunks(ctx, func(texts []string) error {
		var said []string // a line without text would count as what ends one
		for _, text := range texts {
			if strings.TrimSpace(text) != "" {
				said = append(said, text)
			}
		}
		r.Texts += len(said)
		_, err := m.embed(ctx, said)
		p.Update(t.done)
		return err
	})
	p.Close()
	switch {
	case err != nil:
		return err
	case r.Texts == 0:
		return fmt.Errorf("%s: has no text", t.name)
	}
	means := moments.Means()
	r.Tokens, r.Layers = m.tokens, len(means)
	err = cli.Create(o.output, o.force, func(f *os.File) error {
		return tensors.Write(f, means, map[string]string{
			"texts": strconv.Itoa(r.Texts), "tokens": strconv.Itoa(r.Tokens),
		})
	})
	if err != nil {
		return err
	}
	return e.report(r,
		[2]string{"file", r.File},
		[2]string{"texts", fmt.Sprintf("%d of %d tokens", r.Texts, r.Tokens)},
		[2]string{"layers", strconv.Itoa(r.Layers)})
}
