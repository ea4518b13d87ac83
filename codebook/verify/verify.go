// Package verify compares the layers of a compressed model with dense float32 multiplication:
// errors and times.
package verify

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
)

// Options of Run. The zero value of each field is its default.
type Options struct {
	// the original model; nil: the rebuilt weights stand in, weight errors are unknown
	Truth codebook.Source
	// inputs by tensor name, [n, cols] float; tensors without one get Gaussian inputs; may be nil
	Inputs   codebook.Source
	Seed     uint64                  // of the Gaussian inputs
	Batch    int                     // vectors multiplied at once; 0: 1
	Threads  int                     // 0: 1
	Kernels  *kernels.Set            // nil: kernels.Best
	Progress func(codebook.Progress) // called before each layer and at the end; may be nil
	// BytesIn and BytesOut are the sizes of the original file and of the codebook file, for the
	// report; 0: unknown.
	BytesIn, BytesOut int64
}

// Check is what Run found of one layer. Times are microseconds for one call (a batch).
type Check struct {
	Name         string  `json:"name"`
	Shape        []int   `json:"shape"`
	Scheme       string  `json:"scheme"`
	K            int     `json:"k"`
	D            int     `json:"d"`
	Group        int     `json:"group,omitempty"`
	WindowBits   int     `json:"window,omitempty"` // new bits that a weight brings to its window
	Plan         string  `json:"plan"`
	Tier         string  `json:"tier"`
	BitsStored   float64 `json:"bits_stored"`   // a weight, everything in the file counted
	BitsResident float64 `json:"bits_resident"` // a weight, in memory while multiplying
	// relative Frobenius error; null without the original
	WeightError *float64 `json:"weight_error"`
	Recorded    *float64 `json:"recorded_error"` // that when the file was made; null: unknown
	OutputError float64  `json:"output_error"`   // compiled path against dense float32, relative
	// compiled path against exact arithmetic on the same centroids
	KernelError float64 `json:"kernel_error"`
	// what that can be at most for these inputs, as proven
	KernelBound float64 `json:"kernel_bound"`
	Cosine      float64 `json:"cosine"`    // of the outputs
	MaxError    float64 `json:"max_error"` // largest absolute difference of outputs
	DenseUs     float64 `json:"dense_us"`
	CompiledUs  float64 `json:"compiled_us"`
	Speedup     float64 `json:"speedup"`
}

// Total sums up the layers. Errors are over all layers together, times those of the best pass.
type Total struct {
	Weights  int64 `json:"weights"`
	BytesIn  int64 `json:"bytes_in"` // as in Options
	BytesOut int64 `json:"bytes_out"`
	// of BytesIn to BytesOut; 0 where they are not known
	Ratio        float64  `json:"ratio"`
	BitsStored   float64  `json:"bits_stored"`
	BitsResident float64  `json:"bits_resident"`
	WeightError  *float64 `json:"weight_error"`
	OutputError  float64  `json:"output_error"`
	Cosine       float64  `json:"cosine"`
	DenseUs      float64  `json:"dense_us"`
	CompiledUs   float64  `json:"compiled_us"`
	Speedup      float64  `json:"speedup"`
	// by weight error, else recorded error, else output error
	Worst *codebook.Worst `json:"worst"`
	// layers whose speed-up is below SlowerBelow
	Slower  int      `json:"slower_than_dense"`
	Slowest *Slowest `json:"slowest"`
}

// SlowerBelow is the speed-up below which a layer counts as slower than dense. It is not 1: times
// of the same work vary by a few percent, and layers that no plan is faster for run as dense.
const SlowerBelow = 0.95

// Slowest is the layer with the smallest speed-up.
type Slowest struct {
	Tensor  string  `json:"tensor"`
	Speedup float64 `json:"speedup"`
}

// worst is the best that is known of what the layer has lost: the error of its weights, now or else
// when the file was made, or else that of its output.
func (c *Check) worst() codebook.Worst {
	switch {
	case c.WeightError != nil:
		return codebook.Worst{Tensor: c.Name, Error: *c.WeightError, Of: "weights"}
	case c.Recorded != nil:
		return codebook.Worst{Tensor: c.Name, Error: *c.Recorded, Of: "weights, as recorded"}
	}
	return codebook.Worst{Tensor: c.Name, Error: c.OutputError, Of: "output"}
}

// Report is the result of Run.
type Report struct {
	Layers []Check `json:"layers"`
	Total  Total   `json:"total"`
}

