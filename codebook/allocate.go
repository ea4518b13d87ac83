package codebook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Allocation says what each matrix of a model that is to be compressed is to take.
type Allocation struct {
	Matrices []Allotted `json:"matrices"` // in the order of the file
}

// Allotted is what one matrix is to take. Figures are measured on a sample of its rows.
type Allotted struct {
	Tensor  string  `json:"tensor"`
	Weights int64   `json:"weights"`
	Scheme  Scheme  `json:"scheme"`          // the zero value: it has no layer
	Step    int     `json:"step,omitempty"`  // of the quantiser, in 4096ths of an octave (scheme trellis)
	Bytes   float64 `json:"bytes,omitempty"` // not to be exceeded, all counted; 0: Noise is not to be
	Noise   float64 `json:"noise,omitempty"` // sum of squared errors, as the inputs weigh them
	Bits    float64 `json:"bits"`            // a weight, about
	Error   float64 `json:"error"`           // relative, about
	Cap     float64 `json:"cap,omitempty"`   // that the relative error is to stay below; 0: none
	Rates   []Rate  `json:"rates,omitempty"` // what else it could take
}

// Rate is what a matrix could take, and the relative error that it would have.
type Rate struct {
	Bits  float64 `json:"bits"`
	Error float64 `json:"error"`
}

// Validate reports what is wrong with an allocation that came from outside.
func (a *Allocation) Validate() error {
	seen := make(map[string]bool)
	for _, m := range a.Matrices {
		figures := []float64{m.Bytes, m.Noise, m.Bits, m.Error, m.Cap}
		for _, r := range m.Rates {
			figures = append(figures, r.Bits, r.Error)
		}
		switch {
		case seen[m.Tensor]:
			return fmt.Errorf("tensor %q: is there twice", m.Tensor)
		case m.Weights < 1:
			return fmt.Errorf("tensor %q: %d weights", m.Tensor, m.Weights)
		case m.Step < -1024*int(octave) || m.Step > 1024*int(octave):
			return fmt.Errorf("tensor %q: step %d", m.Tensor, m.Step)
		case slices.ContainsFunc(figures, func(v float64) bool { return !(v >= 0 && v <= math.MaxFloat64) }):
			return fmt.Errorf("tensor %q: figures that are no bytes, bits or errors", m.Tensor)
		}
		if err := m.Scheme.Validate(); err != nil && m.Scheme != unchanged {
			return fmt.Errorf("tensor %q: %w", m.Tensor, err)
		}
		seen[m.Tensor] = true
	}
	return nil
}

// Allocate finds what Compress with these options would allot to the matrices of src, and what else they could
// take: candidates at whole bits.
func Allocate(ctx context.Context, dst Sink, src Source, opts Options) (*Allocation, error) {
	c, err := newCompression(dst, src, opts)
	if err != nil {
		return nil, err
	}
	c.progress.Total /= 2
	if err := c.allocate(ctx); err != nil {
		return nil, err
	}
	errs := make([]error, len(c.plans))
	parallel(threadCount(opts.Threads), len(c.plans), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if s := c.plans[i].sketch; s != nil {
				c.plans[i].Rates, errs[i] = s.rates(ctx)
			}
		}
	})
	c.tell("")
	return c.allocation(), errors.Join(errs...)
}

// matrixPlan is a matrix in the making of an allocation.
type matrixPlan struct {
	Allotted
	group   int
	bytes   int64    // without a codebook
	sketch  *sketch  // nil where nothing is to be chosen
	repeats *repeats // nil where rows do not repeat

	contenders []contender // nil where there is no contest
}

// allocate sketches all matrices and divides what the options ask for among those with the same settings.
func (c *compression) allocate(ctx context.Context) error {
	if err := c.walk(ctx, c.sketch); err != nil {
		return err
	}
	// What the first settings have left depends on all the others.
	for group := len(c.opts.Overrides); group >= 0; group-- {
		if err := c.divide(ctx, group); err != nil {
			return c.opts.inGroup(group, err)
		}
	}
	return nil
}

func (c *compression) allocation() *Allocation {
	a := new(Allocation)
	for _, p := range c.plans {
		a.Matrices = append(a.Matrices, p.Allotted)
	}
	return a
}

