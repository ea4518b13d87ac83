package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/codebook/verify"
	"github.com/palettize/palettize/format"
)

type reportOptions struct {
	out, planIn  string
	force, speed bool
}

func newReport(env *env) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report CODEBOOK [MODEL] [-o OUT]",
		Short: "Write a page about a codebook file, to look at in a browser",
		Long: `report writes one HTML file, which loads nothing else and works without a network: what
each layer takes and which error it has, the worst first, in a table that sorts and in plots, what
passed through and why, and how the file was made. A click on a layer shows it in all plots.

With MODEL, the original, there are also histograms of the weights before and after; a MODEL that
the file was not made from is an error. --plan-in adds what each layer could have had, as compress
--plan-out FILE wrote it. --speed multiplies with all layers, as verify does: what it finds depends
on the machine and its load.

The file does not record why a matrix has no layer: the page says what follows from its name, type
and shape, else that it was left out. Of more than ` +
			grouped(mostPageLayers) + ` layers it has those with the largest errors.

` + exitHelp(false),
		Example: `  palettize report model.pal
  palettize report model.pal model.safetensors --speed -o report.html`,
		Args: takes(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReport(cmd.Context(), env, o, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.out, "output", "o", "", "file to write (default CODEBOOK with .html)")
	f.BoolVar(&o.force, "force", false, "overwrite the output")
	f.StringVar(&o.planIn, "plan-in", "",
		"show what each layer could have had, by `FILE` of compress --plan-out")
	f.BoolVar(&o.speed, "speed", false, "measure each layer beside dense float32, on one thread")
	return cmd
}

func runReport(ctx context.Context, env *env, o reportOptions, args []string) error {
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
	file, err := openModel(args[0]) // which is not to be overwritten
	if err != nil {
		return err
	}
	defer file.Close()
	sources := []*format.File{file}
	r := &modelReport{book: book, heads: layersIn(book)}
	if len(r.heads) == 0 {
		return fmt.Errorf("%s: has no layers, nothing to report", book.Path())
	}
	if len(args) == 2 {
		if r.model, err = openOriginal(ctx, args[1], book, r.heads); err != nil {
			return err
		}
		defer r.model.Close()
		sources = append(sources, r.model)
	}
	if o.planIn != "" {
		if r.rates, err = readRates(o.planIn, book.Path(), r.heads); err != nil {
			return err
		}
	}
	out := o.out
	if out == "" {
		out = besideModel(book, args[0], "", ".html", ".html")
	}
	size := 0
	err = format.WriteFile(ctx, out, func() ([]byte, error) {
		page, err := r.page(ctx, env, o.speed)
		size = len(page)
		return page, err
	}, o.force, sources...)
	if err != nil {
		return hintForce(err)
	}
	return env.print(fmt.Sprintf("%s: %s bytes\n", out, grouped(int64(size))))
}

// modelReport is what a page is made of.
type modelReport struct {
	book  *format.Codebook
	heads []verify.Layer
	model *format.File               // nil: it is not there
	rates map[string][]compress.Rate // what layers could have had; nil: not known

	*inspectReport
	bytesIn    int64                        // of the original
	histograms map[string]*verify.Histogram // by layer, of those that a model is there for
	speed      *verify.Report               // nil: not measured
}

// readRates reads what the layers of a codebook file could have had from the plan that it was made
// by.
func readRates(name, book string, heads []verify.Layer) (map[string][]compress.Rate, error) {
	plan, err := readAllocation(name)
	if err != nil {
		return nil, err
	}
	matrices := make(map[string]compress.Allotted)
	for _, m := range plan.Matrices {
		matrices[m.Tensor] = m
	}
	rates := make(map[string][]compress.Rate)
	for _, l := range heads {
		switch m, ok := matrices[l.Tensor.Name]; {
		case !ok:
			return nil, fmt.Errorf("%s: not the plan of %s: it has nothing for %q", name, book,
				l.Tensor.Name)
		case m.Weights != l.Tensor.Elements():
			return nil, fmt.Errorf("%s: not the plan of %s: tensor %q has %d weights, wanted %d", name,
				book, l.Tensor.Name, m.Weights, l.Tensor.Elements())
		default:
			rates[l.Tensor.Name] = m.Rates
		}
	}
	return rates, nil
}

