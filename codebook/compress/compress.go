package compress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// Options of Compress. The zero value of each field is its default. Globs that match T match T[0],
// T[1] and so on too: the slices that a tensor of experts is taken apart into.
type Options struct {
	Settings             // of every matrix that no override is for
	Overrides []Override // the last that matches a tensor counts
	// Size of the file, not to be exceeded (scheme trellis, instead of Bits and MaxError); 0: any.
	Size       int64
	Allocation *Allocation // what to allot to the matrices, as Allocate found it; nil: it is found
	// Allotted is called with what has been found, before any layer is made; it may be nil.
	Allotted   func(*Allocation) error
	Part       Part     // of the tensors: the others are left out
	Include    []string // globs of tensor names to compress; empty: all
	Exclude    []string // globs of tensor names to pass through
	Transposed []string // globs of tensors stored as [in, out]
	// Moments returns those of the inputs of a tensor, nil if nothing is known (scheme trellis). It
	// may be nil, and is called from several goroutines at the same time.
	Moments       func(ctx context.Context, tensor string, cols int) (*moments.Moments, error)
	Seed          uint64 // of k-means
	Threads       int    // 0: all processors
	PassNonfinite bool   // pass matrices with NaN or infinities through
	// Progress is called before each tensor and at the end, by one goroutine at a time; may be nil.
	Progress func(codebook.Progress)
	Kernels  *kernels.Set // nil: kernels.Best
}

// Sink takes in a compressed model, tensor by tensor. The methods that store are called one at a
// time, in the order of the source's tensors; Overhead and HalfOverhead at any time.
type Sink interface {
	// Overhead returns what an entropy-coded layer in place of tensor t takes in the file beside
	// its Stream, at most.
	Overhead(t codebook.Tensor) int64
	// HalfOverhead returns how many bytes the header takes more, at most, where tensor t is kept as
	// F16.
	HalfOverhead(t codebook.Tensor) int64
	// Rest returns how many bytes the file takes, at most, without the tensors of these names,
	// which become layers: for all others, passed through. Those that are kept as F16 take less.
	Rest(layers []string) int64
	// PutLayer stores a layer in place of tensor t. It returns all the bytes that this takes in the
	// file, its part of the header included. Like the other methods that store, it stops soon
	// after ctx is done.
	PutLayer(ctx context.Context, t codebook.Tensor, l *codebook.Layer,
		d codebook.Distortion) (bytes int64, err error)
	// PutTensor passes tensor t of the source through, bit for bit.
	PutTensor(ctx context.Context, t codebook.Tensor) error
	// PutHalf stores tensor t of the source, which is F32 or F64, as F16.
	PutHalf(ctx context.Context, t codebook.Tensor) error
}

// resumer is a sink that may have layers of an earlier run, which was cut off.
type resumer interface {
	// Finished stores the layer of tensor t that there is, and returns what PutLayer was given and
	// what it returned; a nil layer if there is none. It may be called while something is put.
	Finished(ctx context.Context, t codebook.Tensor) (
		l *codebook.Layer, d codebook.Distortion, bytes int64, err error)
}

// Compress turns every matrix of src that the options name into a layer in dst and passes all other
// tensors through. It works on several tensors at the same time, but on no more than are as large
// together as the largest one, so that memory does not grow with the model; where bits are to be
// divided among matrices, it first walks through all of them.
func Compress(ctx context.Context, dst Sink, src codebook.Source, opts Options) (*Report, error) {
	c, err := newCompression(ctx, dst, src, opts)
	if err != nil {
		return nil, err
	}
	a := opts.Allocation
	if a == nil {
		if err := c.allocate(ctx); err != nil {
			return nil, err
		}
		a = c.allocation()
		for _, p := range c.members {
			c.sketches[p.Tensor] = p.sketch
		}
		c.members = nil
		if opts.Allotted != nil {
			if err := opts.Allotted(a); err != nil {
				return nil, err
			}
		}
	}
	for i := range a.Matrices {
		c.allotted[a.Matrices[i].Tensor] = &a.Matrices[i]
	}
	c.allotTwins()
	c.tensors = c.tensorsOf(opts.Part)
	if err := walk(ctx, c, c.compress, c.put); err != nil {
		return nil, err
	}
	for _, m := range a.Matrices {
		if !c.followed[m.Tensor] && opts.Part.Of < 2 {
			err := errors.New("something is allotted to it, but it is not to be compressed")
			return nil, &codebook.TensorError{Tensor: m.Tensor, Err: err}
		}
	}
	c.tell("")
	return c.report, nil
}

