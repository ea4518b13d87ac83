package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// inspectReport says what is in a file.
type inspectReport struct {
	File     string            `json:"file"`
	Size     int64             `json:"size"`
	Codebook *codebookFacts    `json:"codebook,omitempty"` // absent for an ordinary file
	Metadata map[string]string `json:"metadata"`           // of the original model
	Tensors  []tensorFacts     `json:"tensors"`            // first the layers, then the rest
	all      bool              // in text, each tensor on a line of its own
}

// codebookFacts is what only codebook files have.
type codebookFacts struct {
	Version     int             `json:"version"` // of the format
	Producer    string          `json:"producer"`
	Settings    json.RawMessage `json:"settings,omitempty"`
	Layers      int             `json:"layers"`
	Weights     int64           `json:"weights"`      // in the layers
	BitsStored  float64         `json:"bits_stored"`  // a weight of the layers
	WeightError float64         `json:"weight_error"` // of all layers, as compress measured it
	worstFacts
}

func newInspect(env *env) *cobra.Command {
	var as outputForm
	var all bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "List what is in a codebook file or a safetensors file",
		Long: `inspect lists the tensors of a safetensors file. Of a codebook file it also shows how
each layer is stored: scheme, bits a weight in the file and in memory while multiplying on this
machine, and the error measured when it was made. Every checksum is checked. Tensors that are no
matrices of floats share a line, and so do the slices of a stack, such as the experts of a mixture
in one tensor; --all lists each. --json does so too, and names the plan that multiplies a layer
here.

` + exitHelp(false),
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := inspectFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			report.all = all
			return env.show(report, as)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&all, "all", false, "list vectors, integers, single values, slices one by one")
	as.addFlags(cmd.Flags(), "print JSON, with each tensor")
	return cmd
}

func inspectFile(ctx context.Context, name string) (*inspectReport, error) {
	f, err := openModel(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if format.IsCodebook(f) {
		return inspectCodebook(ctx, name)
	}
	report := &inspectReport{File: name, Size: f.Size(), Metadata: f.Metadata()}
	report.add(f.Tensors(), nil)
	return report, nil
}

func inspectCodebook(ctx context.Context, name string) (*inspectReport, error) {
	book, err := format.OpenCodebook(ctx, name)
	if err != nil {
		return nil, err
	}
	defer book.Close()
	return inspectBook(ctx, book, func(int, *codebook.Layer) error { return nil })
}

// inspectBook reads each layer once, and gives it to each with its place in the file.
func inspectBook(ctx context.Context, book *format.Codebook,
	each func(i int, layer *codebook.Layer) error) (*inspectReport, error) {
	info := book.Info()
	facts := &codebookFacts{Version: info.Version, Producer: info.Producer}
	if json.Valid([]byte(info.Settings)) { // another program may have written something else
		facts.Settings = json.RawMessage(info.Settings)
	}
	report := &inspectReport{
		File: book.Path(), Size: info.Size, Codebook: facts, Metadata: info.Metadata,
	}
	var layers compress.Report
	for i, l := range info.Layers {
		layer, _, err := book.Layer(ctx, l.Tensor.Name)
		if err != nil {
			return nil, err
		}
		entry := compress.Entry{
			Tensor: l.Tensor, Layer: &l.Scheme, Bytes: l.Bytes, Distortion: l.Distortion,
		}
		t := newTensorFacts(entry)
		if err := t.setResident(layer); err != nil {
			return nil, err
		}
		if err := each(i, layer); err != nil {
			return nil, err
		}
		report.Tensors = append(report.Tensors, t)
		layers.Entries = append(layers.Entries, entry)
	}
	facts.setTotal(layers.Total(0, info.Size))
	report.add(info.Tensors, info.Narrowed)
	return report, nil
}

func (f *codebookFacts) setTotal(t compress.Total) {
	f.Layers, f.Weights, f.worstFacts = t.Compressed, t.Weights, newWorstFacts(t)
	f.BitsStored, f.WeightError = t.BitsStored, t.WeightError
}

// add takes in tensors without a layer, those of some names kept as F16, the others as they are.
func (r *inspectReport) add(tensors []codebook.Tensor, narrowed map[string]bool) {
	for _, t := range tensors {
		entry := compress.Entry{Tensor: t, Narrowed: narrowed[t.Name]}
		r.Tensors = append(r.Tensors, newTensorFacts(entry))
	}
}

// setResident adds what only the layer itself says: what it takes in memory, the plan that needs
// that, its windows.
func (t *tensorFacts) setResident(layer *codebook.Layer) error {
	plan, err := layer.Plan(codebook.RunOptions{})
	if err != nil {
		return err
	}
	t.Resident, t.Plan = float64(plan.BitsResident())/float64(layer.Rows*layer.Cols), plan.Name()
	t.WindowBits = layer.WindowBits
	return nil
}
