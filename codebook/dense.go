package codebook

import (
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
)

// Dense is a float32 matrix [Rows, Cols], row-major, multiplied as it is: what a model's other
// tensors are, what layers are compared with, and what runs where no codebook is faster.
type Dense struct {
	Rows, Cols int
	W          []float32
}

// mulRows multiplies rows from lo to hi.
func (d *Dense) mulRows(set *kernels.Set, y, x []float32, n, lo, hi int) {
	w := d.W[lo*d.Cols : hi*d.Cols]
	if n == 1 {
		set.DenseVec(y[lo:hi], w, x)
		return
	}
	set.DenseMat(y[lo:], d.Rows, w, x, hi-lo, d.Cols, n)
}

// Plan returns a plan for the multiplication that layers are compared with, which does not look for
// a NaN or an infinity in the inputs. opts.Plan is ignored.
func (d *Dense) Plan(opts RunOptions) (*Plan, error) {
	return d.plan(opts, baselineEngine{denseEngine{d}})
}

func (d *Dense) plan(opts RunOptions, e engine) (*Plan, error) {
	set, err := opts.kernels()
	if err != nil {
		return nil, err
	}
	cost := costDense(costsOf(set), &Layer{Rows: d.Rows, Cols: d.Cols}, float64(max(1, opts.Batch)))
	return newPlan(d.Rows, d.Cols, "dense", "dense-vector", e, set, opts.threads(cost)), nil
}

// denseEngine multiplies the rebuilt weights.
type denseEngine struct{ *Dense }

func layDense(l *Layer) (engine, putter) {
	d := &Dense{Rows: l.Rows, Cols: l.Cols, W: make([]float32, l.Rows*l.Cols)}
	return denseEngine{d}, func(r int, assignments []byte) {
		l.rebuild(d.W[r*d.Cols:][:d.Cols], r, assignments)
	}
}

func (e denseEngine) row(dst []float32, r int) { copy(dst, e.W[r*e.Cols:]) }

func (e denseEngine) bits() int64 { return 32 * int64(len(e.W)) }

func (e denseEngine) precision() precision { return precision{} }

func (e denseEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	return floats.IndexNonfinite(x) < 0 && baselineEngine{e}.mul(p, ws, y, x, n)
}

func (e denseEngine) part(p *Plan, ws *workspace, lo, hi int) {
	e.mulRows(p.set, ws.out, ws.x, ws.n, lo, hi)
}

// baselineEngine is what layers are compared with: nothing but the multiplication, for finite
// inputs.
type baselineEngine struct{ denseEngine }

func (e baselineEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	ws.x, ws.n, ws.out = x, n, y
	p.split(ws, e.Rows)
	return true
}