// sampledWeights is about how many weights of all matrices together their costs are measured on:
// the samples are in memory at one time. leastSample is how many of each all the same.
const sampledWeights, leastSample = 1 << 24, 1 << 10

// compression is a run of Compress or Allocate.
type compression struct {
	dst      Sink
	src      codebook.Source
	tensors  []codebook.Tensor // of src, folded
	opts     Options
	filter   *filter
	progress codebook.Progress
	report   *Report
	sampled  int                      // weights of each matrix that its rate is measured on
	members  []*member                // of the matrices, as they are walked through
	sketches map[string]*quant.Sketch // by tensor: those that the matrices were allotted by
	allotted map[string]*Allotted     // by tensor
	followed map[string]bool          // those of them that the tensors put so far have got
	twins    map[string]*twins        // of the matrices that there are more of, by name
}

func newCompression(ctx context.Context, dst Sink, src codebook.Source, opts Options) (
	*compression, error) {
	opts, err := opts.withKernels()
	if err != nil {
		return nil, err
	}
	c := &compression{
		dst: dst, src: src, opts: opts, report: new(Report),
		sketches: make(map[string]*quant.Sketch), allotted: make(map[string]*Allotted),
		followed: make(map[string]bool), twins: make(map[string]*twins),
	}
	c.tensors = slices.Clone(src.Tensors())
	if c.filter, err = newFilter(c.tensors, opts); err != nil {
		return nil, err
	}
	matrices, weights := 0, int64(0)
	for _, t := range c.tensors {
		if c.filter.reason(t) == "" && c.filter.fileBytes(t) < t.Bytes {
			matrices++
			weights += t.Elements()
		}
	}
	c.sampled = min(max(sampledWeights/max(matrices, 1), leastSample), quant.SampleWeights)
	if opts.Size > 0 { // about, until it is known what else the file takes
		c.opts.Bits = min(max(8*float64(opts.Size)/float64(max(weights, 1)), minBits), maxBits)
	}
	c.report.Quantised = c.filter.quantised.kind
	walks := int64(2)
	if opts.Allocation != nil {
		walks = 1
	}
	for i, t := range c.tensors {
		c.tensors[i].Fold = c.filter.fold(t)
		c.progress.Total += walks * t.Bytes
	}
	return c, c.findTwins(ctx)
}

func (c *compression) tell(tensor string) {
	if c.progress.Tensor = tensor; c.opts.Progress != nil {
		c.opts.Progress(c.progress)
	}
}

// read returns a matrix that is to be compressed, or the reason why a tensor is not. With a matrix,
// the reason is that no codebook would make it smaller.
func (c *compression) read(ctx context.Context, t codebook.Tensor, threads par.Share) (
	m *quant.Matrix, reason string, err error) {
	if reason := c.filter.reason(t); reason != "" {
		return nil, reason, nil
	}
	w, err := c.src.Floats(ctx, t.Name)
	if err != nil {
		return nil, "", err
	}
	if i := indexClamped(w, dtype.Of(t.DType)); i >= 0 {
		return nil, fmt.Sprintf("value %d is beyond float32", i), nil
	}
	rows, cols, _ := t.Matrix()
	m = &quant.Matrix{
		W: t.Arranged(w), Rows: rows, Cols: cols,
		Embedding: isEmbedding(t.Name, rows, cols), Output: c.filter.isOutput(t.Name),
		Calibrated: c.opts.Moments != nil, Overhead: c.overhead(t),
	}
	settings := c.opts.settingsOf(c.opts.group(t.Name))
	top, _ := m.Extremes(threads)
	if reason := noWeights(m, settings, top); reason != "" {
		return nil, reason, nil
	}
	small := c.grown(c.filter.fileBytes(t), t, m)
	if !(top <= math.MaxFloat32) {
		i := floats.IndexNonfinite(m.W)
		bad := &codebook.NotFiniteError{Index: i, Value: m.W[i]}
		if small == "" && !c.opts.PassNonfinite {
			return nil, "", bad
		}
		return nil, cmp.Or(small, bad.Error()), nil
	}
	if reason := m.BeyondScales(settings.Scheme.Name == "trellis", threads); reason != "" {
		return nil, reason, nil
	}
	if small == "" { // else nothing is to be weighed by them
		err = c.calibrate(ctx, m, t.Name)
	}
	return m, small, err
}

