package codebook

import (
	"math"

	"github.com/palettize/palettize/internal/par"
)

// precision is how exact an engine is.
type precision struct {
	block int  // columns that share a scale of the int8 input; 0: the input stays float32
	table bool // dot products are rounded to int16
}

// ulp is the largest relative error of one rounding to float32.
const ulp = 0x1p-24

// bound is what a result of a plan can be off for one input vector: a proven limit on |y - W*x|,
// where W is what Row returns and x the input, for every row, as long as nothing underflows.
//
//   - x is rounded to steps of its block's scale s = max|x|/127, by s/2 at most; f = 127/max|x| and
//     x*f are rounded to float32, which for |x*f| of at most 127 adds 127*3 ulp of a step. For a
//     heavy vector the same holds of what is left, at most s/2 large: the step is s/254.
//   - A weight of Row is off from Scale * RowScale * multiplier * (centroid - zero point) by 3
//     roundings, a row scale in a plan by 2.
//   - Integer sums are exact. Each block's sum is rounded to float32, multiplied and added, the
//     result multiplied with the row scale: for b blocks b+4 roundings of at most the sum of
//     |w|*|x|. The results of a heavy vector's two parts are added, one more.
//   - A table entry is rounded by half of what the table's factor f makes of it, and by
//     float32(T*f) at 32767, 0.502 in all; f is at least (32767-n)/(sum of |T|) for n segments in
//     the block. The second part of a heavy vector adds at most half as much, together 0.76.
//   - Column scales are multiplied into the input and, in Row, into the weight: two roundings more.
//     An outlier adds the roundings of what its centroid falls short of, of its product and of the
//     sum: 4, of the sum of |w|*|x| with outlier and centroid both counted.
//   - Float32 multiplication adds up cols products in some order: cols roundings of at most the sum
//     of |w|*|x|.
type bound struct {
	layer     *Layer
	precision precision
	steps     []float64 // half a step of each block, and what comes on top
	table     []float64 // what rounding a block's tables can add, for a row scale of 1
	sums      float64   // roundings to float32, relative to the sum of |w|*|x|
	input, x  []float32 // the vector as it is given, and as the engine's own weights meet it
}

func newBound(l *Layer, p precision, x []float32) *bound {
	b := &bound{layer: l, precision: p, input: x, x: x}
	if p.block != 0 && l.ColScales != nil {
		b.x = make([]float32, len(x))
		for c, v := range x {
			b.x[c] = v * l.colScale(c)
		}
		x = b.x
	}
	if p.block == 0 {
		b.sums = float64(l.Cols+4) * ulp
		return b
	}
	blocks := ceilDiv(l.Cols, p.block)
	b.sums = float64(blocks+10) * ulp
	top := 0.0 // largest |centroid - zero point|
	for _, c := range l.Centroids {
		top = max(top, math.Abs(float64(c)-float64(l.ZeroPoint)))
	}
	for i := range blocks {
		block := x[i*p.block : min((i+1)*p.block, len(x))]
		amax, sum := 0.0, 0.0
		for _, v := range block {
			amax = max(amax, math.Abs(float64(v)))
			sum += math.Abs(float64(v))
		}
		scale := amax / 127
		if amax < 0x1p-99 { // may count as zeros
			b.steps = append(b.steps, amax)
		} else {
			b.steps = append(b.steps, scale*(0.5+127*4*ulp))
		}
		if p.table {
			n := float64(min(ceilDiv(p.block, l.Width), ceilDiv(len(block), l.Width)))
			q := sum + float64(len(block))*scale // at least scale * sum of |q|
			b.table = append(b.table, n*0.76*max(scale, top*q/(32767-n)))
		}
	}
	return b
}

// weights writes the engine's own weights of row r: those that extrasEngine knows nothing of.
func (b *bound) weights(dst []float32, r int) {
	if b.precision.block == 0 {
		b.layer.Row(dst, r)
	} else {
		b.layer.coreRow(dst, r, b.layer.Assignments[r*b.layer.Segments():][:b.layer.Segments()])
	}
}

// row returns the bound for row r, whose weights are w.
func (b *bound) row(r int, w []float32) float64 {
	var off, size float64
	for c, v := range w {
		size += math.Abs(float64(v) * float64(b.x[c]))
		if b.steps != nil {
			step := math.Abs(float64(v)) * b.steps[c/b.precision.block]
			off += step
			size += step
		}
	}
	sums := b.sums
	if b.steps != nil {
		for _, o := range b.layer.outliers(r) {
			size += math.Abs(float64(o.Value)*float64(b.input[o.Col])) +
				math.Abs(float64(w[o.Col])*float64(b.x[o.Col]))
			sums += 4 * ulp
		}
	}
	scale := float64(b.layer.rowScale(r))
	for _, t := range b.table {
		off += t * scale
	}
	return off + sums*size
}

// Check compares y [n, Rows], what the plan computed for inputs x [n, Cols], with exact results:
// float64 arithmetic on the rebuilt weights of the layer l that the plan was made from. It returns
// the relative error of y, and a proven upper bound of it for these inputs.
func (p *Plan) Check(l *Layer, y, x []float32) (relative, limit float64) {
	n := len(x) / l.Cols
	bounds := make([]*bound, n)
	for i := range bounds {
		bounds[i] = newBound(l, p.engine.precision(), x[i*l.Cols:][:l.Cols])
	}
	type sums struct {
		d Distortion
		b float64 // of squared bounds
	}
	rows := make([]sums, l.Rows)
	par.Ranges(p.threads, l.Rows, func(lo, hi int) {
		row, core := make([]float32, l.Cols), make([]float32, l.Cols)
		for r := lo; r < hi; r++ {
			l.Row(row, r)
			bounds[0].weights(core, r)
			for i := range n {
				x := x[i*l.Cols:][:l.Cols]
				var sum float64
				for c, v := range x {
					sum += float64(row[c]) * float64(v)
				}
				rows[r].d.add(float64(y[i*l.Rows+r]), sum)
				b := bounds[i].row(r, core)
				rows[r].b += b * b
			}
		}
	})
	var total sums
	for _, row := range rows {
		total.d.Merge(row.d)
		total.b += row.b
	}
	if total.d.Signal == 0 {
		return total.d.Relative(), 0
	}
	return total.d.Relative(), math.Sqrt(total.b / total.d.Signal)
}
