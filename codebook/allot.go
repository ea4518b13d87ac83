package codebook

import (
	"context"
	"errors"
	"fmt"

	"github.com/palettize/palettize/kernels"
)

const (
	// DefaultBits is what a weight takes when nothing else is asked for.
	DefaultBits = 4
	// MinBits and MaxBits are the rates that can be asked for: below, matrices become zeros but for a few weights; above,
	// 255 levels are too few, and more and more weights become outliers.
	MinBits, MaxBits = 0.5, 6.5
)

// budget is what the options ask of all layers together.
func (o Options) budget(weights, signal float64) goal {
	if o.Bits > 0 {
		return goal{bytes: o.Bits * weights / 8}
	}
	return goal{noise: o.MaxError * o.MaxError * signal}
}

// Validate reports what is wrong with the scheme, or with the rate that is asked for.
func (o Options) Validate() error {
	if err := o.Scheme.Validate(); err != nil {
		return err
	}
	switch {
	case o.Scheme.Name != "trellis" && (o.Bits != 0 || o.MaxError != 0):
		return fmt.Errorf("bits and errors can be chosen with scheme trellis, not %s", o.Scheme.Name)
	case o.Bits != 0 && o.MaxError != 0:
		return fmt.Errorf("bits and an error are asked for: one follows from the other")
	case o.MaxError != 0 && !(o.MaxError > 0 && o.MaxError < 1):
		return fmt.Errorf("an error of %v: it can be more than 0 and less than 1", o.MaxError)
	case o.Bits != 0 && !(o.Bits >= MinBits && o.Bits <= MaxBits):
		return fmt.Errorf("%v bits a weight: there can be %v to %v", o.Bits, MinBits, MaxBits)
	}
	return nil
}

// withDefaults returns the options with what their zero values stand for.
func (o Options) withDefaults() (Options, error) {
	if o.Scheme == (Scheme{}) {
		o.Scheme = Schemes()[0]
	}
	if o.Scheme.Name == "trellis" && o.Bits == 0 && o.MaxError == 0 {
		o.Bits = DefaultBits
	}
	var err error
	if o.Kernels == nil {
		o.Kernels, err = kernels.Best()
	}
	return o, errors.Join(err, o.Validate())
}

// allotment is what a matrix is to take.
type allotment struct {
	sketch *sketch
	step   step
	goal   goal
}

// build makes the layer of the weights that were sketched.
func (a *allotment) build(ctx context.Context, w []float32, threads int) (*Layer, error) {
	c := a.sketch.whole
	c.w, c.levels, c.threads = w, make([]byte, len(w)), threads
	s, found, err := c.meet(ctx, a.step, a.goal, a.sketch.overhead)
	if err != nil {
		return nil, err
	}
	l := &Layer{Rows: c.rows, Cols: c.cols, Width: 1}
	return l, c.finish(ctx, l, s, found)
}

// buildTrellis makes a layer of w that takes the bits, or leaves the error, of the options: header apart, which
// it has none of yet.
func buildTrellis(ctx context.Context, w []float32, rows, cols int, opts Options) (*Layer, error) {
	threads := threadCount(opts.Threads)
	s := newSketch(newCoding(w, rows, cols, opts.Scheme.States, threads, opts.Kernels, unknown), 0)
	step, goals, err := share(ctx, []*sketch{s}, opts.budget(s.weights(), s.signal), threads)
	if err != nil {
		return nil, err
	}
	return (&allotment{s, step, goals[0]}).build(ctx, w, threads)
}

// sketch notes what a matrix would take for any step.
func (c *compression) sketch(ctx context.Context, t Tensor) error {
	w, reason, err := c.read(t)
	if err != nil || reason != "" {
		return err
	}
	rows, cols, _ := t.Matrix()
	threads, in := threadCount(c.opts.Threads), unknown
	if c.opts.Moments != nil {
		moments, err := c.opts.Moments(t.Name, cols)
		if err != nil {
			return err
		}
		if in, err = newSensitivity(ctx, w, cols, moments, threads); err != nil {
			return fmt.Errorf("second moments: %w", err)
		}
	}
	s := newSketch(newCoding(w, rows, cols, c.opts.Scheme.States, threads, c.opts.Kernels, in), c.dst.Overhead(t))
	c.sketches = append(c.sketches, s)
	c.shares[t.Name] = &allotment{sketch: s}
	return nil
}

// allot divides what the options ask for among the matrices.
func (c *compression) allot(ctx context.Context) error {
	weights, signal := 0.0, 0.0
	for _, s := range c.sketches {
		weights += s.weights()
		signal += s.signal
	}
	step, goals, err := share(ctx, c.sketches, c.opts.budget(weights, signal), threadCount(c.opts.Threads))
	if err != nil {
		return err
	}
	i := 0
	for _, t := range c.src.Tensors() {
		if a := c.shares[t.Name]; a != nil {
			a.step, a.goal = step, goals[i]
			i++
		}
	}
	return nil
}