// product is what a tensor has become, to be stored.
type product struct {
	entry    Entry
	layer    *codebook.Layer // nil: none, or it is stored already
	allotted *Allotted       // what the allocation says of it; nil: nothing
}

// compress makes a layer of a tensor, or finds a reason not to.
func (c *compression) compress(ctx context.Context, t codebook.Tensor, threads par.Share) (
	*product, error) {
	p := &product{entry: Entry{Tensor: t}}
	as := c.first(t)
	if as.Name != t.Name {
		p.entry.As = as.Name
	}
	if there, err := c.finished(ctx, p); there || err != nil {
		return p, err
	}
	m, reason, err := c.read(ctx, as, threads)
	if err != nil {
		return nil, err
	}
	p.entry.Reason = reason
	if reason == "" {
		err = c.makeLayer(ctx, p, m, threads)
	} else {
		c.keep(&p.entry, m)
	}
	return p, err
}

// makeLayer makes a layer of the product's tensor as the allocation says.
func (c *compression) makeLayer(ctx context.Context, p *product, m *quant.Matrix,
	threads par.Share) error {
	entry := &p.entry
	p.allotted = c.allotted[entry.Tensor.Name]
	if p.allotted == nil {
		return errors.New("nothing is allotted to it: " +
			"the allocation is that of another model, or of other options")
	}
	a := *p.allotted
	if a.Weights != entry.Tensor.Elements() {
		return fmt.Errorf("the allocation is that of a tensor of %d values", a.Weights)
	}
	if a.Scheme == unchanged {
		entry.Reason = "no layer of fewer bytes leaves as little error as is asked for"
		if a.Bytes >= float64(entry.Tensor.Bytes) {
			m = nil // all of it is allotted
		}
		c.keep(entry, m)
		return nil
	}
	l, d, err := c.build(ctx, m, &a, threads)
	if err != nil {
		return err
	}
	entry.Reason = c.grown(m.Overhead+l.BytesStored(), c.first(entry.Tensor), m)
	if entry.Reason != "" {
		c.keep(entry, m)
		return nil
	}
	p.layer = l
	p.describe(l, d, &a)
	return nil
}

// describe completes the entry of a layer that is what was allotted to it.
func (p *product) describe(l *codebook.Layer, d codebook.Distortion, a *Allotted) {
	p.entry.Distortion, p.entry.Cap = d, a.Cap
	scheme := l.Scheme()
	scheme.States = a.Scheme.States
	p.entry.Layer = &scheme
}

// finished reports whether dst has the layer already, from an earlier run.
func (c *compression) finished(ctx context.Context, p *product) (bool, error) {
	earlier, ok := c.dst.(resumer)
	if !ok {
		return false, nil
	}
	l, d, bytes, err := earlier.Finished(ctx, p.entry.Tensor)
	if l == nil || err != nil {
		return false, err
	}
	p.allotted = c.allotted[p.entry.Tensor.Name]
	if p.allotted == nil {
		return false, errors.New("an earlier run has made a layer of it, which the plan does not know")
	}
	a := *p.allotted
	if l.Scheme().Name != a.Scheme.Name { // which gave way to it
		a.Scheme = Schemes()[0]
	}
	p.describe(l, d, &a)
	p.entry.Bytes = bytes
	return true, nil
}

// put stores a product and reports it.
func (c *compression) put(ctx context.Context, p *product) (err error) {
	entry := &p.entry
	switch {
	case entry.Layer != nil && p.layer == nil:
		c.report.Resumed++
	case p.layer != nil:
		entry.Bytes, err = c.dst.PutLayer(ctx, entry.Tensor, p.layer, entry.Distortion)
	case entry.Narrowed:
		err = c.dst.PutHalf(ctx, entry.Tensor)
	default:
		err = c.dst.PutTensor(ctx, entry.Tensor)
	}
	if p.allotted != nil {
		c.followed[p.allotted.Tensor] = true
	}
	c.report.Entries = append(c.report.Entries, *entry)
	return err
}

// indexClamped returns the index of the first value that may be no float32 in the model, -1 when
// there is none: see codebook.Source.
func indexClamped(w []float32, kind dtype.Type) int {
	if !kind.Clamped() {
		return -1
	}
	return slices.IndexFunc(w, func(v float32) bool { return max(v, -v) == kind.Largest })
}