// sketch notes what a matrix would take for any step.
func (c *compression) sketch(ctx context.Context, t Tensor) error {
	w, reason, err := c.read(t)
	if err != nil || reason != "" {
		return err
	}
	group := c.opts.group(t.Name)
	settings := c.opts.settingsOf(group)
	p := &matrixPlan{
		Allotted: Allotted{Tensor: t.Name, Weights: t.Elements(), Scheme: settings.Scheme},
		group:    group, bytes: c.keptBytes(t, w),
	}
	rows, cols, _ := t.Matrix()
	if s, ok := exactScheme(w, rows, cols, settings); ok {
		p.Scheme = s
	}
	if p.Scheme.anyRate() {
		if p.sketch, err = c.trellis(ctx, t, w, p.Scheme); err != nil {
			return err
		}
		p.sketch.whole.sensitivity.factor = nil // the one large thing in it
		if p.repeats, err = findRepeats(ctx, p.sketch, w, c.opts); err != nil {
			return err
		}
		if x := settings.contest(); x != nil {
			if err := c.contend(ctx, p, w, x); err != nil {
				return err
			}
		}
	} else {
		p.Bytes = float64(p.Scheme.fileBytes(rows, cols, 0))
		p.Bits = 8 * p.Bytes / float64(p.Weights)
	}
	c.plans = append(c.plans, p)
	return nil
}

// coding prepares a matrix for a trellis.
func (c *compression) coding(ctx context.Context, t Tensor, w []float32, s Scheme) (*coding, error) {
	rows, cols, _ := t.Matrix()
	threads, in, table := threadCount(c.opts.Threads), sensitivity{}, isTable(t.Name, rows, cols)
	if c.opts.Moments == nil {
		in = unknownInputs(w, cols, table)
	} else {
		moments, err := c.moments(t.Name, cols)
		if err != nil {
			return nil, err
		}
		if in, err = newSensitivity(ctx, w, cols, table, moments, threads); err != nil {
			return nil, fmt.Errorf("second moments: %w", err)
		}
	}
	return newCoding(w, rows, cols, s.States, threads, c.opts.Kernels, in), nil
}

// isTable reports whether a matrix seems to be one whose rows are looked up one by one, so that each row's error counts
// by itself.
func isTable(name string, rows, cols int) bool {
	const most, least = 16, 32 // no layer has as many times more outputs than inputs; a row scale has to be worth its byte
	return rows >= most*cols && cols >= least || strings.Contains(name, "embed") || strings.Contains(name, "wte.")
}

// moments returns what is known of the inputs of a tensor, nil: nothing. Inputs that were all zero say nothing: the
// calibration data did not reach them.
func (c *compression) moments(tensor string, cols int) (*Moments, error) {
	if c.opts.Moments == nil {
		return nil, nil
	}
	m, err := c.opts.Moments(tensor, cols)
	if m != nil && slices.Max(m.Squares) == 0 {
		m = nil
	}
	return m, err
}

// divide divides what is asked of the matrices of one group among them.
func (c *compression) divide(ctx context.Context, group int) error {
	var members []*matrixPlan
	for _, p := range c.plans {
		if p.group == group && p.sketch != nil {
			members = append(members, p)
		}
	}
	if members == nil {
		return nil
	}
	settings := c.opts.settingsOf(group)
	weights, signal := sums(sketchesOf(members))
	g := settings.goal(weights, signal)
	if group == 0 && c.opts.Size > 0 {
		var err error
		if g, err = c.left(weights); err != nil {
			return err
		}
		settings.Bits = 8 * g.bytes / weights // known now, and fewer than it was about
	}
	if x := settings.contest(); x != nil {
		var err error
		if members, g, err = x.run(members, g, settings.Each); err != nil {
			return err
		}
	}
	return c.share(ctx, members, g, settings.Each)
}

// share divides a goal among matrices that can have any rate. Where rows repeat and storing each once is better than what a
// matrix would get, that is done, and the others get what it leaves.
func (c *compression) share(ctx context.Context, members []*matrixPlan, g goal, each bool) error {
	among := pool
	if each {
		among = equally
	}
	for len(members) > 0 {
		sketches := sketchesOf(members)
		weights, signal := sums(sketches)
		g.bytes = min(g.bytes, trellisBits*weights/8)
		allotments, err := among(ctx, sketches, g, threadCount(c.opts.Threads))
		if err != nil {
			return err
		}
		var rest []*matrixPlan
		for i, p := range members {
			at := allotments[i].goal
			p.set(allotments[i], g.bytes > 0)
			if r := p.repeats; r == nil || r.goal.bytes > at.bytes || r.goal.noise > at.noise {
				rest = append(rest, p)
				continue
			}
			p.Scheme = p.repeats.scheme
			p.set(allotment{goal: p.repeats.goal}, true)
			taken := p.repeats.goal
			if each { // what it does without is not for others
				taken = goal{g.bytes * p.sketch.weights() / weights, g.noise * p.sketch.signal / max(signal, math.SmallestNonzeroFloat64)}
			}
			g.bytes, g.noise = max(g.bytes-taken.bytes, 0), max(g.noise-taken.noise, 0)
		}
		if len(rest) == len(members) {
			return nil
		}
		members = rest
	}
	return nil
}

