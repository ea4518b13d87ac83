package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
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
		Short: "Write what a model does with texts, for palettize compress --calibration",
		Long: `calibrate runs MODEL over TEXTS, a text a line, - for standard input, and writes
E[x x^T] of the inputs x of each linear layer under the name of its weights, the mean over all
tokens, and how often each token was looked up. Then it gives one matrix after the other noise, and
notes how far that turns the vectors of some of the texts. Some thousand tokens of text like what
the model is for are enough.`,
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
	Layers int    `json:"layers"` // the table of tokens among them
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
	calibration := transformer.NewCalibration()
	m.Watch(calibration.Add)
	r := calibrated{File: o.output}
	var sample sample
	p := e.newProgress(t.size)
	err = t.chunks(ctx, func(texts []string) error {
		var sentences [][]int
		for _, text := range texts {
			if strings.TrimSpace(text) != "" { // else what ends one would count
				tokens := m.words.Encode(nil, text)
				calibration.Look(m.Table(), m.Vocabulary(), tokens)
				sentences = append(sentences, tokens)
				sample.add(tokens)
				r.Tokens += len(tokens)
			}
		}
		r.Texts += len(sentences)
		err := m.Embed(ctx, make([]float32, len(sentences)*m.Width()), sentences)
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
	m.Watch(nil)
	if err := m.sense(ctx, e, calibration, sample.kept); err != nil {
		return err
	}
	r.Layers = calibration.Matrices()
	err = cli.Create(o.output, o.force, func(f *os.File) error {
		return tensors.Write(f, calibration.Tensors(), map[string]string{
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

// sampled is how many texts the sensitivities are measured on, up to twice as many.
const sampled = 64

// sample keeps some of a list of texts, spread over all of it.
type sample struct {
	kept     [][]int
	seen, of int // every so many-th is kept
}

func (s *sample) add(tokens []int) {
	s.of = max(s.of, 1)
	if s.seen%s.of == 0 {
		s.kept = append(s.kept, tokens)
	}
	if s.seen++; len(s.kept) == 2*sampled {
		for i := range sampled {
			s.kept[i] = s.kept[2*i]
		}
		s.kept, s.of = s.kept[:sampled], 2*s.of
	}
}

// sense measures what errors of the model's matrices cost its vectors of texts: by how much the
// mean cosine falls.
func (m *embedder) sense(ctx context.Context, e *env, calibration *transformer.Calibration,
	texts [][]int) error {
	were := make([]float32, len(texts)*m.Width())
	if err := m.Embed(ctx, were, texts); err != nil {
		return err
	}
	is := make([]float32, len(were))
	p := e.newProgress(int64(calibration.Matrices()))
	defer p.Close()
	done := int64(0)
	return calibration.Sense(ctx, m.model,
		func(other *codebook.Model) (float64, error) {
			encoder, err := transformer.NewEncoder(ctx, other, m.config, e.threads)
			if err == nil {
				err = encoder.Embed(ctx, is, texts)
			}
			return 1 - dot(were, is)/float64(len(texts)), err
		},
		func() { done++; p.Update(done) })
}