// page finds out what is to be known and writes the page.
func (r *modelReport) page(ctx context.Context, env *env, speed bool) ([]byte, error) {
	bar := env.newProgress(false)
	defer bar.close()
	if err := r.read(ctx, bar); err != nil {
		return nil, err
	}
	if speed {
		if err := r.measure(ctx, bar); err != nil {
			return nil, err
		}
	}
	bar.close()
	return []byte(newPage(r).html()), nil
}

// read reads each layer and, where there is a model, its original, one at a time.
func (r *modelReport) read(ctx context.Context, bar *progress) (err error) {
	r.bytesIn = originalBytes(r.book, r.heads)
	if r.model != nil {
		r.bytesIn = r.model.Size()
	}
	r.histograms = make(map[string]*verify.Histogram)
	var now codebook.Progress
	for _, l := range r.heads {
		now.Total += l.Tensor.Bytes
	}
	r.inspectReport, err = inspectBook(ctx, r.book, func(i int, layer *codebook.Layer) error {
		l := r.heads[i]
		if r.model != nil {
			h, err := r.histogram(ctx, l, layer)
			if err != nil {
				return err
			}
			r.histograms[l.Tensor.Name] = h
		}
		now.Tensor, now.Done = l.Tensor.Name, now.Done+l.Tensor.Bytes
		bar.update(now)
		return nil
	})
	if err == nil {
		err = r.explain(ctx)
	}
	return err
}

// histogram compares a layer with its original.
func (r *modelReport) histogram(ctx context.Context, l verify.Layer, layer *codebook.Layer) (
	*verify.Histogram, error) {
	w, err := r.model.Floats(ctx, l.Tensor.Name)
	if err != nil {
		return nil, err
	}
	h, err := l.Histogram(layer, l.Tensor.Arranged(w), runtime.GOMAXPROCS(0))
	if mismatch := new(verify.MismatchError); errors.As(err, &mismatch) {
		err = &codebook.TensorError{Tensor: l.Tensor.Name, Err: err}
		return nil, notTheModel(r.model.Path(), r.book, err)
	}
	return h, err
}

// measure multiplies with the layers, as verify does by default.
func (r *modelReport) measure(ctx context.Context, bar *progress) error {
	opts := verify.Options{BytesIn: r.bytesIn, BytesOut: r.book.Size(), Progress: bar.update}
	if r.model != nil {
		opts.Truth = r.model
	}
	var err error
	if r.speed, err = verify.Run(ctx, r.heads, opts); err != nil {
		return inFile(r.book.Path(), err)
	}
	return nil
}

// explain notes why tensors have no layer, as far as that follows from what the header says.
func (r *modelReport) explain(ctx context.Context) error {
	info := r.book.Info()
	var all headers
	for _, l := range info.Layers {
		all = append(all, l.Tensor)
	}
	all = append(all, info.Tensors...)
	found, err := compress.Preview(ctx, nil, all, recordedOptions(info.Settings))
	if err != nil {
		return err
	}
	reasons := make(map[string]string)
	for _, e := range found.Entries {
		reasons[e.Tensor.Name] = e.Reason
	}
	for i := range r.Tensors {
		t := &r.Tensors[i]
		if t.layerFacts != nil {
			continue
		}
		if t.Reason = reasons[t.Name]; t.Reason == "" {
			t.Reason = "left out when the file was made, by its name or its values"
		}
	}
	return nil
}

// headers are the tensors of a model without their values.
type headers []codebook.Tensor

func (h headers) Tensors() []codebook.Tensor { return h }

func (h headers) Floats(_ context.Context, name string) ([]float32, error) {
	return nil, &codebook.TensorError{Tensor: name, Err: errors.New("only its header is known")}
}

// recordedOptions are those that a codebook file records, the defaults where another program has
// written something else.
func recordedOptions(settings string) compress.Options {
	var with struct{ Calibrated, Planned bool }
	var opts compress.Options
	_ = json.Unmarshal([]byte(settings), &with) // what is wrong with it, the next one finds
	if with.Planned {
		opts.Allocation = new(compress.Allocation)
	}
	if with.Calibrated {
		opts.Moments = func(context.Context, string, int) (*moments.Moments, error) {
			return nil, nil
		}
	}
	if json.Unmarshal([]byte(settings), &opts) != nil {
		return compress.Options{}
	}
	return opts
}