// Layer is a layer with the tensor that it stands for and what it takes in the file.
type Layer struct {
	Tensor codebook.Tensor // the original: name, dtype, shape
	Bytes  int64           // in the file, its part of the header included
	// Read returns the layer, with its Assignments. Run calls it once, does not keep the layer, and
	// returns its errors as they are.
	Read func(ctx context.Context) (*codebook.Layer, error)
	// Recorded is the distortion of the weights that was found when the file was made, to six
	// digits; nil: not known.
	Recorded *codebook.Distortion
}

const (
	verifyVectors = 16 // vectors whose outputs are compared, at least
	verifyRounds  = 3  // of a block of dense passes and a block of compiled ones
	// blockPasses is the length of a block. Its first passes find what the other kind left in the
	// cache.
	blockPasses = 8
)

// groupBytes is how many bytes of weights are there at a time, as float32, or one layer: more than
// a cache holds even of what they are compressed to, so that a pass through them is as one through
// all.
var groupBytes int64 = 1 << 30 // tests have smaller models

// verification is a report in the making.
type verification struct {
	*Report
	weights, outputs codebook.Distortion
	dense, compiled  time.Duration // of the best passes
}

// layerRun is what the times of a layer are taken with.
type layerRun struct {
	dense, compiled timed
	x, y            []float32 // of a timed call
	batch           int
}

// timed is a plan and the shortest time that it took.
type timed struct {
	*codebook.Plan
	best time.Duration
}

// Run compares each layer with dense float32 multiplication: errors, and times taken in passes
// through all layers in order, as a forward pass walks them, so that a model larger than the cache
// is measured from memory. Dense and compiled passes alternate in blocks: a dense pass right before
// a compiled one would evict what it needs. Of a large model a group of layers after the other is
// passed through, so that no more than about 1 GB of float32 weights, or the largest matrix, is in
// memory. Where opts.Truth is not what a layer was made from, as far as its Recorded distortion
// tells, there is a [MismatchError].
func Run(ctx context.Context, layers []Layer, opts Options) (*Report, error) {
	if opts.Kernels == nil {
		best, err := kernels.Best()
		if err != nil {
			return nil, err
		}
		opts.Kernels = best
	}
	opts.Batch, opts.Threads = max(1, opts.Batch), max(1, opts.Threads)
	truth, inputs := byName(opts.Truth), byName(opts.Inputs)
	v := &verification{Report: newReport(opts.BytesIn, opts.BytesOut)}
	var progress codebook.Progress
	weights := int64(0)
	for _, l := range layers {
		progress.Total += l.Tensor.Bytes
		weights += l.Tensor.Elements()
	}
	// Groups of about one size: a small one at the end would be measured in the cache.
	groups := 4*weights/groupBytes + 1
	var runs []*layerRun
	var done, passed int64 // weights, groups
	for _, l := range layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if progress.Tensor = l.Tensor.Name; opts.Progress != nil {
			opts.Progress(progress)
		}
		layer, err := l.Read(ctx)
		if err != nil {
			return nil, err
		}
		r, c, err := v.measureErrors(ctx, l, layer, opts, truth, inputs)
		if err != nil {
			return nil, &codebook.TensorError{Tensor: l.Tensor.Name, Err: err}
		}
		v.Layers = append(v.Layers, c)
		runs = append(runs, r)
		progress.Done += l.Tensor.Bytes
		done += l.Tensor.Elements()
		if through := done * groups / weights; through > passed {
			if err := v.timePasses(ctx, runs); err != nil {
				return nil, err
			}
			runs, passed = nil, through
		}
	}
	if progress.Tensor = ""; opts.Progress != nil {
		opts.Progress(progress)
	}
	v.sumUp(layers, opts.Truth != nil)
	return v.Report, nil
}

