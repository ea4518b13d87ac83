package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/verify"
	"github.com/palettize/palettize/format"
)

type verifyOptions struct {
	input          string
	threads, batch int
	kernel         string
	seed           uint64
	as             outputForm
	maxError       errorLimit
	minSpeedup     float64
	gates          []string // names of the gate flags that were given
}

func (o *verifyOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.input, "input", "", "inputs from `FILE`, a safetensors file with tensors "+
		"[n, columns] named like the layers (default: Gaussian)")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the Gaussian inputs")
	f.IntVar(&o.batch, "batch", 1, "vectors multiplied at once")
	f.IntVar(&o.threads, "threads", 1, "threads to multiply with, dense and compiled")
	f.StringVar(&o.kernel, "kernel", "",
		"use no kernels beyond `TIER`, a name from palettize cpu (default: the best)")
	o.as.addFlags(f, "print JSON")
	f.Var(&o.maxError, "max-error", "gate: weight error, or without MODEL output error, of at "+
		"most `E` in each layer; total:E for all layers together")
	f.Float64Var(&o.minSpeedup, "min-speedup", 0,
		"gate: total speed-up over dense float32 of at least `X`")
}

func newVerify(env *env) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify CODEBOOK [MODEL]",
		Short: "Compare the compiled layers with dense matrix multiplication",
		Long: `verify multiplies each layer of CODEBOOK straight from its codebook and as a dense
float32 matrix, and reports the errors and the times. With MODEL, the original, the dense matrix
is the original weight and the weight error is known; without it the rebuilt weights stand in, and
the output error is that of the kernels alone. A MODEL that the file was not made from is an
error: its weights are held against sums that the file has to six digits, what passed through or
was kept as F16 against the checksums. Times come from passes through all layers in order, as a
forward pass walks them. ` +
			fmt.Sprintf("Layers with a speed-up below %v count as slower than dense.",
				verify.SlowerBelow) + `

Errors are relative: the root of the squared differences over the squared values. The table has what
fits 120 characters: error is the weight error, output the output error, us the compiled time.
--markdown and --json have all, also the kernel error, against exact arithmetic on the same
centroids, and what it can be at most for these inputs, as codebook/bound.go proves.

--max-error E holds the weight error of each layer against E and names those that miss it,
--max-error total:E that of all layers together; without MODEL both hold the output error.

` + exitHelp(true),
		Example: `  palettize verify model.pal model.safetensors
  palettize verify model.pal model.safetensors \
    --max-error 0.1 --min-speedup 2 --markdown`,
		Args: takes(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, gate := range []string{"max-error", "min-speedup"} {
				if cmd.Flags().Changed(gate) {
					o.gates = append(o.gates, gate)
				}
			}
			return runVerify(cmd.Context(), env, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runVerify(ctx context.Context, env *env, o verifyOptions, args []string) error {
	opts, err := o.options()
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if err := inOrder(args[0], args[1]); err != nil {
			return err
		}
	}
	book, err := openCodebook(ctx, args[0])
	if err != nil {
		return err
	}
	defer book.Close()
	layers, err := namedLayers(book, "verify")
	if err != nil {
		return err
	}
	opts.BytesIn, opts.BytesOut = originalBytes(book, layers), book.Size()
	if len(args) == 2 {
		model, err := openOriginal(ctx, args[1], book, layers)
		if err != nil {
			return err
		}
		defer model.Close()
		opts.Truth, opts.BytesIn = model, model.Size()
	}
	if o.input != "" {
		inputs, err := openInputs(o.input, layers)
		if err != nil {
			return err
		}
		defer inputs.Close()
		opts.Inputs = inputs
	}
	bar := env.newProgress(false)
	opts.Progress = bar.update
	result, err := verify.Run(ctx, layers, opts)
	bar.close()
	if mismatch := new(verify.MismatchError); errors.As(err, &mismatch) {
		return notTheModel(args[1], book, err)
	}
	if err != nil {
		return inFile(args[0], err)
	}
	if err := env.show((*verification)(result), o.as); err != nil {
		return err
	}
	return o.checkGates(result)
}

func (o *verifyOptions) options() (verify.Options, error) {
	opts := verify.Options{Seed: o.seed, Batch: o.batch, Threads: o.threads}
	switch {
	case o.batch < 1:
		return opts, usagef("--batch %d", o.batch)
	case o.threads < 1:
		return opts, usagef("--threads %d", o.threads)
	case slices.Contains(o.gates, "min-speedup") && !(o.minSpeedup > 0):
		return opts, usagef("--min-speedup %v", o.minSpeedup)
	}
	var err error
	opts.Kernels, err = kernelSet(o.kernel)
	return opts, err
}

// checkGates returns an error that names every gate that was given and missed.
func (o *verifyOptions) checkGates(v *verify.Report) error {
	var missed []string
	for _, gate := range o.gates {
		var miss string
		switch gate {
		case "max-error":
			miss = o.maxError.missed(v)
		case "min-speedup":
			if !(v.Total.Speedup >= o.minSpeedup) {
				miss = fmt.Sprintf("total speed-up is %.4g, wanted at least %.4g",
					v.Total.Speedup, o.minSpeedup)
			}
		}
		if miss != "" {
			missed = append(missed, "--"+gate+": "+miss)
		}
	}
	if missed == nil {
		return nil
	}
	return &gateError{missed}
}

// missed says what exceeds the limit, "" where nothing does.
func (l errorLimit) missed(v *verify.Report) string {
	beyond := v.Beyond(l.Most, l.Total)
	if len(beyond) == 0 {
		return ""
	}
	of := strings.TrimSuffix(beyond[0].Of, "s") + " error" // of the weights or of the output
	if l.Total {
		return fmt.Sprintf("total %s is %.4g, wanted at most %.4g", of, beyond[0].Error, l.Most)
	}
	const named = 3
	var names []string
	for _, b := range beyond[:min(named, len(beyond))] {
		names = append(names, fmt.Sprintf("%s at %.4g", printable(b.Tensor), b.Error))
	}
	text := fmt.Sprintf("%s is beyond %.4g in %d of %d layers: %s",
		of, l.Most, len(beyond), len(v.Layers), strings.Join(names, ", "))
	if more := len(beyond) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// namedLayers lists the layers of a codebook file. One without any has nothing to do something
// with.
func namedLayers(book *format.Codebook, something string) ([]verify.Layer, error) {
	layers := layersIn(book)
	if len(layers) == 0 {
		return nil, fmt.Errorf("%s: has no layers, nothing to %s", book.Path(), something)
	}
	return layers, nil
}

// layersIn lists the layers of a codebook file, which may have none.
func layersIn(book *format.Codebook) (layers []verify.Layer) {
	for _, info := range book.Info().Layers {
		read := func(ctx context.Context) (*codebook.Layer, error) {
			l, _, err := book.Layer(ctx, info.Tensor.Name)
			return l, err
		}
		layers = append(layers, verify.Layer{
			Tensor: info.Tensor, Bytes: info.Bytes, Recorded: &info.Distortion, Read: read,
		})
	}
	return layers
}

// originalBytes is what the original's values took, the size of its file less its header.
func originalBytes(book *format.Codebook, layers []verify.Layer) int64 {
	var bytes int64
	for _, l := range layers {
		bytes += l.Tensor.Bytes
	}
	for _, t := range book.Rest().Tensors() {
		bytes += t.Bytes
	}
	return bytes
}

// openOriginal opens the model that a codebook file was made from, as far as its tensors tell.
func openOriginal(ctx context.Context, name string, book *format.Codebook,
	layers []verify.Layer) (*format.File, error) {
	model, err := openModel(name)
	if err != nil {
		return nil, err
	}
	if len(book.Info().Stacks) == 0 { // it may be older than stacks that are taken apart
		model = model.Whole()
	}
	err = sameModel(book, layers, model)
	if err == nil {
		err = sameRest(ctx, book, model)
	}
	if err != nil {
		model.Close()
		return nil, err
	}
	return model, nil
}

// sameModel checks that the codebook can have been made from the model: the same tensors, by name,
// type and shape.
func sameModel(book *format.Codebook, layers []verify.Layer, model *format.File) error {
	tensors := book.Rest().Tensors()
	rest := len(tensors)
	for _, l := range layers {
		tensors = append(tensors, l.Tensor)
	}
	inModel := make(map[string]codebook.Tensor)
	for _, t := range model.Tensors() {
		inModel[t.Name] = t
	}
	for i, t := range tensors {
		m, ok := inModel[t.Name]
		if i >= rest {
			m = m.Unscaled() // a layer has taken in its scales
		}
		switch {
		case !ok:
			return notTheModel(model.Path(), book, fmt.Errorf("it has no tensor %q", t.Name))
		case m.DType != t.DType || !slices.Equal(m.Shape, t.Shape):
			return notTheModel(model.Path(), book, fmt.Errorf("tensor %q is %s %s, wanted %s %s",
				t.Name, m.DType, shapeText(m.Shape), t.DType, shapeText(t.Shape)))
		}
		delete(inModel, t.Name)
	}
	for _, t := range model.Tensors() {
		if _, extra := inModel[t.Name]; extra {
			return notTheModel(model.Path(), book,
				fmt.Errorf("its tensor %q is not in there", t.Name))
		}
	}
	return nil
}

// sameRest checks what passed through, bit for bit.
func sameRest(ctx context.Context, book *format.Codebook, model *format.File) error {
	name, err := book.Changed(ctx, model)
	if err != nil || name == "" {
		return err
	}
	return notTheModel(model.Path(), book,
		fmt.Errorf("tensor %q has other values than the one that passed through", name))
}

// notTheModel says that a codebook file was not made from a model.
func notTheModel(model string, book *format.Codebook, why error) error {
	return fmt.Errorf("%s: not the model of %s: %w", model, book.Path(), why)
}

// openInputs opens a file of inputs for layers.
func openInputs(name string, layers []verify.Layer) (*format.File, error) {
	inputs, err := openModel(name)
	if err != nil {
		return nil, err
	}
	if err := usableInputs(inputs, layers); err != nil {
		inputs.Close()
		return nil, err
	}
	return inputs, nil
}

// usableInputs checks that the file holds inputs for these layers and nothing else, so that a wrong
// name or shape does not turn into Gaussian inputs unnoticed.
func usableInputs(inputs *format.File, layers []verify.Layer) error {
	for _, t := range inputs.Tensors() {
		of := func(l verify.Layer) bool { return l.Tensor.Name == t.Name }
		i := slices.IndexFunc(layers, of)
		if i < 0 {
			return fmt.Errorf("%s: tensor %q is named like no layer", inputs.Path(), t.Name)
		}
		_, cols, _ := layers[i].Tensor.Matrix()
		if !t.Float() || len(t.Shape) != 2 || t.Shape[0] < 1 || t.Shape[1] != cols {
			return fmt.Errorf("%s: tensor %q is %s %s, wanted floats [n, %d]",
				inputs.Path(), t.Name, t.DType, shapeText(t.Shape), cols)
		}
	}
	return nil
}
