package codebook

import (
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
)

// RunOptions say how a layer is multiplied.
type RunOptions struct {
	Kernels *kernels.Set // nil: kernels.Best
	// at most; 0 or 1: the caller's goroutine alone, which is also best for small layers. The others
	// are the same for all plans; after a part they look for the next one for 0.1 ms, then sleep.
	Threads int
	Batch   int    // vectors multiplied at once, for which the plan is chosen; 0: 1
	Plan    string // name of the plan to use, "": the one that the cost model finds fastest
}

// Plan is a way to multiply a layer, with the layer laid out in memory for it: its weights in the
// order in which a kernel reads them. Its methods may be called at the same time.
type Plan struct {
	rows, cols int
	name, tier string
	engine     engine
	set        *kernels.Set
	threads    int // at most 1: the caller's goroutine alone
}

// engine is a layer in the layout of a plan, together with the operations that multiply it.
type engine interface {
	// bits is what the layout takes in memory.
	bits() int64
	// mul writes y [n, rows] for x [n, cols]. It returns false when x holds a NaN or an infinity.
	mul(p *Plan, ws *workspace, y, x []float32, n int) bool
	// part does what split hands out: panels, or rows, from lo to hi.
	part(p *Plan, ws *workspace, lo, hi int)
	// row writes row r of the weights. With extras it is the whole matrix's row, without them what
	// coreRow has.
	row(dst []float32, r int)
	// precision says what bound needs to know.
	precision() precision
}

// putter writes the assignments of row r into a layout in the making, from several goroutines.
type putter func(r int, assignments []byte)

// plans lists the ways to multiply a layer. cost is in nanoseconds for a batch on one thread; lay
// returns an engine that is still empty, and what fills it in.
var plans = []struct {
	name, op string
	fits     func(l *Layer) bool
	cost     func(c *costs, l *Layer, batch float64) float64
	lay      func(l *Layer) (engine, putter)
}{
	{"broadcast", "mul-u8", fitsBroadcast, costBroadcast, layBroadcast},
	{"table", "table", fitsTable, costTable, layTable},
	{"decode16", "mul-nibble", fitsNibbles, costNibbles, layNibbles},
	{"decode256", "mul-lookup", fitsLookup, costLookup, layLookup},
	{"window", "mul-window", fitsWindow, costWindow, layWindow},
	{"bytes", "mul-u8", fitsBytes, costBytes, layBytes},
	{"dense", "dense-vector", func(*Layer) bool { return true }, costDense, layDense},
}

// Plan returns the plan that the options name or, where they name none, the fastest, with the layer
// laid out for it. A layer that has nothing but its Stream is decoded on the way, a block of rows
// at a time. The plan keeps nothing of the layer.
func (l *Layer) Plan(opts RunOptions) (*Plan, error) {
	c, err := l.choosePlan(opts)
	if err != nil {
		return nil, err
	}
	return c.lay()
}

// planChoice is a layer with the plan that it is to be laid out for.
type planChoice struct {
	head    *Layer // with what its stream says of it
	each    func(do func(r int, assignments []byte)) error
	set     *kernels.Set
	plan    int // index
	threads int
}

// choosePlan returns the plan that the options name, or else the fastest.
func (l *Layer) choosePlan(opts RunOptions) (*planChoice, error) {
	if uint64(l.Rows) > math.MaxUint32 || uint64(l.Cols) > math.MaxUint32 {
		return nil, fmt.Errorf("[%d, %d] is too large to multiply with", l.Rows, l.Cols)
	}
	head, each, err := l.eachRow()
	if err != nil {
		return nil, err
	}
	set, err := opts.kernels()
	if err != nil {
		return nil, err
	}
	plan, cost := head.fastest(costsOf(set), opts.Batch, opts.Plan)
	if plan < 0 {
		return nil, fmt.Errorf("no plan %q for a layer of width %d with %d centroids",
			opts.Plan, head.Width, head.K())
	}
	return &planChoice{head, each, set, plan, opts.threads(cost)}, nil
}

func (c *planChoice) name() string { return plans[c.plan].name }

