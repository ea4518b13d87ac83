package codebook

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/palettize/palettize/kernels"
)

// Options of Compress. The zero value of each field is its default.
type Options struct {
	Scheme        Scheme         // of every matrix; the zero value: segments of width 2
	Include       []string       // globs of tensor names to compress; empty: all
	Exclude       []string       // globs of tensor names to pass through
	Seed          uint64         // of k-means
	Threads       int            // 0: all processors
	PassNonfinite bool           // pass matrices with NaN or infinities through instead of failing
	Progress      func(Progress) // called before each tensor and at the end; may be nil
	Kernels       *kernels.Set   // nil: kernels.Best
}

// Progress tells how far a run is.
type Progress struct {
	Tensor      string // about to be worked on, "" at the end
	Done, Total int64  // bytes of tensors
}

// Entry is what became of one tensor.
type Entry struct {
	Tensor     Tensor
	Layer      *Scheme    // what it was compressed to, K as it came out; nil: passed through
	Reason     string     // why it was passed through
	Bytes      int64      // in the output, its share of the header included (layers only)
	Distortion Distortion // of the rebuilt weights (layers only)
}

// Report lists every tensor of the source, none left out, in order.
type Report struct {
	Entries []Entry
}

// Compress turns every matrix of src that the options name into a layer in dst and passes all
// other tensors through. It works on one tensor at a time, so that memory holds one tensor.
func Compress(ctx context.Context, dst Sink, src Source, opts Options) (*Report, error) {
	if opts.Scheme == (Scheme{}) {
		opts.Scheme = Schemes()[0]
	}
	if err := opts.Scheme.Validate(); err != nil {
		return nil, err
	}
	tensors := src.Tensors()
	choice, err := newChoice(tensors, opts)
	if err != nil {
		return nil, err
	}
	progress := Progress{}
	for _, t := range tensors {
		progress.Total += t.Bytes
	}
	report := new(Report)
	for _, t := range tensors {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if progress.Tensor = t.Name; opts.Progress != nil {
			opts.Progress(progress)
		}
		entry, err := compressTensor(ctx, dst, src, t, choice.reason(t), opts)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		report.Entries = append(report.Entries, entry)
		progress.Done += t.Bytes
	}
	if progress.Tensor = ""; opts.Progress != nil {
		opts.Progress(progress)
	}
	return report, nil
}

// compressTensor stores one tensor in dst: as a layer, or as it is where there is a reason to.
func compressTensor(ctx context.Context, dst Sink, src Source, t Tensor, reason string, opts Options) (Entry, error) {
	entry := Entry{Tensor: t, Reason: reason}
	if reason != "" {
		return entry, dst.PutTensor(t)
	}
	w, err := src.Floats(t.Name)
	if err != nil {
		return entry, err
	}
	if i := indexNonfinite(w); i >= 0 {
		if !opts.PassNonfinite {
			return entry, fmt.Errorf("value %d is %v", i, w[i])
		}
		entry.Reason = fmt.Sprintf("value %d is %v", i, w[i])
		return entry, dst.PutTensor(t)
	}
	rows, cols, _ := t.Matrix()
	l, err := Build(ctx, w, rows, cols, opts.Scheme, opts)
	if err != nil {
		return entry, err
	}
	entry.Distortion = l.distortion(w, threadCount(opts.Threads))
	entry.Layer = &Scheme{Name: opts.Scheme.Name, Width: l.Width, K: l.K(), Group: l.Group}
	entry.Bytes, err = dst.PutLayer(t, l, entry.Distortion)
	return entry, err
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

// fragile lists tensors that are small and whose errors spread: they pass through unless an
// --include without wildcards names them.
var fragile = []struct{ glob, reason string }{
	{"*router.weight", "router of a mixture of experts: a small error picks another expert"},
	{"*router.classifier.weight", "router of a mixture of experts: a small error picks another expert"},
	{"*.gate.weight", "router of a mixture of experts: a small error picks another expert"},
	{"*position_embedding*", "position table: added to every token's input"},
	{"*embed_positions*", "position table: added to every token's input"},
	{"*pos_embed*", "position table: added to every token's input"},
	{"*wpe.weight", "position table: added to every token's input"},
	{"*relative_attention_bias*", "position table: added to every attention score"},
	{"*A_log", "state-space decay: its exponential is applied at every step"},
}

// choice decides from names, types and shapes what is compressed.
type choice struct {
	opts Options
}

// newChoice checks the globs: one that is malformed or matches nothing is a mistake, not a wish.
func newChoice(tensors []Tensor, opts Options) (choice, error) {
	for _, glob := range append(append([]string(nil), opts.Include...), opts.Exclude...) {
		if _, err := path.Match(glob, ""); err != nil {
			return choice{}, fmt.Errorf("pattern %q: %w", glob, err)
		}
		used := false
		for _, t := range tensors {
			used = used || match(glob, t.Name)
		}
		if !used {
			return choice{}, fmt.Errorf("pattern %q matches none of the %d tensors", glob, len(tensors))
		}
	}
	return choice{opts}, nil
}

// reason says why a tensor passes through, "" when it is to be compressed.
func (c choice) reason(t Tensor) string {
	rows, cols, ok := t.Matrix()
	switch {
	case !t.Float():
		return t.DType + " values"
	case len(t.Shape) == 0:
		return "a single value"
	case !ok:
		return "a vector"
	case t.Elements() == 0:
		return "empty"
	}
	for _, glob := range c.opts.Exclude {
		if match(glob, t.Name) {
			return "excluded by " + glob
		}
	}
	included, named := len(c.opts.Include) == 0, false
	for _, glob := range c.opts.Include {
		included = included || match(glob, t.Name)
		named = named || glob == t.Name
	}
	if !included {
		return "not included"
	}
	for _, f := range fragile {
		if !named && match(f.glob, t.Name) {
			return f.reason
		}
	}
	s := c.opts.Scheme
	if s.Width >= cols {
		return fmt.Sprintf("%d columns are fewer than two segments of %d", cols, s.Width)
	}
	if bytes := s.fileBytes(rows, cols); bytes >= t.Bytes {
		return fmt.Sprintf("a codebook would take about %d bytes, the tensor takes %d", bytes, t.Bytes)
	}
	return ""
}

// match is path.Match without its special case: a star matches slashes too.
func match(glob, name string) bool {
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(noSlash(glob), noSlash(name))
	return ok && err == nil
}
