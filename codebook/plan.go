package codebook

import (
	"errors"

	"github.com/palettize/palettize/kernels"
)

// RunOptions say how a layer is multiplied.
type RunOptions struct {
	Kernels *kernels.Set // nil: kernels.Best
	Threads int          // 0 or 1: the caller's goroutine alone
}

// Plan is a layer laid out for multiplication. Its methods may be called at the same time.
type Plan struct{}

// Plan lays the layer out for the plan that the cost model finds fastest.
func (l *Layer) Plan(opts RunOptions) (*Plan, error) {
	return nil, errors.New("codebook: in the making")
}

// Name is the plan: "broadcast", "table", "decode" ...
func (p *Plan) Name() string { return "" }

// Tier names the kernel tier that does most of the work.
func (p *Plan) Tier() string { return "" }

// BitsResident is what the plan holds in memory for the layer's weights, in bits.
func (p *Plan) BitsResident() int64 { return 0 }

// MulVec writes y = W*x for len(x) = Cols, len(y) = Rows. A NaN or an infinity in x is an error.
func (p *Plan) MulVec(y, x []float32) error { return nil }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols].
func (p *Plan) MulMat(y, x []float32, n int) error { return nil }

// MulVec writes y = W*x with the default plan on one thread, made at the first call.
func (l *Layer) MulVec(y, x []float32) error { return nil }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols], as MulVec does.
func (l *Layer) MulMat(y, x []float32, n int) error { return nil }

// Dense is a float32 matrix [Rows, Cols], row-major, multiplied as it is.
type Dense struct {
	Rows, Cols int
	W          []float32
}

// Dims returns the number of rows and columns.
func (d *Dense) Dims() (rows, cols int) { return d.Rows, d.Cols }

// MulVec writes y = W*x.
func (d *Dense) MulVec(y, x []float32) error { return nil }

// MulMat writes n results, y [n, Rows], for n inputs, x [n, Cols].
func (d *Dense) MulMat(y, x []float32, n int) error { return nil }

// Row writes row r of W to dst.
func (d *Dense) Row(dst []float32, r int) { copy(dst[:d.Cols], d.W[r*d.Cols:]) }