// measureErrors multiplies some inputs with a layer in three ways: compiled, dense, and exactly
// with the layer's own weights.
func (v *verification) measureErrors(ctx context.Context, l Layer, layer *codebook.Layer,
	opts Options, truth, given named) (*layerRun, Check, error) {
	rows, cols := layer.Rows, layer.Cols
	c := Check{
		Name: l.Tensor.Name, Shape: l.Tensor.Shape, Scheme: layer.Scheme().Name, K: layer.K(),
		D: layer.Width, Group: layer.Group, WindowBits: layer.WindowBits,
		BitsStored: float64(8*l.Bytes) / float64(rows*cols),
	}
	if l.Recorded != nil {
		if relative := l.Recorded.Relative(); relative-relative == 0 { // a record may say anything
			c.Recorded = &relative
		}
	}
	runOpts := codebook.RunOptions{Kernels: opts.Kernels, Threads: opts.Threads, Batch: opts.Batch}
	plan, err := layer.Plan(runOpts)
	if err != nil {
		return nil, c, err
	}
	c.Plan, c.Tier = plan.Name(), plan.Tier()
	c.BitsResident = float64(plan.BitsResident()) / float64(rows*cols)
	dense := codebook.Dense{Rows: rows, Cols: cols}
	if opts.Truth == nil {
		dense.W = layer.Dense()
	} else {
		if dense.W, err = truth.original(ctx, l.Tensor); err != nil {
			return nil, c, err
		}
		d := layer.Distortion(dense.W, opts.Threads)
		if err := l.matches(d); err != nil {
			return nil, c, err
		}
		relative := d.Relative()
		c.WeightError = &relative
		v.weights.Merge(d)
	}
	x, err := given.inputs(ctx, l.Tensor.Name, cols, opts)
	if err != nil {
		return nil, c, err
	}
	n := len(x) / cols
	y, want := make([]float32, n*rows), make([]float32, n*rows)
	for lo := 0; lo < n; lo += opts.Batch {
		hi := min(lo+opts.Batch, n)
		if err := plan.MulMat(y[lo*rows:hi*rows], x[lo*cols:hi*cols], hi-lo); err != nil {
			return nil, c, err
		}
	}
	baseline, err := dense.Plan(runOpts)
	if err != nil {
		return nil, c, err
	}
	if err := baseline.MulMat(want, x, n); err != nil {
		return nil, c, err
	}
	var d codebook.Distortion
	d.Add(y, want)
	v.outputs.Merge(d)
	c.OutputError, c.Cosine, c.MaxError = d.Relative(), d.Cosine(), d.Max
	c.KernelError, c.KernelBound = plan.Check(layer, y, x)
	return &layerRun{
		dense: timed{baseline, math.MaxInt64}, compiled: timed{plan, math.MaxInt64},
		x: x[:opts.Batch*cols], y: y[:opts.Batch*rows], batch: opts.Batch,
	}, c, nil
}

// MismatchError says that a layer was not made from the weights that it is compared with.
type MismatchError struct {
	Sum         string // which sum over the weights differs
	Found, Want float64
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the sum of its %s is %.6g, that of the weights the file was made from %.6g",
		e.Sum, e.Found, e.Want)
}

const (
	// recordTolerance is how far a sum may be from its record, relative: six digits leave 5e-6,
	// another order of adding much less.
	recordTolerance = 1e-5
	// roundingNoise, as a part of the signal, times recordTolerance: what rounding to float32 could
	// add to the noise of a layer that has nearly none.
	roundingNoise = 1e-9
)

// matches holds the distortion from what is said to be the original against the recorded one. The
// noise tells more than the signal: a change of the weights that is small beside them is not so
// small beside the layer's error.
func (l *Layer) matches(d codebook.Distortion) error {
	if l.Recorded == nil {
		return nil
	}
	want := *l.Recorded
	for _, sum := range []struct {
		name        string
		found, want float64
		scale       float64 // of what is added, where some of it cancels out
	}{
		{"squares", d.Signal, want.Signal, want.Signal},
		{"squared differences from the layer", d.Noise, want.Noise,
			want.Noise + roundingNoise*want.Signal},
		{"products with the layer's", d.Dot, want.Dot,
			math.Sqrt(want.Signal) * math.Sqrt(want.Approx)},
	} {
		if !(math.Abs(sum.found-sum.want) <= recordTolerance*sum.scale) {
			return &MismatchError{sum.name, sum.found, sum.want}
		}
	}
	return nil
}

// named is a source with its tensors by name.
type named struct {
	codebook.Source
	tensors map[string]codebook.Tensor
}

// byName lists the tensors of a source, which may be nil, once for all layers.
func byName(src codebook.Source) named {
	n := named{src, make(map[string]codebook.Tensor)}
	if src != nil {
		for _, t := range src.Tensors() {
			n.tensors[t.Name] = t
		}
	}
	return n
}

