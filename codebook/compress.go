package codebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/palettize/palettize/kernels"
)

// Options of Compress. The zero value of each field is its default.
type Options struct {
	Settings                                                      // of every matrix that no override is for
	Overrides     []Override                                      // the last that matches a tensor counts
	Size          int64                                           // of the file, not to be exceeded (scheme trellis, instead of Bits and MaxError); 0: any
	Allocation    *Allocation                                     // what to allot to the matrices, as Allocate found it; nil: it is found
	Include       []string                                        // globs of tensor names to compress; empty: all
	Exclude       []string                                        // globs of tensor names to pass through
	Transposed    []string                                        // globs of tensors stored as [in, out]
	Moments       func(tensor string, cols int) (*Moments, error) // of the inputs of a tensor, nil if they are unknown (scheme trellis); may be nil
	Seed          uint64                                          // of k-means
	Threads       int                                             // 0: all processors
	PassNonfinite bool                                            // pass matrices with NaN or infinities through instead of failing
	Progress      func(Progress)                                  // called before each tensor and at the end; may be nil
	Kernels       *kernels.Set                                    // nil: kernels.Best
}

// Progress tells how far a run is.
type Progress struct {
	Tensor      string // about to be worked on, "" at the end
	Done, Total int64  // bytes of tensors
}

// Compress turns every matrix of src that the options name into a layer in dst and passes all
// other tensors through. It works on one tensor at a time, so that memory holds one tensor; where bits are to be divided
// among matrices, it first walks through all of them.
func Compress(ctx context.Context, dst Sink, src Source, opts Options) (*Report, error) {
	c, err := newCompression(dst, src, opts)
	if err != nil {
		return nil, err
	}
	a := opts.Allocation
	if a == nil {
		if err := c.allocate(ctx); err != nil {
			return nil, err
		}
		a, c.plans = c.allocation(), nil
	}
	for i := range a.Matrices {
		c.allotted[a.Matrices[i].Tensor] = &a.Matrices[i]
	}
	if err := c.walk(ctx, c.compress); err != nil {
		return nil, err
	}
	for name := range c.allotted {
		return nil, fmt.Errorf("tensor %q: something is allotted to it, but it is not to be compressed", name)
	}
	c.tell("")
	return c.report, nil
}

// compression is a run of Compress or Allocate.
type compression struct {
	dst      Sink
	src      Source
	tensors  []Tensor // of src, folded
	opts     Options
	choice   *choice
	progress Progress
	report   *Report
	sampled  int                  // weights of each matrix that its rate is measured on
	plans    []*matrixPlan        // of the matrices, as they are walked through
	allotted map[string]*Allotted // those that are still to be compressed
}

func newCompression(dst Sink, src Source, opts Options) (*compression, error) {
	opts, err := opts.withKernels()
	if err != nil {
		return nil, err
	}
	c := &compression{
		dst: dst, src: src, opts: opts, report: new(Report), allotted: make(map[string]*Allotted),
	}
	c.tensors = slices.Clone(src.Tensors())
	if c.choice, err = newChoice(c.tensors, opts); err != nil {
		return nil, err
	}
	matrices, weights := 0, int64(0)
	for _, t := range c.tensors {
		if c.choice.reason(t) == "" && c.choice.fileBytes(t) < t.Bytes {
			matrices++
			weights += t.Elements()
		}
	}
	c.sampled = min(max(sampledWeights/max(matrices, 1), leastSample), sampleWeights)
	if opts.Size > 0 { // about, until it is known what else the file takes
		c.opts.Bits = min(max(8*float64(opts.Size)/float64(max(weights, 1)), MinBits), MaxBits)
	}
	c.report.Quantised = c.choice.quantised.kind
	walks := int64(2)
	if opts.Allocation != nil {
		walks = 1
	}
	for i, t := range c.tensors {
		c.tensors[i].Fold = c.choice.fold(t)
		c.progress.Total += walks * t.Bytes
	}
	return c, nil
}

func (c *compression) tell(tensor string) {
	if c.progress.Tensor = tensor; c.opts.Progress != nil {
		c.opts.Progress(c.progress)
	}
}

