package codebook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Allocation says what each matrix of a model that is to be compressed is to take.
type Allocation struct {
	Matrices []Allotted `json:"matrices"` // in the order of the file
}

// Allotted is what one matrix is to take. Figures are measured on a sample of its rows.
type Allotted struct {
	Tensor  string  `json:"tensor"`
	Weights int64   `json:"weights"`
	Scheme  Scheme  `json:"scheme"`
	Step    int     `json:"step,omitempty"`  // of the quantiser, in 4096ths of an octave (scheme trellis)
	Bytes   float64 `json:"bytes,omitempty"` // not to be exceeded, all counted; 0: Noise is not to be
	Noise   float64 `json:"noise,omitempty"` // sum of squared errors, as the inputs weigh them
	Bits    float64 `json:"bits"`            // a weight, about
	Error   float64 `json:"error"`           // relative, about
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
		figures := []float64{m.Bytes, m.Noise, m.Bits, m.Error}
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
		if err := m.Scheme.Validate(); err != nil {
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
	sketch  *sketch  // nil where nothing is to be chosen
	repeats *repeats // nil where rows do not repeat

	contenders []contender // nil where the smallest file is asked for
}

// allocate sketches all matrices and divides what the options ask for among those with the same settings.
func (c *compression) allocate(ctx context.Context) error {
	if err := c.walk(ctx, c.sketch); err != nil {
		return err
	}
	// What the first settings have left depends on all the others.
	for group := len(c.opts.Overrides); group >= 0; group-- {
		if err := c.divide(ctx, group); err != nil {
			return err
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
	p := &matrixPlan{Allotted: Allotted{Tensor: t.Name, Weights: t.Elements(), Scheme: settings.Scheme}, group: group}
	rows, cols, _ := t.Matrix()
	if s, ok := exactScheme(w, rows, cols, settings); ok {
		p.Scheme = s
	}
	if p.Scheme.anyRate() {
		coding, err := c.coding(ctx, t, w, p.Scheme)
		if err != nil {
			return err
		}
		p.sketch = newSketch(coding, c.dst.Overhead(t))
		p.sketch.whole.sensitivity.factor = nil // the one large thing in it
		if p.repeats, err = findRepeats(ctx, p.sketch, w, c.opts); err != nil {
			return err
		}
		if settings.For != ForSize {
			if err := c.contend(ctx, p, w, settings.For); err != nil {
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
	threads, in := threadCount(c.opts.Threads), unknown
	if c.opts.Moments != nil {
		moments, err := c.moments(t.Name, cols)
		if err != nil {
			return nil, err
		}
		if in, err = newSensitivity(ctx, w, cols, moments, threads); err != nil {
			return nil, fmt.Errorf("second moments: %w", err)
		}
	}
	return newCoding(w, rows, cols, s.States, threads, c.opts.Kernels, in), nil
}

// moments returns what is known of the inputs of a tensor, nil: nothing.
func (c *compression) moments(tensor string, cols int) (*Moments, error) {
	if c.opts.Moments == nil {
		return nil, nil
	}
	return c.opts.Moments(tensor, cols)
}

// divide divides what is asked of the matrices of one group among them. Where rows repeat and storing each once is better
// than what a matrix would get, that is done, and the others get what it leaves.
func (c *compression) divide(ctx context.Context, group int) error {
	var members []*matrixPlan
	weights, signal := 0.0, 0.0
	for _, p := range c.plans {
		if p.group == group && p.sketch != nil {
			members = append(members, p)
			weights += p.sketch.weights()
			signal += p.sketch.signal
		}
	}
	settings := c.opts.settingsOf(group)
	g := settings.goal(weights, signal)
	if group == 0 && c.opts.Size > 0 {
		var err error
		if g, err = c.left(weights); err != nil {
			return err
		}
	}
	if settings.For != ForSize && len(members) > 0 {
		var err error
		if members, g, err = c.contest(members, settings.For, g); err != nil {
			return err
		}
	}
	for len(members) > 0 {
		sketches := make([]*sketch, len(members))
		weights := 0.0
		for i, p := range members {
			sketches[i] = p.sketch
			weights += p.sketch.weights()
		}
		g.bytes = min(g.bytes, MaxBits*weights/8)
		step, goals, err := share(ctx, sketches, g, threadCount(c.opts.Threads))
		if err != nil {
			return err
		}
		var rest []*matrixPlan
		for i, p := range members {
			p.set(step, goals[i], g.bytes > 0)
			if r := p.repeats; r == nil || r.goal.bytes > goals[i].bytes || r.goal.noise > goals[i].noise {
				rest = append(rest, p)
				continue
			}
			p.Scheme = p.repeats.scheme
			p.set(0, p.repeats.goal, true)
			g.bytes, g.noise = max(g.bytes-p.repeats.goal.bytes, 0), max(g.noise-p.repeats.goal.noise, 0)
		}
		if len(rest) == len(members) {
			return nil
		}
		members = rest
	}
	return nil
}

// set notes what share has found.
func (p *matrixPlan) set(s step, at goal, bytes bool) {
	p.Step = int(s)
	p.Bits = 8 * at.bytes / p.sketch.weights()
	if p.sketch.signal > 0 {
		p.Error = math.Sqrt(at.noise / p.sketch.signal)
	}
	if bytes {
		p.Bytes = at.bytes
	} else {
		p.Noise = at.noise
	}
}

// sampled is how much more a matrix may take than a sample of it lets expect.
const sampled = 1.02

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
			rest += sampled * p.Bits * float64(p.Weights) / 8
		}
	}
	rest += float64(c.dst.Rest(layers))
	g := goal{bytes: float64(c.opts.Size) - rest}
	least, most := MinBits*weights/8, MaxBits*weights/8
	if g.bytes < least || g.bytes > most {
		return g, fmt.Errorf("a file of %d bytes cannot be: what is not to be compressed takes %.0f, the matrices %.0f to %.0f",
			c.opts.Size, rest, least, most)
	}
	return g, nil
}

// build makes the layer of a matrix that takes what is allotted to it.
func (c *compression) build(ctx context.Context, t Tensor, w []float32, a *Allotted) (*Layer, error) {
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
	coding, err := c.coding(ctx, t, w, a.Scheme)
	if err != nil {
		return nil, err
	}
	return newSketch(coding, c.dst.Overhead(t)).build(ctx, w, step(a.Step), a.goal())
}

func (a *Allotted) goal() goal {
	if a.Bytes > 0 {
		return goal{bytes: a.Bytes}
	}
	return goal{noise: a.Noise}
}