// original reads the original of a layer.
func (n named) original(ctx context.Context, t codebook.Tensor) ([]float32, error) {
	o, ok := n.tensors[t.Name]
	if !ok {
		return nil, fmt.Errorf("%w in the original model", codebook.ErrNoTensor)
	}
	if !slices.Equal(o.Shape, t.Shape) {
		return nil, fmt.Errorf("shape %v in the original model, %v in the codebook file",
			o.Shape, t.Shape)
	}
	if !o.Float() {
		return nil, fmt.Errorf("%s values in the original model, %s in the codebook file",
			o.DType, t.DType)
	}
	w, err := n.Floats(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	if i := floats.IndexNonfinite(w); i >= 0 {
		bad := &codebook.NotFiniteError{Index: i, Value: w[i]}
		return nil, fmt.Errorf("%w in the original model", bad)
	}
	return t.Arranged(w), nil
}

// inputs returns the vectors to multiply a layer with, a multiple of the batch: given ones, over
// again if they are few, or Gaussian ones.
func (n named) inputs(ctx context.Context, name string, cols int, opts Options) (
	x []float32, err error) {
	vectors := roundUp(verifyVectors, opts.Batch)
	if t, ok := n.tensors[name]; ok {
		shape := t.Shape
		if len(shape) == 0 || shape[len(shape)-1] != cols || t.Elements() == 0 || !t.Float() {
			return nil, fmt.Errorf("input is %s %v, want floats [n, %d]", t.DType, shape, cols)
		}
		given, err := n.Floats(ctx, name)
		if err != nil {
			return nil, err
		}
		vectors = roundUp(max(vectors, len(given)/cols), opts.Batch)
		for x = make([]float32, 0, vectors*cols); len(x) < cap(x); {
			x = append(x, given[:min(len(given), cap(x)-len(x))]...)
		}
		return x, nil
	}
	x = make([]float32, vectors*cols)
	random := rand.New(rand.NewPCG(opts.Seed, uint64(cols)))
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x, nil
}

// roundUp is the least multiple of m that is no less than n.
func roundUp(n, m int) int { return (n + m - 1) / m * m }

// timePasses notes the best times of the layers that were looked at last, and adds those of the
// best passes through them to the total.
func (v *verification) timePasses(ctx context.Context, runs []*layerRun) error {
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	plans := [2]func(r *layerRun) *timed{
		func(r *layerRun) *timed { return &r.dense },
		func(r *layerRun) *timed { return &r.compiled },
	}
	for range verifyRounds {
		for i, plan := range plans {
			for range blockPasses {
				if err := timePass(ctx, runs, plan, &best[i]); err != nil {
					return err
				}
			}
		}
	}
	for i, r := range runs {
		c := &v.Layers[len(v.Layers)-len(runs)+i]
		c.DenseUs, c.CompiledUs = microseconds(r.dense.best), microseconds(r.compiled.best)
		c.Speedup = c.DenseUs / c.CompiledUs
	}
	v.dense += best[0]
	v.compiled += best[1]
	return nil
}

// timePass walks through layers with one of their plans.
func timePass(ctx context.Context, runs []*layerRun, of func(*layerRun) *timed,
	best *time.Duration) error {
	var pass time.Duration
	for _, r := range runs {
		t, start := of(r), time.Now()
		if err := t.MulMat(r.y, r.x, r.batch); err != nil {
			return err
		}
		took := time.Since(start)
		t.best, pass = min(t.best, took), pass+took
	}
	*best = min(*best, pass)
	return ctx.Err()
}

// sumUp fills in the totals.
func (v *verification) sumUp(layers []Layer, known bool) {
	t := &v.Total
	var stored, resident float64
	for i := range v.Layers {
		c, n := &v.Layers[i], layers[i].Tensor.Elements()
		t.Weights += n
		t.Worst = t.Worst.Or(c.worst())
		t.addSpeed(c.Name, c.Speedup)
		stored += c.BitsStored * float64(n)
		resident += c.BitsResident * float64(n)
	}
	if len(layers) == 0 {
		return
	}
	t.BitsStored, t.BitsResident = stored/float64(t.Weights), resident/float64(t.Weights)
	if known {
		relative := v.weights.Relative()
		t.WeightError = &relative
	}
	t.OutputError, t.Cosine = v.outputs.Relative(), v.outputs.Cosine()
	t.DenseUs, t.CompiledUs = microseconds(v.dense), microseconds(v.compiled)
	t.Speedup = t.DenseUs / t.CompiledUs
}

// addSpeed takes in the speed-up of a layer.
func (t *Total) addSpeed(tensor string, speedup float64) {
	if t.Slowest == nil || speedup < t.Slowest.Speedup {
		t.Slowest = &Slowest{tensor, speedup}
	}
	if speedup < SlowerBelow {
		t.Slower++
	}
}

// microseconds is never 0, so that ratios stay numbers where the clock is coarse.
func microseconds(d time.Duration) float64 { return max(float64(d), 1) / 1e3 }
