package codebook

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
)

const (
	// sampleWeights is about how many weights of a matrix its rate is measured on, sampledWeights of all matrices
	// together, whose samples are in memory at one time, leastSample how many of each all the same.
	sampleWeights, sampledWeights, leastSample = 1 << 14, 1 << 24, 1 << 10
	// margin is the share of a goal that may be left unused.
	margin = 0.0006
	// outlierBytes is about what an outlier takes.
	outlierBytes = 3.5
)

// step is the step of a quantiser as its logarithm, in 4096ths of an octave: a number that all machines compute alike.
type step int64

const octave step = 1 << octaveBits

const octaveBits = 12

// value is 2^(s/4096). Roots and products round alike everywhere.
func (s step) value() float64 {
	v, root := 1.0, 2.0
	for bit := octave / 2; bit > 0; bit /= 2 {
		root = math.Sqrt(root)
		if s&bit != 0 {
			v *= root
		}
	}
	return math.Ldexp(v, int(s>>octaveBits))
}

// octaves is the step nearest to 2^log, for a log within ±2^32.
func octaves(log float64) step {
	return step(math.RoundToEven(min(max(log, -1<<32), 1<<32) * float64(octave)))
}

// stepBelow is the largest step of which v is no less than the value, v being more than 0.
func stepBelow(v float64) step { return step(logscale.Log2(v, octaveBits)) }

// sideBytes is what the layer takes in a file beside its encoded levels, at most: overhead is what every layer takes.
func (c *coding) sideBytes(overhead int64, outliers []outlier) float64 {
	front := stream.Head{
		Cols: c.cols, Centroids: make([]byte, 2*c.top()+1), Outliers: apart(outliers, c.cols, c.exponent),
		ColScales: c.sensitivity.codes, RowScales: c.sensitivity.rowCodes,
	}
	blocks := c.coder.Blocks()
	stream := c.coder.Append(front.Append(nil), make([][]byte, blocks))
	return float64(overhead) + float64(len(stream)+blocks*entropy.Overhead(c.cols))
}

// levelBytes is what the levels of f take by the frequencies of the tables, those of each class counted as
// often as scale says; nil: once.
func (c *coding) levelBytes(f *found, scale []float64) (float64, error) {
	costs, err := c.coder.Costs(1)
	if err != nil {
		return 0, err
	}
	bits := 0.0
	for class := range costs {
		sum := 0.0
		for i, n := range f.counts[class] {
			if n > 0 {
				sum += float64(float64(n) * float64(costs[class][i]))
			}
		}
		if scale != nil {
			sum *= scale[class]
		}
		bits += sum
	}
	return bits / 8, nil
}

// noise is what the layer of f leaves, in units of the inputs: sums of (x-level)^2 turned into those of (x-value)^2, with the
// levels' values as they are stored.
func (c *coding) noise(f *found, s step) float64 {
	var l Layer
	l.setLevels(c.stepOf(s), c.top(), f, c.sensitivity.factor == nil)
	unit := float64(l.Scale) / c.stepOf(s)
	sum := 0.0
	for _, v := range f.noise {
		sum += v
	}
	for i, b := range l.Centroids {
		level := i - c.top()
		value := float64(unit * float64(int(b)-levelZero))
		off := value - float64(level)
		sum += float64(off * (float64(f.mass[level+levelZero]*(value+float64(level))) - 2*f.sums[level+levelZero]))
	}
	return sum * c.noiseOf(s)
}

// sketch is what is kept of a matrix to know its rate and noise for any step.
type sketch struct {
	whole    coding  // without its weights
	sample   *coding // of some of them
	held     []int   // weights in each class of the whole
	overhead int64   // bytes of a layer's header
	signal   float64 // sum of squares
	last     step    // the step of the sample's tables
}

// newSketch measures on about so many weights.
func newSketch(c *coding, overhead int64, weights int) *sketch {
	s := &sketch{whole: *c, sample: c.sample(weights), held: c.coder.Classes.Held(), overhead: overhead}
	s.signal = c.signal()
	s.whole.w = nil
	s.sample.threads = 1
	s.sample.sensitivity.factor = nil // feedback would change little, and a factor is large
	return s
}

func (s *sketch) weights() float64 { return float64(s.whole.rows) * float64(s.whole.cols) }

// rate is about what a matrix takes with a step, and the noise that it has then.
type rate struct {
	side  float64 // bytes that do not depend on how many weights there are, or little
	coded float64 // bytes of the levels and of weights stored apart
	noise float64
}

func (r rate) bytes() float64 { return r.side + r.coded }

