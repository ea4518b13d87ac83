package codebook

import (
	"cmp"
	"slices"

	"github.com/palettize/palettize/internal/logscale"
)

// extrasEngine adds to an integer engine what that does not know of: scales of columns, which the
// input is multiplied with before it is quantised, and outliers, which are added to the results.
type extrasEngine struct {
	engine
	colScales []float32 // scales; nil: all 1
	outliers  []shortfall
}

// shortfall is an outlier, and what the engine's own weight falls short of it.
type shortfall struct {
	row, col     uint32
	value, short float32
}

const shortfallBits = 4 * 32

// withExtras returns the engine itself for a layer without extras, and for float32 weights, which
// hold everything. The engine is laid out.
func withExtras(l *Layer, e engine) engine {
	if e.precision().block == 0 || l.ColScales == nil && len(l.Outliers) == 0 {
		return e
	}
	x := &extrasEngine{engine: e, outliers: make([]shortfall, len(l.Outliers))}
	if l.ColScales != nil {
		x.colScales = make([]float32, l.Cols)
		for c, code := range l.ColScales {
			x.colScales[c] = logscale.Value(code)
		}
	}
	row := make([]float32, l.Cols)
	for i, o := range l.Outliers {
		if i == 0 || o.Row != l.Outliers[i-1].Row {
			e.row(row, o.Row)
		}
		short := o.Value - float32(row[o.Col]*l.colScale(o.Col))
		x.outliers[i] = shortfall{uint32(o.Row), uint32(o.Col), o.Value, short}
	}
	return x
}

func (l *Layer) colScale(c int) float32 {
	if l.ColScales == nil {
		return 1
	}
	return logscale.Value(l.ColScales[c])
}

func (e *extrasEngine) bits() int64 {
	return e.engine.bits() + 32*int64(len(e.colScales)) + shortfallBits*int64(len(e.outliers))
}

func (e *extrasEngine) row(dst []float32, r int) {
	e.engine.row(dst, r)
	for c, scale := range e.colScales {
		dst[c] *= scale
	}
	at, _ := slices.BinarySearchFunc(e.outliers, uint32(r), func(s shortfall, r uint32) int {
		return cmp.Compare(s.row, r)
	})
	for ; at < len(e.outliers) && e.outliers[at].row == uint32(r); at++ {
		dst[e.outliers[at].col] = e.outliers[at].value
	}
}

func (e *extrasEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	ws.colScales = e.colScales
	finite := e.engine.mul(p, ws, y, x, n)
	ws.colScales = nil
	if finite {
		e.addOutliers(p, y, x, n)
	}
	return finite
}

// addOutliers adds the products of n inputs with what weights fall short. It takes eight inputs at
// a time: outliers come by row, so that with one each addition would wait for the one before.
func (e *extrasEngine) addOutliers(p *Plan, y, x []float32, n int) {
	rows, cols := p.rows, p.cols
	for ; n >= 8; n -= 8 {
		for i := range e.outliers {
			o := &e.outliers[i]
			r, c, s := int(o.row), int(o.col), o.short
			y[r] += float32(s * x[c])
			y[r+rows] += float32(s * x[c+cols])
			y[r+2*rows] += float32(s * x[c+2*cols])
			y[r+3*rows] += float32(s * x[c+3*cols])
			y[r+4*rows] += float32(s * x[c+4*cols])
			y[r+5*rows] += float32(s * x[c+5*cols])
			y[r+6*rows] += float32(s * x[c+6*cols])
			y[r+7*rows] += float32(s * x[c+7*cols])
		}
		y, x = y[8*rows:], x[8*cols:]
	}
	for ; n > 0; n-- {
		for i := range e.outliers {
			o := &e.outliers[i]
			y[o.row] += float32(o.short * x[o.col])
		}
		y, x = y[rows:], x[cols:]
	}
}
