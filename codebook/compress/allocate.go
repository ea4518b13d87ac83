package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/par"
)

// Allocation says what each matrix of a model that is to be compressed is to take.
type Allocation struct {
	Matrices []Allotted `json:"matrices"` // in the order of the file
}

// Allotted is what one matrix is to take. Figures are measured on a sample of its rows.
type Allotted struct {
	Tensor  string `json:"tensor"`
	Weights int64  `json:"weights"`
	// Scheme is that of its layer; the zero value: it is to have no layer.
	Scheme codebook.Scheme `json:"scheme"`
	// Step is the step size of the quantiser, as its logarithm to base 2 times 4096 (scheme
	// trellis).
	Step int `json:"step,omitempty"`
	// Bytes is the most that the layer may take in the file, its header counted; 0: Noise is the
	// limit instead.
	Bytes float64 `json:"bytes,omitempty"`
	// Noise is the most that the sum of the squared errors may be, each weighted by how large the
	// inputs of its column are, where that is known.
	Noise float64 `json:"noise,omitempty"`
	Bits  float64 `json:"bits"`  // a weight, expected
	Error float64 `json:"error"` // relative, expected
	// Cap is the largest relative error that the matrix may have; 0: none is set. None is where
	// moments of its inputs are known: its outputs are held then, whatever its weights' error.
	Cap   float64 `json:"cap,omitempty"`
	Rates []Rate  `json:"rates,omitempty"` // alternatives, for information
}

// Rate is a number of bits that a matrix could take, and the relative error that it would have
// then.
type Rate struct {
	Bits  float64 `json:"bits"`
	Error float64 `json:"error"`
}

// Allocate returns what [Compress] with these options would allot to the matrices of src, and for
// each that is entropy coded the errors at 2, 3, 4, 5 and 6 bits. It writes nothing.
func Allocate(ctx context.Context, dst Sink, src codebook.Source, opts Options) (
	*Allocation, error) {
	c, err := newCompression(ctx, dst, src, opts)
	if err != nil {
		return nil, err
	}
	c.progress.Total /= 2
	if err := c.allocate(ctx); err != nil {
		return nil, err
	}
	err = par.Each(par.Threads(opts.Threads), len(c.members), func(i int) (err error) {
		if s := c.members[i].sketch; s != nil {
			c.members[i].Rates, err = rates(ctx, s)
		}
		return err
	})
	c.tell("")
	return c.allocation(), err
}

// member is one of the matrices that an allocation in the making is for.
type member struct {
	Allotted
	group   int
	bytes   int64          // without a codebook
	sketch  *quant.Sketch  // nil where nothing is to be chosen
	repeats *quant.Repeats // nil where rows do not repeat

	contenders []contender // nil where there is no contest
}