func (c *planChoice) lay() (*Plan, error) {
	row := plans[c.plan]
	e, put := row.lay(c.head)
	if err := c.each(put); err != nil {
		return nil, err
	}
	if bytes, ok := e.(*panelEngine); ok && row.op == "mul-u8" {
		c.set.Measure(&bytes.m)
	}
	e = withExtras(c.head, e)
	return newPlan(c.head.Rows, c.head.Cols, row.name, row.op, e, c.set, c.threads), nil
}

// Fastest names the plan that multiplies batch vectors at once in the least time on one thread, the
// kernel tier that does most of the work then, and about how long that takes, in nanoseconds. tiers
// says which tier a CPU has for an operation: for this one, [kernels.Set.Tier]. Only the shape and
// the number of centroids count: assignments and scales may be missing.
func (l *Layer) Fastest(batch int, tiers func(op string) string) (plan, tier string, time float64) {
	best, time := l.fastest(costsWith(tiers), batch, "")
	return plans[best].name, tiers(plans[best].op), time
}

// fastest returns the index of a plan, of this name if that is not empty, -1 if none fits.
func (l *Layer) fastest(c *costs, batch int, name string) (best int, cost float64) {
	best, cost = -1, math.Inf(1)
	for i, row := range plans {
		if !row.fits(l) || name != "" && row.name != name {
			continue
		}
		if l.Scale > overflowing && row.name != "dense" {
			continue // what leaves float32 on the way has to be written out
		}
		if c := row.cost(c, l, float64(max(1, batch))); best < 0 || c < cost {
			best, cost = i, c
		}
	}
	return best, cost
}

func (o RunOptions) kernels() (*kernels.Set, error) {
	if o.Kernels != nil {
		return o.Kernels, nil
	}
	return kernels.Best()
}

// threads is how many are worth starting for work of this cost.
func (o RunOptions) threads(cost float64) int { return min(o.Threads, int(cost/costThread)) }

func newPlan(rows, cols int, name, op string, e engine, set *kernels.Set, threads int) *Plan {
	return &Plan{rows: rows, cols: cols, name: name, tier: set.Tier(op), engine: e, set: set,
		threads: threads}
}

// Name is the name of the plan. "broadcast" and "table" multiply the centroids with the input and
// add the products up by the assignments; "decode16", "decode256" and "window" keep the assignments
// and look weights up in registers; "bytes" keeps the weights as bytes, "dense" as float32.
func (p *Plan) Name() string { return p.name }

// Tier names the kernel tier that does most of the work.
func (p *Plan) Tier() string { return p.tier }

// BitsResident is what the plan holds in memory for the layer's weights, in bits.
func (p *Plan) BitsResident() int64 { return p.engine.bits() }

// Row writes row r of the rebuilt matrix to dst, which must hold Cols values: the same values as
// Layer.Row.
func (p *Plan) Row(dst []float32, r int) { p.engine.row(dst[:p.cols], r) }

// MulVec writes y = W*x for len(x) = Cols, len(y) = Rows. A NaN or an infinity in x is an error.
func (p *Plan) MulVec(y, x []float32) error { return p.MulMat(y, x, 1) }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols]. Slices of other lengths are a
// [ShapeError], a NaN or an infinity in x is a [NotFiniteError].
func (p *Plan) MulMat(y, x []float32, n int) error {
	switch {
	case n < 0 || len(x) != n*p.cols:
		return &ShapeError{"x", len(x), max(n, 0) * p.cols}
	case len(y) != n*p.rows:
		return &ShapeError{"y", len(y), n * p.rows}
	}
	if n == 0 {
		return nil
	}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	finite := p.engine.mul(p, ws, y, x, n)
	ws.x, ws.out = nil, nil // the pool must not keep the caller's memory alive
	if !finite {
		return nonfinite(x)
	}
	return nil
}

// nonfinite names the first value of x that is none.
func nonfinite(x []float32) error {
	i := floats.IndexNonfinite(x)
	return &NotFiniteError{"input", i, x[i]}
}