// walk does something with every tensor.
func (c *compression) walk(ctx context.Context, do func(context.Context, Tensor) error) error {
	for _, t := range c.tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.tell(t.Name)
		if err := do(ctx, t); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		c.progress.Done += t.Bytes
	}
	return nil
}

// read returns the weights of a matrix that is to be compressed, or the reason why it is not. With
// the weights, the reason is that no codebook would make the matrix smaller.
func (c *compression) read(t Tensor) (w []float32, reason string, err error) {
	if reason := c.choice.reason(t); reason != "" {
		return nil, reason, nil
	}
	if w, err = c.src.Floats(t.Name); err != nil {
		return nil, "", err
	}
	if t.DType == "F64" {
		if i := indexClamped(w); i >= 0 {
			return nil, fmt.Sprintf("value %d is beyond float32", i), nil
		}
	}
	w = t.Arranged(w)
	rows, cols, _ := t.Matrix()
	if reason := noWeights(w, rows, cols, c.opts.settingsOf(c.opts.group(t.Name))); reason != "" {
		return nil, reason, nil
	}
	small := c.grown(c.choice.fileBytes(t), t, w)
	if i := indexNonfinite(w); i >= 0 {
		bad := &NotFiniteError{i, w[i]}
		if small == "" && !c.opts.PassNonfinite {
			return nil, "", bad
		}
		return nil, cmp.Or(small, bad.Error()), nil
	}
	apart := c.opts.settingsOf(c.opts.group(t.Name)).Scheme.Name == "trellis"
	if reason := beyondScales(w, apart); reason != "" {
		return nil, reason, nil
	}
	return w, small, nil
}

// compress stores one tensor: as a layer, or without one where there is a reason to.
func (c *compression) compress(ctx context.Context, t Tensor) error {
	w, reason, err := c.read(t)
	if err != nil {
		return err
	}
	entry := Entry{Tensor: t, Reason: reason}
	if reason != "" {
		err = c.keep(&entry, w)
	} else {
		err = c.putLayer(ctx, &entry, w)
	}
	c.report.Entries = append(c.report.Entries, entry)
	return err
}

// putLayer makes a layer of the entry's tensor, with weights w, stores it and completes the entry.
func (c *compression) putLayer(ctx context.Context, entry *Entry, w []float32) error {
	a := c.allotted[entry.Tensor.Name]
	if a == nil {
		return errors.New("nothing is allotted to it: the allocation is that of another model, or of other options")
	}
	delete(c.allotted, a.Tensor)
	if a.Weights != entry.Tensor.Elements() {
		return fmt.Errorf("the allocation is that of a tensor of %d values", a.Weights)
	}
	if a.Scheme == unchanged {
		entry.Reason = "no layer of fewer bytes leaves as little error as is asked for"
		if a.Bytes >= float64(entry.Tensor.Bytes) {
			w = nil // all of it is allotted
		}
		return c.keep(entry, w)
	}
	l, d, err := c.build(ctx, entry.Tensor, w, a)
	if err != nil {
		return err
	}
	entry.Reason = c.grown(c.dst.Overhead(entry.Tensor)+l.storedBytes(l.K()), entry.Tensor, w)
	if entry.Reason != "" {
		return c.keep(entry, w)
	}
	entry.Distortion, entry.Cap = d, a.Cap
	entry.Layer = &Scheme{Name: l.Scheme(), Width: l.Width, K: l.K(), Group: l.Group, States: a.Scheme.States, Window: l.WindowBits}
	entry.Bytes, err = c.dst.PutLayer(entry.Tensor, l, entry.Distortion)
	return err
}

// distortion compares the layer with the matrix that it was made from. Rows are summed up in order,
// so that the figure does not depend on the number of threads.
func (l *Layer) distortion(w []float32, threads int) Distortion {
	rows := make([]Distortion, l.Rows)
	parallel(threads, l.Rows, func(lo, hi int) {
		rebuilt := make([]float32, l.Cols)
		for r := lo; r < hi; r++ {
			l.Row(rebuilt, r)
			rows[r].Add(rebuilt, w[r*l.Cols:][:l.Cols])
		}
	})
	var d Distortion
	for _, row := range rows {
		d.Merge(row)
	}
	return d
}
