package quant

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kmeans"
)

const (
	// groupRounds is how often values are fitted to group scales and group scales to values.
	groupRounds = 5
	// groupSample is how many weights take part in that; more do not change the third digit of the
	// error.
	groupSample = 1 << 20
)

// buildGroups compresses w to a few values with a multiplier a group: scale of the row * multiplier
// * value. The multiplier has a sign, so that the values need not be symmetric: the larger end of a
// group can always meet the larger end of the values.
//
// A multiplier is a fraction of the row's scale, in steps of 1/63. Twelve encoder layers of
// all-MiniLM-L6-v2, 16 values in groups of 16, come to an error of 0.0643 so; to 0.0643 with a
// scale of its own for every 16 groups, for 0.03 bits more; to 0.0650 and 0.0677 with 6-bit
// logarithms in steps of 2^(1/16) and 2^(1/8); and to 0.0639 with exact scales. It also keeps sums
// of groups integers.
func buildGroups(ctx context.Context, m *Matrix, s codebook.Scheme, _ Target, o Options) (
	*codebook.Layer, error) {
	b := newClustering(m, s, o)
	setValues := b.fitValues
	if s.K == codebook.MaxCentroids {
		setValues = b.allValues
	}
	if err := setValues(ctx); err != nil {
		return nil, err
	}
	return b.layer(), nil
}

// fitValues fits the values and the scales to each other in turns, from what k-means makes of a
// sample.
func (b *clustering) fitValues(ctx context.Context) error {
	sample := make([]int, max(1, min(b.Rows, groupSample/b.Cols)))
	for i := range sample {
		sample[i] = par.Portion(b.Rows, i, len(sample))
	}
	values, err := b.startValues(ctx, sample)
	if err != nil {
		return err
	}
	for range groupRounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		values = b.refitValues(sample, newValueSet(values))
	}
	g := gridOver(values)
	bytes := make([]byte, len(values))
	for i, v := range values {
		bytes[i] = g.quantise(v)
		values[i] = g.value(bytes[i])
	}
	return b.assignGroups(ctx, newValueSet(values), bytes, g)
}

// allValues takes all 256 bytes as values: there is nothing to choose but the scales.
func (b *clustering) allValues(ctx context.Context) error {
	g := grid{step: 1. / 127, zero: 127}
	bytes, values := g.all()
	s := newValueSet(values)
	s.perUnit = 127
	return b.assignGroups(ctx, s, bytes, g)
}

// startValues clusters weights divided by the largest of their group, its sign included.
func (b *clustering) startValues(ctx context.Context, sample []int) ([]float32, error) {
	var points, weights []float32
	for _, r := range sample {
		for x := range slices.Chunk(b.w[r*b.Cols:][:b.Cols], b.Group) {
			top := largest(x)
			for _, v := range x {
				if top == 0 {
					points, weights = append(points, 0), append(weights, 0)
					continue
				}
				points, weights = append(points, v/top), append(weights, float32(top*top))
			}
		}
	}
	res, err := kmeans.Run(ctx, points, 1, weights, b.clusterOptions())
	if err != nil {
		return nil, err
	}
	return res.Centroids, nil
}

// largest is the value of the largest magnitude.
func largest(x []float32) (top float32) {
	for _, v := range x {
		if max(v, -v) > max(top, -top) {
			top = v
		}
	}
	return top
}

// valueSet finds the nearest of a few sorted values.
type valueSet struct {
	values []float32
	bounds []float32 // borders between neighbours
	first  []uint8   // the first value that a cell of a uniform division of the range can have
	lo     float32
	cells  float32 // cells a unit
	top    float32 // largest magnitude

	// perUnit is how many of them there are a unit where they are all the bytes at equal distances,
	// else 0.
	perUnit float32
}

const valueCells = 256

func newValueSet(values []float32) *valueSet {
	s := &valueSet{values: values, lo: values[0], top: max(values[len(values)-1], -values[0]),
		first: make([]uint8, valueCells+1)}
	for i := 1; i < len(values); i++ {
		s.bounds = append(s.bounds, (values[i-1]+values[i])/2)
	}
	if cells := valueCells / (values[len(values)-1] - values[0]); cells <= math.MaxFloat32 {
		s.cells = cells
	}
	k := 0
	for cell := range s.first {
		// A hair below the cell's left end, so that rounding cannot step over a border.
		left := s.lo + (float32(cell)-0.01)/max(s.cells, 1)
		for k < len(s.bounds) && s.bounds[k] < left {
			k++
		}
		s.first[cell] = uint8(k)
	}
	return s
}

// nearest returns the index of the value nearest to x.
func (s *valueSet) nearest(x float32) int {
	if s.perUnit > 0 {
		at := float32(float32(x-s.lo)*s.perUnit) + 0.5
		if !(at > 0) {
			return 0
		}
		return int(min(at, codebook.MaxCentroids-1))
	}
	cell := 0
	if at := float32(x-s.lo) * s.cells; at > 0 { // and a number
		cell = int(min(at, valueCells))
	}
	k := int(s.first[cell])
	for k < len(s.bounds) && x > s.bounds[k] {
		k++
	}
	return k
}