// at returns the rate with this step.
func (s *sketch) at(ctx context.Context, to step) (r rate, err error) {
	near := s.sample.coder.Tables != nil && max(to-s.last, s.last-to) < octave/4
	f, err := s.sample.learn(ctx, to, near)
	if err != nil {
		return r, err
	}
	s.last, s.sample.levels = to, nil
	s.whole.coder.Tables = s.sample.coder.Tables
	scale := s.scale(f)
	r.side = s.whole.sideBytes(s.overhead, nil)
	r.coded, err = s.sample.levelBytes(f, scale)
	r.coded += outlierBytes * float64(len(f.outliers)) * s.weights() / float64(s.sample.weights())
	for class, v := range f.noise {
		r.noise += float64(v * scale[class])
	}
	r.noise *= s.whole.noiseOf(to)
	return r, err
}

// rates returns what the matrix has at whole bits.
func (s *sketch) rates(ctx context.Context) ([]Rate, error) {
	var rates []Rate
	for bits := 2.0; bits <= 6; bits++ {
		at, err := s.alone(ctx, goal{bytes: bits * s.weights() / 8})
		if err != nil {
			continue // too small a matrix
		}
		rates = append(rates, Rate{bits, relative(at.goal.noise, s.signal)})
	}
	return rates, ctx.Err()
}

// build makes the layer of the sketched weights that meets a goal with a step near to.
func (s *sketch) build(ctx context.Context, w []float32, to step, g goal) (*Layer, error) {
	if _, err := s.at(ctx, to); err != nil {
		return nil, err
	}
	c := s.whole
	c.w, _ = raised(w)
	c.coder.Tables = slices.Clone(c.coder.Tables)
	at, found, err := c.meet(ctx, to, g, s.overhead)
	if err != nil {
		return nil, err
	}
	l := &Layer{Rows: c.rows, Cols: c.cols, Width: 1}
	return l, c.finish(ctx, l, at, found)
}

// buildTrellis makes a layer of w that takes the bits, or leaves the error, of the options: a file's header apart.
func buildTrellis(ctx context.Context, w []float32, rows, cols int, opts Options) (*Layer, error) {
	threads := par.Threads(opts.Threads)
	s := newSketch(newCoding(w, rows, cols, opts.Scheme.States, threads, opts.Kernels, unknownInputs(w, cols, isTable("", rows, cols))), 0, sampleWeights)
	g := opts.Settings.withDefaults().goal(s.weights(), s.signal)
	g.bytes = min(g.bytes, trellisBits*s.weights()/8)
	p, err := s.alone(ctx, g)
	if err != nil {
		return nil, err
	}
	return s.build(ctx, w, p.step, g)
}

// scale says for each class how many weights of the whole one of the sample stands for. It is this that makes a
// small sample tell the rate: rows differ most by their spread, which is known of all.
func (s *sketch) scale(f *found) []float64 {
	scale := make([]float64, len(f.counts))
	seen := 0.0
	for class := range scale {
		n := 0.0
		for _, m := range f.counts[class] {
			n += float64(m)
		}
		if n > 0 {
			scale[class] = float64(s.held[class]) / n
			seen += float64(s.held[class])
		}
	}
	for class := range scale { // for the classes that the sample lacks
		scale[class] *= s.weights() / seen
	}
	return scale
}

// meet searches levels with steps near s until the coding meets its goal from below. Where no step does, as in
// a matrix of a few weights, it stays with what came nearest, from below if anything did.
func (c *coding) meet(ctx context.Context, s step, g goal, overhead int64) (step, *found, error) {
	type state struct {
		step   step
		found  *found
		tables []entropy.Table
		levels []byte
	}
	now, best := state{step: s}, state{}
	_, err := g.seek(s, float64(c.weights()), 8, func(to step) (bytes, noise float64, err error) {
		if max(to-now.step, now.step-to) > octave/4 { // far from the steps that the tables are for
			if _, err := c.learn(ctx, to, false); err != nil {
				return 0, 0, err
			}
		}
		f, err := c.search(ctx, to)
		if err != nil {
			return 0, 0, err
		}
		if err := c.refit(f, nil); err != nil {
			return 0, 0, err
		}
		now = state{step: to, found: f}
		coded, err := c.levelBytes(f, nil)
		return c.sideBytes(overhead, f.outliers) + coded, c.noise(f, to), err
	}, func() {
		best = state{now.step, now.found, slices.Clone(c.coder.Tables), append(best.levels[:0], c.levels...)}
	})
	if err != nil {
		return 0, nil, err
	}
	c.coder.Tables = best.tables
	copy(c.levels, best.levels)
	return best.step, best.found, nil
}
