package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/examples/transformer"
)

func newCalibrate(e *env) *cobra.Command {
	var x example
	cmd := &cobra.Command{
		Use:   "calibrate TEXT -m MODEL -o FILE",
		Short: "Write what a model does with a text, for palettize compress --calibration",
		Long: `calibrate runs MODEL over TEXT, a file, - for standard input, and writes
E[x x^T] of the inputs x of each linear layer under the name of its weights, the mean over all
tokens, and how often each token was looked up. Then it gives one matrix after the other noise, and
notes how far that takes what the model says next from what it said. Some thousand tokens of text
like what the model is for are enough.`,
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
		calibration, err := l.calibrate(ctx, e, texts)
		if err == nil {
			err = l.sense(ctx, e, calibration, sample(slices.Concat(texts...)))
		}
		if err != nil {
			return err
		}
		r.Layers = calibration.Matrices()
		return tensors.Write(f, calibration.Tensors(), map[string]string{
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

// calibrate runs the model over texts, and returns what its layers have seen.
func (l *language) calibrate(ctx context.Context, e *env, texts [][]int) (
	*transformer.Calibration, error) {
	calibration := transformer.NewCalibration()
	l.Watch(calibration.Add)
	defer l.Watch(nil)
	p := cli.NewProgress(e.stderr, e.quiet, int64(count(texts)))
	defer p.Close()
	done := 0
	for _, tokens := range texts {
		calibration.Look(l.Table(), l.Vocabulary(), tokens)
		// The logits of each token are asked for, so that the output matrix has its inputs.
		err := l.logits(ctx, tokens, func([]float32) {
			done++
			p.Update(int64(done))
		})
		if err != nil {
			return nil, err
		}
	}
	return calibration, nil
}

// logits calls see with those behind each token of a text.
func (l *language) logits(ctx context.Context, tokens []int, see func(logits []float32)) error {
	text, err := l.NewText(len(tokens))
	if err != nil {
		return err
	}
	return text.AppendEach(ctx, tokens, see)
}

// sample returns pieces of a long text, spread over it, that sensitivities are measured on.
func sample(tokens []int) (pieces [][]int) {
	const most, length = 4, 64
	n := min(most, (len(tokens)+length-1)/length)
	for i := range n {
		from := i * len(tokens) / n
		pieces = append(pieces, tokens[from:min(from+length, len(tokens))])
	}
	return pieces
}

// sense measures what errors of the model's matrices cost its answers: the divergence of what comes
// after each token of some texts.
func (l *language) sense(ctx context.Context, e *env, calibration *transformer.Calibration,
	texts [][]int) error {
	var were [][]float32
	for _, tokens := range texts {
		if err := l.logits(ctx, tokens, func(logits []float32) {
			were = append(were, slices.Clone(logits))
		}); err != nil {
			return err
		}
	}
	p := cli.NewProgress(e.stderr, e.quiet, int64(calibration.Matrices()))
	defer p.Close()
	done := int64(0)
	return calibration.Sense(ctx, l.model,
		func(other *codebook.Model) (sum float64, err error) {
			d, err := transformer.NewDecoder(ctx, other, l.config, e.threads)
			if err != nil {
				return 0, err
			}
			places, disturbed := 0, language{Decoder: d}
			for _, tokens := range texts {
				if err := disturbed.logits(ctx, tokens, func(logits []float32) {
					sum += transformer.Divergence(were[places], logits)
					places++
				}); err != nil {
					return 0, err
				}
			}
			return sum / float64(places), nil
		},
		func() { done++; p.Update(done) })
}