// fit assigns values to a group under a scale and returns the sums from which its error under any
// other scale follows: of x*value and value*value. Scale f takes 2*f*xp - f*f*pp off the group's
// sum of squares.
func (s *valueSet) fit(x []float32, scale float32) (xp, pp float32) {
	inverse := 1 / scale
	for _, v := range x {
		p := s.values[s.nearest(float32(v*inverse))]
		xp += float32(v * p)
		pp += float32(p * p)
	}
	return xp, pp
}

// search returns the scale that leaves the least error in a group, 0 for a group of zeros.
func (s *valueSet) search(x []float32) float32 {
	top := largest(x)
	if top == 0 || s.top == 0 {
		return 0
	}
	var best, most float32
	for step := range 11 {
		for _, sign := range []float32{1, -1} {
			// From a scale beyond that at which the largest weight meets the largest value, to ones
			// that clip it.
			xp, pp := s.fit(x, sign*(top/s.top)*(1.25-0.0625*float32(step)))
			// The best scale for these assignments is xp/pp. It takes xp*xp/pp off the error.
			if pp > 0 && float32(xp*xp) > float32(most*pp) {
				best, most = xp/pp, xp*xp/pp
			}
		}
	}
	return best
}

// refitValues returns the values that are best for the scales and assignments that the present ones
// lead to.
func (b *clustering) refitValues(sample []int, s *valueSet) []float32 {
	k := len(s.values)
	sums := make([]float64, len(sample)*2*k)
	par.Ranges(b.options.Threads(), len(sample), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			xs, ss := sums[i*2*k:][:k], sums[i*2*k+k:][:k]
			for x := range slices.Chunk(b.w[sample[i]*b.Cols:][:b.Cols], b.Group) {
				scale := s.search(x)
				if scale == 0 {
					continue
				}
				for _, v := range x {
					j := s.nearest(v / scale)
					xs[j] += float64(scale) * float64(v)
					ss[j] += float64(scale) * float64(scale)
				}
			}
		}
	})
	values := slices.Clone(s.values)
	for j := range values {
		var x, sq float64
		for i := range sample {
			x += sums[i*2*k+j]
			sq += sums[i*2*k+k+j]
		}
		if sq > 0 {
			values[j] = float32(x / sq)
		}
	}
	slices.Sort(values)
	return values
}

// assignGroups chooses row scales, multipliers and assignments for the values as they are stored.
func (b *clustering) assignGroups(ctx context.Context, s *valueSet, bytes []byte, g grid) error {
	groups := b.Groups()
	scales := make([]float32, b.Rows*groups)
	par.Ranges(b.options.Threads(), b.Rows, func(lo, hi int) {
		for r := lo; r < hi && ctx.Err() == nil; r++ {
			for i := range groups {
				scales[r*groups+i] = s.search(b.group(r, i))
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	top := largest(scales)
	base := math.Abs(float64(top)) / codebook.MaxMultiplier
	b.setCentroids(bytes, g, base)
	b.RowScales = make([]byte, b.Rows)
	b.Multipliers = make([]int8, b.Rows*groups)
	b.Assignments = make([]byte, b.Rows*b.Cols)
	par.Ranges(b.options.Threads(), b.Rows, func(lo, hi int) {
		for r := lo; r < hi && ctx.Err() == nil; r++ {
			row := scales[r*groups:][:groups]
			reach := largest(row)
			if reach == 0 {
				b.clearRow(r, s)
				continue
			}
			code := logscale.Code(float32(math.Abs(float64(reach) / float64(top))))
			if code < 255 && float64(logscale.Value(code)) < math.Abs(float64(reach)/float64(top)) {
				code++ // the largest multiplier must reach
			}
			b.RowScales[r] = code
			unit := float32(base * float64(logscale.Value(code)))
			for i, scale := range row {
				b.Multipliers[r*groups+i] = b.assignGroup(b.Assignments[r*b.Cols+i*b.Group:],
					b.group(r, i), s, scale, unit)
			}
		}
	})
	return ctx.Err()
}

// group returns the weights of group i of row r.
func (b *clustering) group(r, i int) []float32 {
	return b.w[r*b.Cols+i*b.Group : r*b.Cols+min((i+1)*b.Group, b.Cols)]
}

// clearRow makes row r zeros: its scale is 0 already.
func (b *clustering) clearRow(r int, s *valueSet) {
	zero := byte(s.nearest(0))
	for c := range b.Cols {
		b.Assignments[r*b.Cols+c] = zero
	}
}

// assignGroup tries the multipliers around scale/unit, assigns the group with the best of them and
// returns it.
func (b *clustering) assignGroup(dst []byte, x []float32, s *valueSet, scale, unit float32) int8 {
	ratio := math.RoundToEven(float64(scale) / float64(unit))
	near := int(min(max(ratio, -codebook.MaxMultiplier-2), codebook.MaxMultiplier+2))
	best, most := 0, float32(0)
	for m := max(near-2, -codebook.MaxMultiplier); m <= min(near+2, codebook.MaxMultiplier); m++ {
		if m == 0 {
			continue // what it takes off the error is 0
		}
		f := unit * float32(m)
		xp, pp := s.fit(x, f)
		if gain := float32(2*f*xp) - float32(f*f*pp); gain > most {
			best, most = m, gain
		}
	}
	for c, v := range x {
		if best == 0 {
			dst[c] = byte(s.nearest(0))
			continue
		}
		dst[c] = byte(s.nearest(v / (unit * float32(best))))
	}
	return int8(best)
}
