package compress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/floats"
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
	Include    []string    // globs of tensor names to compress; empty: all
	Exclude    []string    // globs of tensor names to pass through
	Transposed []string    // globs of tensors stored as [in, out]
	// Moments returns those of the inputs of a tensor, nil if they are unknown (scheme trellis). It
	// may be nil.
	Moments       func(ctx context.Context, tensor string, cols int) (*moments.Moments, error)
	Seed          uint64                  // of k-means
	Threads       int                     // 0: all processors
	PassNonfinite bool                    // pass matrices with NaN or infinities through
	Progress      func(codebook.Progress) // called before each tensor and at the end; may be nil
	Kernels       *kernels.Set            // nil: kernels.Best
}

// Sink takes in a compressed model, tensor by tensor.
type Sink interface {
	// Overhead returns what an entropy-coded layer in place of tensor t takes in the file beside
	// its Stream, at most.
	Overhead(t codebook.Tensor) int64
	// HalfOverhead returns how many bytes the header takes more, at most, where tensor t is kept as
	// F16.
	HalfOverhead(t codebook.Tensor) int64
	// Rest returns how many bytes the file takes, at most, without the tensors of these names, which
	// become layers: for all others, passed through. Those that are kept as F16 take less.
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

// Compress turns every matrix of src that the options name into a layer in dst and passes all other
// tensors through. It works on one tensor at a time, so that memory holds one tensor; where bits
// are to be divided among matrices, it first walks through all of them.
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
		a, c.members = c.allocation(), nil
	}
	for i := range a.Matrices {
		c.allotted[a.Matrices[i].Tensor] = &a.Matrices[i]
	}
	c.allotTwins()
	if err := c.walk(ctx, c.compress); err != nil {
		return nil, err
	}
	for name := range c.allotted {
		err := errors.New("something is allotted to it, but it is not to be compressed")
		return nil, &codebook.TensorError{Tensor: name, Err: err}
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
	sampled  int                  // weights of each matrix that its rate is measured on
	members  []*member            // of the matrices, as they are walked through
	allotted map[string]*Allotted // those that are still to be compressed
	twins    map[string]*twins    // of the matrices that there are more of, by name
}

func newCompression(ctx context.Context, dst Sink, src codebook.Source, opts Options) (
	*compression, error) {
	opts, err := opts.withKernels()
	if err != nil {
		return nil, err
	}
	c := &compression{
		dst: dst, src: src, opts: opts, report: new(Report), allotted: make(map[string]*Allotted),
		twins: make(map[string]*twins),
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

// walk does something with every tensor.
func (c *compression) walk(ctx context.Context,
	do func(context.Context, codebook.Tensor) error) error {
	for _, t := range c.tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.tell(t.Name)
		if err := do(ctx, t); err != nil {
			return &codebook.TensorError{Tensor: t.Name, Err: err}
		}
		c.progress.Done += t.Bytes
	}
	return nil
}

// read returns a matrix that is to be compressed, or the reason why a tensor is not. With a matrix,
// the reason is that no codebook would make it smaller.
func (c *compression) read(ctx context.Context, t codebook.Tensor) (
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
		W: t.Arranged(w), Rows: rows, Cols: cols, Embedding: isEmbedding(t.Name, rows, cols),
		Calibrated: c.opts.Moments != nil, Overhead: c.overhead(t),
	}
	settings := c.opts.settingsOf(c.opts.group(t.Name))
	if reason := noWeights(m, settings); reason != "" {
		return nil, reason, nil
	}
	small := c.grown(c.filter.fileBytes(t), t, m)
	if i := floats.IndexNonfinite(m.W); i >= 0 {
		bad := &codebook.NotFiniteError{Index: i, Value: m.W[i]}
		if small == "" && !c.opts.PassNonfinite {
			return nil, "", bad
		}
		return nil, cmp.Or(small, bad.Error()), nil
	}
	if reason := quant.BeyondScales(m.W, settings.Scheme.Name == "trellis"); reason != "" {
		return nil, reason, nil
	}
	if small == "" { // else nothing is to be weighed by them
		m.Moments, err = c.moments(ctx, t.Name, cols)
	}
	return m, small, err
}

// compress stores one tensor: as a layer, or without one where there is a reason to.
func (c *compression) compress(ctx context.Context, t codebook.Tensor) error {
	as := c.first(t)
	m, reason, err := c.read(ctx, as)
	if err != nil {
		return err
	}
	entry := Entry{Tensor: t, Reason: reason}
	if as.Name != t.Name {
		entry.As = as.Name
	}
	if reason != "" {
		err = c.keep(ctx, &entry, m)
	} else {
		err = c.putLayer(ctx, &entry, m)
	}
	c.report.Entries = append(c.report.Entries, entry)
	return err
}

// putLayer makes a layer of the entry's tensor, stores it and completes the entry.
func (c *compression) putLayer(ctx context.Context, entry *Entry, m *quant.Matrix) error {
	a := c.allotted[entry.Tensor.Name]
	if a == nil {
		return errors.New("nothing is allotted to it: " +
			"the allocation is that of another model, or of other options")
	}
	delete(c.allotted, a.Tensor)
	if a.Weights != entry.Tensor.Elements() {
		return fmt.Errorf("the allocation is that of a tensor of %d values", a.Weights)
	}
	if a.Scheme == unchanged {
		entry.Reason = "no layer of fewer bytes leaves as little error as is asked for"
		if a.Bytes >= float64(entry.Tensor.Bytes) {
			m = nil // all of it is allotted
		}
		return c.keep(ctx, entry, m)
	}
	l, d, err := c.build(ctx, m, a)
	if err != nil {
		return err
	}
	entry.Reason = c.grown(m.Overhead+l.BytesStored(), c.first(entry.Tensor), m)
	if entry.Reason != "" {
		return c.keep(ctx, entry, m)
	}
	entry.Distortion, entry.Cap = d, a.Cap
	scheme := l.Scheme()
	scheme.States = a.Scheme.States
	entry.Layer = &scheme
	entry.Bytes, err = c.dst.PutLayer(ctx, entry.Tensor, l, entry.Distortion)
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