func sketchesOf(members []*matrixPlan) []*sketch {
	sketches := make([]*sketch, len(members))
	for i, p := range members {
		sketches[i] = p.sketch
	}
	return sketches
}

// set notes what a matrix gets: bytes that are not to be exceeded, or noise.
func (p *matrixPlan) set(at allotment, bytes bool) {
	p.Step, p.Cap = int(at.step), at.cap
	p.Bits = 8 * at.goal.bytes / p.sketch.weights()
	p.Error = relative(at.goal.noise, p.sketch.signal)
	if bytes {
		p.Bytes = at.goal.bytes
	} else {
		p.Noise = at.goal.noise
	}
}

// sampleMargin is how much more a matrix may take than a sample of it lets expect.
const sampleMargin = 1.02

// left returns what a file of the size that is asked for has left for the matrices that no override is for, of so many weights.
func (c *compression) left(weights float64) (goal, error) {
	var layers []string
	rest := 0.0
	for _, p := range c.plans {
		layers = append(layers, p.Tensor)
		switch {
		case p.group == 0 && p.sketch != nil:
		case p.Bytes > 0:
			rest += p.Bytes
		default: // it may take more than the sample says, to leave no more noise than is allotted to it
			rest += sampleMargin * p.Bits * float64(p.Weights) / 8
		}
	}
	rest += float64(c.dst.Rest(layers))
	g := goal{bytes: float64(c.opts.Size) - rest}
	least, most := MinBits*weights/8, MaxBits*weights/8
	if g.bytes < least {
		return g, fmt.Errorf("a file of %d bytes cannot be: what is not to be compressed takes %.0f, the matrices %.0f or more",
			c.opts.Size, rest, least)
	}
	g.bytes = min(g.bytes, most)
	return g, nil
}

// build makes the layer of a matrix that takes what is allotted to it. A scheme that was tried on a sample and leaves more on the
// whole gives way to a trellis.
func (c *compression) build(ctx context.Context, t Tensor, w []float32, a *Allotted) (*Layer, Distortion, error) {
	threads := threadCount(c.opts.Threads)
	l, err := c.buildAs(ctx, t, w, a)
	if err != nil {
		return nil, Distortion{}, err
	}
	d := l.distortion(w, threads)
	if a.Scheme.anyRate() || a.Cap == 0 || d.Relative() <= a.Cap {
		return l, d, nil
	}
	s, err := c.trellis(ctx, t, w, Schemes()[0])
	if err != nil {
		return nil, d, err
	}
	g := goal{noise: a.Cap * a.Cap * s.signal}
	p, err := s.alone(ctx, g)
	if err != nil {
		return nil, d, err
	}
	a.Scheme = Schemes()[0]
	if l, err = s.build(ctx, w, p.step, g); err != nil {
		return nil, d, err
	}
	return l, l.distortion(w, threads), nil
}

// buildAs makes the layer with the scheme that is allotted.
func (c *compression) buildAs(ctx context.Context, t Tensor, w []float32, a *Allotted) (*Layer, error) {
	rows, cols, _ := t.Matrix()
	if a.Scheme.Window != 0 {
		moments, err := c.moments(t.Name, cols)
		if err != nil {
			return nil, err
		}
		return buildWindows(ctx, w, rows, cols, moments, a.Scheme.Window, c.opts)
	}
	if !a.Scheme.anyRate() {
		return Build(ctx, w, rows, cols, a.Scheme, c.opts.alone())
	}
	s, err := c.trellis(ctx, t, w, a.Scheme)
	if err != nil {
		return nil, err
	}
	return s.build(ctx, w, step(a.Step), a.goal())
}

// trellis sketches a matrix that is about to be coded.
func (c *compression) trellis(ctx context.Context, t Tensor, w []float32, s Scheme) (*sketch, error) {
	coding, err := c.coding(ctx, t, w, s)
	if err != nil {
		return nil, err
	}
	return newSketch(coding, c.dst.Overhead(t), c.sampled), nil
}

func (a *Allotted) goal() goal {
	if a.Bytes > 0 {
		return goal{bytes: a.Bytes}
	}
	return goal{noise: a.Noise}
}
