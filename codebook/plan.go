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
	Threads int          // at most; 0 or 1: the caller's goroutine alone, which is also best for small layers
	Batch   int          // vectors multiplied at once, for which the plan is chosen; 0: 1
	Plan    string       // name of the plan to use, "": the one that the cost model finds fastest
}

// Plan is a layer laid out for multiplication. Its methods may be called at the same time.
type Plan struct {
	rows, cols int
	name, tier string
	engine     engine
	set        *kernels.Set
	threads    int // at most 1: the caller's goroutine alone
}

// engine is a layout of a layer together with the operations that multiply it.
type engine interface {
	// bits is what the layout takes in memory.
	bits() int64
	// mul writes y [n, rows] for x [n, cols]. It returns false when x holds a NaN or an infinity.
	mul(p *Plan, ws *workspace, y, x []float32, n int) bool
	// part does what share hands out: panels, or rows, from lo to hi.
	part(p *Plan, ws *workspace, lo, hi int)
	// precision says what bound needs to know.
	precision() precision
}

// plans lists the ways to multiply a layer. cost is in nanoseconds for a batch on one thread.
var plans = []struct {
	name, op string
	fits     func(l *Layer) bool
	cost     func(c *costs, l *Layer, batch float64) float64
	lay      func(l *Layer) engine
}{
	{"broadcast", "mul-u8", fitsBroadcast, costBroadcast, layBroadcast},
	{"table", "table", fitsTable, costTable, layTable},
	{"decode16", "mul-nibble", fitsNibbles, costNibbles, layNibbles},
	{"decode256", "mul-lookup", fitsLookup, costLookup, layLookup},
	{"window", "mul-window", fitsWindow, costWindow, layWindow},
	{"bytes", "mul-u8", fitsBytes, costBytes, layBytes},
	{"dense", "dense-vector", func(*Layer) bool { return true }, costDense, layDense},
}

// Plan lays the layer out as the options say.
func (l *Layer) Plan(opts RunOptions) (*Plan, error) {
	set, best, cost, err := l.choose(opts)
	if err != nil {
		return nil, err
	}
	row := plans[best]
	return newPlan(l.Rows, l.Cols, row.name, row.op, withExtras(l, row.lay(l)), set, opts.threads(cost)), nil
}

// Choose names the plan that Plan would lay out and its kernel tier. It does not look at the assignments and scales,
// which may be missing.
func (l *Layer) Choose(opts RunOptions) (plan, tier string, err error) {
	set, best, _, err := l.choose(opts)
	if err != nil {
		return "", "", err
	}
	return plans[best].name, set.Tier(plans[best].op), nil
}

// Fastest names the plan with which multiplying so many vectors at once takes least on one thread of
// a CPU whose operations have these kernel tiers, and about what that is, in nanoseconds. It does
// not look at the assignments and scales, which may be missing.
func (l *Layer) Fastest(batch int, tier func(op string) string) (plan string, time float64) {
	best, time := l.fastest(costsWith(tier), batch, "")
	return plans[best].name, time
}

// fastest returns the index of a plan, of this name if that is not empty, -1 if none fits.
func (l *Layer) fastest(c *costs, batch int, name string) (best int, cost float64) {
	best, cost = -1, math.Inf(1)
	for i, row := range plans {
		if !row.fits(l) || name != "" && row.name != name {
			continue
		}
		if c := row.cost(c, l, float64(max(1, batch))); best < 0 || c < cost {
			best, cost = i, c
		}
	}
	return best, cost
}

// choose returns the kernels, the index of a plan and its cost.
func (l *Layer) choose(opts RunOptions) (set *kernels.Set, best int, cost float64, err error) {
	if set, err = opts.kernels(); err != nil {
		return nil, 0, 0, err
	}
	best, cost = l.fastest(costsOf(set), opts.Batch, opts.Plan)
	if best < 0 {
		return nil, 0, 0, fmt.Errorf("no plan %q for a layer of width %d with %d centroids", opts.Plan, l.Width, l.K())
	}
	return set, best, cost, nil
}

func (o RunOptions) kernels() (*kernels.Set, error) {
	if o.Kernels != nil {
		return o.Kernels, nil
	}
	return kernels.Best()
}

// threads is how many share work of this cost.
func (o RunOptions) threads(cost float64) int { return min(o.Threads, int(cost/costShare)) }

func newPlan(rows, cols int, name, op string, e engine, set *kernels.Set, threads int) *Plan {
	return &Plan{rows: rows, cols: cols, name: name, tier: set.Tier(op), engine: e, set: set, threads: threads}
}

// Name is the plan: "broadcast" and "table" spread dot products of the centroids, "decode16",
// "decode256" and "window" multiply weights looked up in registers, "bytes" weights written out as bytes, "dense"
// rebuilt float32 weights.
func (p *Plan) Name() string { return p.name }

// Tier names the kernel tier that does most of the work.
func (p *Plan) Tier() string { return p.tier }

// BitsResident is what the plan holds in memory for the layer's weights, in bits.
func (p *Plan) BitsResident() int64 { return p.engine.bits() }

// MulVec writes y = W*x for len(x) = Cols, len(y) = Rows. A NaN or an infinity in x is an error.
func (p *Plan) MulVec(y, x []float32) error { return p.MulMat(y, x, 1) }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols].
func (p *Plan) MulMat(y, x []float32, n int) error {
	if n < 0 || len(x) != n*p.cols || len(y) != n*p.rows {
		return fmt.Errorf("%d inputs for a layer [%d, %d]: len(x) is %d, len(y) is %d", n, p.rows, p.cols, len(x), len(y))
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
	return fmt.Errorf("input %d is %v", i, x[i])
}

// MulVec writes y = W*x with the default plan on one thread, made at the first call.
func (l *Layer) MulVec(y, x []float32) error { return l.MulMat(y, x, 1) }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols], as MulVec does.
func (l *Layer) MulMat(y, x []float32, n int) error {
	if err := l.lay(); err != nil {
		return err
	}
	return l.plan.MulMat(y, x, n)
}

// lay makes the default plan, once.
func (l *Layer) lay() error {
	l.once.Do(func() { l.plan, l.planErr = l.Plan(RunOptions{}) })
	return l.planErr
}