// allocate sketches all matrices and divides what the options ask for among those with the same
// settings.
func (c *compression) allocate(ctx context.Context) error {
	if err := walk(ctx, c, c.sketch, c.join); err != nil {
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
	for _, p := range c.members {
		a.Matrices = append(a.Matrices, p.Allotted)
	}
	return a
}

// rates returns what a matrix has at whole bits.
func rates(ctx context.Context, s *quant.Sketch) ([]Rate, error) {
	var rates []Rate
	for bits := 2.0; bits <= 6; bits++ {
		at, met, err := s.Alone(ctx, quant.Goal{Bytes: bits * s.Weights() / 8})
		if err != nil {
			return nil, err
		}
		if met { // else it is too small a matrix
			rates = append(rates, Rate{bits, s.Relative(at.Noise)})
		}
	}
	return rates, nil
}

// sketch notes what a matrix would take for any step.
func (c *compression) sketch(ctx context.Context, t codebook.Tensor, threads par.Share) (
	*member, error) {
	name := t.Name
	t = c.first(t)
	m, reason, err := c.read(ctx, t, threads)
	if err != nil || reason != "" {
		return nil, err
	}
	group := c.opts.group(t.Name)
	settings := c.opts.settingsOf(group)
	p := &member{
		Allotted: Allotted{Tensor: name, Weights: t.Elements(), Scheme: settings.Scheme},
		group:    group, bytes: t.Bytes,
	}
	if settings.MaxError > 0 { // for a number of bits, no matrix is to take so many
		p.bytes = c.keptBytes(t, m)
	}
	if s, ok := quant.ExactScheme(m, settings.fewest(m.Rows, m.Cols)); ok {
		p.Scheme = s
	}
	if !quant.AnyRate(p.Scheme) {
		p.Bytes = float64(quant.FileBytes(p.Scheme, m.Rows, m.Cols, 0))
		p.Bits = 8 * p.Bytes / float64(p.Weights)
		return p, nil
	}
	o := c.buildOptions(threads)
	if p.sketch, err = quant.NewSketch(ctx, m, p.Scheme, o); err != nil {
		return nil, err
	}
	p.sketch.Forget()
	if p.repeats, err = quant.FindRepeats(ctx, p.sketch, m, o); err != nil {
		return nil, err
	}
	if x := settings.contest(); x != nil {
		err = c.contend(ctx, p, m, x, threads)
	}
	return p, err
}

// join takes in a matrix among those that bits are divided among; nil: none.
func (c *compression) join(_ context.Context, p *member) error {
	if p != nil {
		c.members = append(c.members, p)
	}
	return nil
}

// isEmbedding reports whether a matrix seems to be one whose rows are looked up one by one, so that
// each row's error counts by itself.
func isEmbedding(name string, rows, cols int) bool {
	// No layer has as many times more outputs than inputs; a row scale has to be worth its byte.
	const most, least = 16, 32
	return rows >= most*cols && cols >= least ||
		strings.Contains(name, "embed") || strings.Contains(name, "wte.")
}

// calibrate notes what is known of the inputs of a matrix. Inputs that were all zero say nothing:
// the calibration data did not reach them.
func (c *compression) calibrate(ctx context.Context, m *quant.Matrix, tensor string) error {
	if c.opts.Moments == nil {
		return nil
	}
	known, err := c.opts.Moments(ctx, tensor, m.Cols)
	if err != nil || known == nil {
		return err
	}
	if err := known.Check(m.Rows); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if known.Squares != nil && slices.Max(known.Squares) > 0 {
		m.Moments = known
	}
	m.Lookups, m.Sensitivity = known.Lookups, known.Sensitivity
	return nil
}

// divide divides what is asked of the matrices of one group among them.
func (c *compression) divide(ctx context.Context, group int) error {
	var members []*member
	for _, p := range c.members {
		if p.group == group && p.sketch != nil {
			members = append(members, p)
		}
	}
	if members == nil {
		return nil
	}
	settings := c.opts.settingsOf(group)
	weights, signal := sums(sketchesOf(members))
	if group != 0 || c.opts.Size == 0 {
		return c.meet(ctx, members, settings, settings.goal(weights, signal))
	}
	rest := c.rest()
	g, err := left(c.opts.Size, rest, weights)
	if err == nil {
		settings.Bits = 8 * g.Bytes / weights // known now, and fewer than it was about
		err = c.meet(ctx, members, settings, g)
	}
	return ofFile(err, c.opts.Size, rest)
}

// meet divides a goal among matrices with these settings.
func (c *compression) meet(ctx context.Context, members []*member, s Settings,
	g quant.Goal) error {
	if x := s.contest(); x != nil {
		var err error
		if members, g, err = x.run(members, g, s.Each); err != nil {
			return err
		}
	}
	return c.allot(ctx, members, g, s.Each)
}

// allot divides a goal among matrices that can have any rate. Where rows repeat and storing each
// once is better than what a matrix would get, that is done, and the others get what it leaves.
func (c *compression) allot(ctx context.Context, members []*member, g quant.Goal,
	each bool) error {
	among := pool
	if each {
		among = equally
	}
	for len(members) > 0 {
		weights, signal := sums(sketchesOf(members))
		g.Bytes = min(g.Bytes, trellisBits*weights/8)
		allotments, err := among(ctx, members, g, par.Threads(c.opts.Threads))
		if err != nil {
			return err
		}
		var rest []*member
		for i, p := range members {
			at := allotments[i]
			p.set(at, g.Bytes > 0)
			if r := p.repeats; r == nil || r.Bytes > at.Bytes || r.Noise > at.Noise {
				rest = append(rest, p)
				continue
			}
			p.Scheme = p.repeats.Scheme
			p.set(allotment{Cost: p.repeats.Cost}, true)
			taken := p.repeats.Cost
			if each { // what it does without is not for others
				taken.Bytes = g.Bytes * p.sketch.Weights() / weights
				taken.Noise = g.Noise * p.sketch.Signal / max(signal, math.SmallestNonzeroFloat64)
			}
			g.Bytes, g.Noise = max(g.Bytes-taken.Bytes, 0), max(g.Noise-taken.Noise, 0)
		}
		if len(rest) == len(members) {
			return nil
		}
		members = rest
	}
	return nil
}

func sketchesOf(members []*member) []*quant.Sketch {
	sketches := make([]*quant.Sketch, len(members))
	for i, p := range members {
		sketches[i] = p.sketch
	}
	return sketches
}

// set notes what a matrix gets: bytes that are not to be exceeded, or noise.
func (p *member) set(at allotment, bytes bool) {
	p.Step, p.Cap = int(at.step), at.cap
	if p.sketch.OfOutputs() {
		p.Cap = 0
	}
	p.Bits = 8 * at.Bytes / p.sketch.Weights()
	p.Error = p.sketch.Relative(at.Noise)
	if bytes {
		p.Bytes = at.Bytes
	} else {
		p.Noise = at.Noise
	}
}

// sampleMargin is how much more a matrix may take than a sample of it lets expect.
const sampleMargin = 1.02

// rest is what the file takes without the matrices that get what its size leaves: those that no
// override is for.
func (c *compression) rest() float64 {
	var layers []string
	rest := 0.0
	for _, p := range c.members {
		layers = append(layers, p.Tensor)
		switch {
		case p.group == 0 && p.sketch != nil:
		case p.Bytes > 0:
			rest += p.Bytes
		default:
			// It may take more than the sample says, to leave no more noise than is allotted to it.
			rest += sampleMargin * p.Bits * float64(p.Weights) / 8
		}
	}
	return rest + float64(c.dst.Rest(layers))
}

// left returns what a file of this size has left for matrices of so many weights beside the rest.
func left(size int64, rest, weights float64) (quant.Goal, error) {
	g := quant.Goal{Bytes: float64(size) - rest}
	least, most := minBits*weights/8, maxBits*weights/8
	if g.Bytes < least {
		return g, &GoalError{missing: least - g.Bytes}
	}
	g.Bytes = min(g.Bytes, most)
	return g, nil
}

// build makes the layer of a matrix that takes what is allotted to it. A scheme that was tried on a
// sample and leaves more on the whole gives way to a trellis.
func (c *compression) build(ctx context.Context, m *quant.Matrix, a *Allotted,
	threads par.Share) (*codebook.Layer, codebook.Distortion, error) {
	o := c.buildOptions(threads)
	t := quant.Target{Step: quant.Step(a.Step), Goal: a.goal()}
	var l *codebook.Layer
	var err error
	if k := c.sketches[a.Tensor]; k != nil && quant.AnyRate(a.Scheme) {
		k.Restart()
		l, err = k.Build(ctx, m, t, o)
	} else {
		l, err = quant.Build(ctx, m, a.Scheme, t, o)
	}
	if err != nil {
		return nil, codebook.Distortion{}, err
	}
	d := l.Distortion(m.W, threads())
	if quant.AnyRate(a.Scheme) || a.Cap == 0 || d.Relative() <= a.Cap {
		return l, d, nil
	}
	a.Scheme = Schemes()[0]
	l, err = buildAlone(ctx, m, a.Scheme, o, func(s *quant.Sketch) quant.Goal {
		return quant.Goal{Noise: a.Cap * a.Cap * s.Signal}
	})
	if err != nil {
		return nil, d, err
	}
	return l, l.Distortion(m.W, threads()), nil
}

// buildAlone makes an entropy-coded layer that meets a goal of its own.
func buildAlone(ctx context.Context, m *quant.Matrix, s codebook.Scheme, o quant.Options,
	goal func(*quant.Sketch) quant.Goal) (*codebook.Layer, error) {
	k, err := quant.NewSketch(ctx, m, s, o)
	if err != nil {
		return nil, err
	}
	g := goal(k)
	p, err := alone(ctx, k, g)
	if err != nil {
		return nil, err
	}
	return k.Build(ctx, m, quant.Target{Step: p.Step, Goal: g}, o)
}

// buildOptions returns the options for building layers.
func (c *compression) buildOptions(threads par.Share) quant.Options {
	return quant.Options{
		Seed: c.opts.Seed, Threads: threads, Kernels: c.opts.Kernels, Sampled: c.sampled,
	}
}

func (a *Allotted) goal() quant.Goal {
	if a.Bytes > 0 {
		return quant.Goal{Bytes: a.Bytes}
	}
	return quant.Goal{Noise: a.Noise}
}

// Build compresses the matrix w [rows, cols], row-major and finite, as the scheme says. Bits and
// MaxError of the options hold for this matrix alone.
//
// Weights may be of any size, but a layer has float32 scales: where the largest weight is below
// 2^-96, digits are lost, and what lies far below the largest (rows whose weights are below 2^-24
// of it, mostly) comes out as 0. Compress passes through what that would spoil.
func Build(ctx context.Context, w []float32, rows, cols int, scheme codebook.Scheme, opts Options) (
	*codebook.Layer, error) {
	opts.Scheme = scheme
	opts, err := opts.withKernels()
	if err != nil {
		return nil, err
	}
	m := &quant.Matrix{W: w, Rows: rows, Cols: cols, Embedding: isEmbedding("", rows, cols)}
	c := &compression{opts: opts, sampled: quant.SampleWeights}
	o := c.buildOptions(par.Fixed(par.Threads(opts.Threads)))
	if !quant.AnyRate(scheme) {
		return quant.Build(ctx, m, scheme, quant.Target{}, o)
	}
	return buildAlone(ctx, m, scheme, o,
		func(k *quant.Sketch) quant.Goal {
			g := opts.Settings.withDefaults().goal(k.Weights(), k.Signal)
			g.Bytes = min(g.Bytes, trellisBits*k.Weights()/8)
			return g
		})
}
