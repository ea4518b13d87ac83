package quant

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

const (
	// slope is what a bit may cost in units of the squared step. On all-MiniLM-L6-v2 it leaves the
	// least error at every rate from 1 to 4 bits among 0.2, 0.3, 0.4, 0.5 and 0.7, so that the step
	// alone sets the rate.
	slope = 0.4
	// tail is how many times the spread of its class a weight may be to have a level; the cost of
	// an outlier is no more than what the room for rarer levels would cost all others.
	tail = 4.75
	// levelZero is the byte of level 0 in a search.
	levelZero = 128
)

// coding is a matrix on its way to levels of a trellis.
type coding struct {
	w           []float32 // as Matrix.raised returns it
	exponent    int       // of what it was divided by, and the unit of the sensitivity too
	rows, cols  int
	widest      float64 // spread of the largest row and column, in steps
	sensitivity sensitivity
	// of squared errors in units of the rows' steps, in comparison with other rows'
	rowWeights []float64
	coder      entropy.Coder
	levels     []byte // along the paths, block by block and lane by lane; level 0 is levelZero
	threads    par.Share
	set        *kernels.Set
}

// newCoding prepares a matrix for trellises of so many states, with what is known of its inputs.
func newCoding(m *Matrix, states int, o Options, in sensitivity) *coding {
	w, exponent := m.raised(o.Threads)
	in.unit = math.Ldexp(in.unit, -exponent)
	c := &coding{
		w: w, exponent: exponent, rows: m.Rows, cols: m.Cols, sensitivity: in,
		threads: o.Threads, set: o.Kernels,
	}
	s := newSpread(w, m.Rows, m.Cols, o.Threads)
	s.inSteps(in.rowSteps, in.steps)
	c.widest = s.widest()
	c.coder = entropy.Coder{
		Trellis: entropy.TrellisOf(states), Classes: s.classes(),
		Zero: levelZero, BlockRows: entropy.BlockRows(m.Rows, m.Cols),
	}
	return c
}

// weights is how many there are.
func (c *coding) weights() int { return c.rows * c.cols }

// sample returns the coding of about n weights: some of the rows, with the classes of the whole.
func (c *coding) sample(n int) *coding {
	rows := min(c.rows, max(1, n/c.cols))
	s := *c
	s.rows, s.w = rows, make([]float32, 0, rows*c.cols)
	s.coder.Classes.Rows, s.sensitivity.rowSteps = nil, nil
	for i := range rows {
		r := sampleRow(i, rows, c.rows)
		s.w = append(s.w, c.w[r*c.cols:][:c.cols]...)
		s.coder.Classes.Rows = append(s.coder.Classes.Rows, c.coder.Classes.Rows[r])
		if steps := c.sensitivity.rowSteps; steps != nil {
			s.sensitivity.rowSteps = append(s.sensitivity.rowSteps, steps[r])
		}
	}
	s.rowWeights = s.sensitivity.rowWeights(rows)
	s.coder.BlockRows = entropy.BlockRows(rows, c.cols)
	return &s
}

// path returns where the path of a lane in a block lies among all, and the rows of the block.
func (c *coding) path(block, lane int) (from, to, lo, hi int) {
	lo, hi = c.coder.Block(block)
	from = lo * c.cols
	for i := range lane {
		from += c.laneColumns(i) * (hi - lo)
	}
	return from, from + c.laneColumns(lane)*(hi-lo), lo, hi
}

// laneColumns is the number of columns of a lane.
func (c *coding) laneColumns(lane int) int { return ceilDiv(c.cols-lane, entropy.Lanes) }

// lanes is the number of lanes with columns.
func (c *coding) lanes() int { return min(c.cols, entropy.Lanes) }

// eachColumn calls do, from several goroutines, for every column of every block: its rows from lo
// to hi are one after the other along a path, and at is where the first of them lies among all.
func (c *coding) eachColumn(do func(at, col, lo, hi int)) {
	par.Ranges(c.threads(), c.coder.Blocks()*c.lanes(), func(first, end int) {
		for i := first; i < end; i++ {
			lane := i % c.lanes()
			at, _, lo, hi := c.path(i/c.lanes(), lane)
			for col := lane; col < c.cols; col += entropy.Lanes {
				do(at, col, lo, hi)
				at += hi - lo
			}
		}
	})
}

// byRows returns the levels row by row, top being what stands for level 0.
func (c *coding) byRows(top byte) []byte {
	rows := make([]byte, len(c.levels))
	c.eachColumn(func(at, col, lo, hi int) {
		for r := lo; r < hi; r++ {
			rows[r*c.cols+col] = c.levels[at+r-lo] - levelZero + top
		}
	})
	return rows
}

// learn finds the tables of the coder for a step: levels are searched, a few times, under the
// tables of the levels found before. Tables of a step near this one are a good beginning.
func (c *coding) learn(ctx context.Context, s Step, near bool) (*levelStats, error) {
	first := c.firstTables(s)
	passes := 1
	if !near {
		c.coder.Tables = slices.Clone(first)
		passes = 3
	}
	var st *levelStats
	for range passes {
		var err error
		if st, err = c.search(ctx, s); err != nil {
			return nil, err
		}
		if err := c.refit(st, first); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// firstTables are those of Laplace distributions: they favour the levels near 0 as much as is
// needed to begin with.
func (c *coding) firstTables(s Step) []entropy.Table {
	tables := make([]entropy.Table, c.coder.Classes.Count)
	for k := range tables {
		spread := c.widest * belowWidest(c.coder.Classes.Low+k)
		deviation := spread / (s.Value() * c.sensitivity.unit)
		tables[k] = entropy.Laplace(deviation,
			byte(min(max(math.Ceil(tail*deviation), 1), entropy.MaxLevel)))
	}
	return tables
}

// levelStats are statistics of the levels that a search chose. Sums are of x, the weights in steps,
// each counting as its row does.
type levelStats struct {
	counts   []entropy.Counts // by class
	noise    []float64        // sum of (x - level)^2, by class
	mass     [256]float64     // sum of 1, by level
	sums     [256]float64     // sum of x, by level
	outliers []outlier
}

// outlier is a weight that no level reaches: its level means nothing.
type outlier struct {
	at    int
	value float32
}

// apart returns outliers of a matrix of so many columns as a layer has them. Their values were
// divided by 2^exponent.
func apart(outliers []outlier, cols, exponent int) (stored []stream.Outlier) {
	for _, o := range outliers {
		value := floats.Finite(math.Ldexp(float64(o.value), exponent))
		stored = append(stored,
			stream.Outlier{Row: o.at / cols, Col: o.at % cols, Value: floats.UpperHalf(value)})
	}
	return stored
}

// sortOutliers brings outliers in the order of a layer's.
func sortOutliers(outliers []outlier) {
	slices.SortFunc(outliers, func(a, b outlier) int { return a.at - b.at })
}

func newLevelStats(classes int) levelStats {
	return levelStats{counts: make([]entropy.Counts, classes), noise: make([]float64, classes)}
}

// merge takes in those of other levels. Where several were counted together, only one of them has
// counts.
func (st *levelStats) merge(o *levelStats) {
	for class := range o.counts {
		for i, n := range o.counts[class] {
			st.counts[class][i] += n
		}
	}
	for class, v := range o.noise {
		st.noise[class] += v
	}
	for i, v := range o.sums {
		st.mass[i] += o.mass[i]
		st.sums[i] += v
	}
	st.outliers = append(st.outliers, o.outliers...)
}

// search chooses the levels for a step under the tables of the coder.
func (c *coding) search(ctx context.Context, s Step) (*levelStats, error) {
	costs, err := c.coder.Costs(slope)
	if err != nil {
		return nil, err
	}
	steps := c.sensitivity.columnSteps(s.Value(), c.cols)
	if c.levels == nil {
		c.levels = make([]byte, c.weights())
	}
	var jobs []levelStats
	if c.sensitivity.factor == nil {
		jobs = c.searchPaths(ctx, costs, steps)
	} else if jobs, err = c.searchColumns(ctx, costs, steps); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := newLevelStats(len(costs))
	for i := range jobs {
		all.merge(&jobs[i])
	}
	sortOutliers(all.outliers)
	return &all, nil
}

// searchPaths searches whole paths, two at a time.
func (c *coding) searchPaths(ctx context.Context, costs [][256]float32, steps []float64) (
	jobs []levelStats) {
	inverse := make([]float32, c.cols)
	for i, step := range steps {
		inverse[i] = floats.Finite(1 / step)
	}
	pairs := ceilDiv(c.lanes(), 2)
	jobs = make([]levelStats, c.coder.Blocks()*pairs)
	par.Ranges(c.threads(), len(jobs), func(lo, hi int) {
		p := &pathSearch{coding: c, costs: costs, inverse: inverse,
			classes: c.coder.Classes.Table()}
		counts := make([]entropy.Counts, len(costs))
		for i := lo; i < hi && ctx.Err() == nil; i++ {
			jobs[i] = levelStats{counts: counts, noise: make([]float64, len(costs))}
			p.pair(i/pairs, i%pairs*2, &jobs[i])
			if i > lo {
				jobs[i].counts = nil
			}
		}
	})
	return jobs
}

// refit takes the tables that code what was chosen in the fewest bits. They reach as far as those
// of least do, if there are any: a sample does not hold the largest weights, nor all classes.
func (c *coding) refit(st *levelStats, least []entropy.Table) error {
	return par.Each(c.threads(), len(st.counts), func(class int) error {
		limit := byte(1)
		if least != nil {
			limit = least[class].Max
		}
		if least != nil && st.counts[class] == (entropy.Counts{}) {
			return nil
		}
		table, err := entropy.Fit(&st.counts[class], limit)
		if err != nil {
			return err
		}
		c.coder.Tables[class] = table
		return nil
	})
}

// pathSearch is the work space of a goroutine that searches paths.
type pathSearch struct {
	*coding
	costs   [][256]float32
	inverse []float32 // of the columns' steps
	classes entropy.ClassTable
	far     []int // places on a path
	paths   [2]kernels.Sequence
	work    kernels.TrellisWork
}

// pair searches the paths of a lane and the next in one block.
func (s *pathSearch) pair(block, lane int, st *levelStats) {
	paths := s.paths[:min(s.lanes()-lane, len(s.paths))]
	for i := range paths {
		s.prepare(&paths[i], block, lane+i, st)
	}
	s.set.SearchTrellis(s.coder.Trellis, s.costs, paths, &s.work)
	lo, hi := s.coder.Block(block)
	for i := range paths {
		st.add(&paths[i], s.rowWeights[lo:hi])
	}
}

// prepare brings the weights of a path to the step. Those that no level of their class comes near
// become outliers: 0 on their path.
func (s *pathSearch) prepare(p *kernels.Sequence, block, lane int, st *levelStats) {
	from, to, lo, hi := s.path(block, lane)
	n := hi - lo
	p.X, p.Class, p.Levels = grow(p.X, to-from), grow(p.Class, to-from), s.levels[from:to]
	var limits [entropy.MaxClassCode + 1]float32
	for class, t := range s.coder.Tables {
		limits[class] = float32(t.Max) + 1
	}
	s.far = s.far[:0]
	for r := lo; r < hi; r++ {
		row, code, step := s.w[r*s.cols:][:s.cols], s.coder.Classes.Rows[r], s.sensitivity.rowStep(r)
		i := r - lo
		for col := lane; col < s.cols; col += entropy.Lanes {
			class := s.classes[code+s.coder.Classes.Cols[col]]
			x := row[col] / step * s.inverse[col]
			if limit := limits[class]; x > limit || x < -limit {
				s.far = append(s.far, i)
				x = 0
			}
			p.X[i], p.Class[i] = x, class
			i += n
		}
	}
	slices.Sort(s.far) // sums are in the order of the path
	for _, i := range s.far {
		r, col := lo+i%n, lane+i/n*entropy.Lanes
		step := s.sensitivity.rowStep(r)
		st.setApart(r*s.cols+col, s.w[r*s.cols+col]/step*step, s.inverse[col]/step, s.rowWeights[r],
			p.Class[i])
	}
}

// setApart takes in a weight v that is stored apart, inverse being that of its step and rowWeight
// what its row counts.
func (st *levelStats) setApart(at int, v, inverse float32, rowWeight float64, class byte) {
	st.outliers = append(st.outliers, outlier{at, v})
	e := float64(v-floats.UpperHalf(v)) * float64(inverse)
	st.noise[class] += float64(rowWeight * float64(e*e))
}

// add takes in the levels chosen along a path through rows that count as their weights say.
func (st *levelStats) add(p *kernels.Sequence, rowWeights []float64) {
	for from := 0; from < len(p.Levels); from += len(rowWeights) {
		for r, weight := range rowWeights {
			i := from + r
			level, class, x := p.Levels[i], p.Class[i], float64(p.X[i])
			e := x - float64(int(level)-levelZero)
			st.counts[class][level]++
			st.noise[class] += float64(weight * float64(e*e))
			st.mass[level] += weight
			st.sums[level] += float64(weight * x)
		}
	}
}

// encode returns the blocks of levels in rows.
func (c *coding) encode(ctx context.Context, rows []byte) ([][]byte, error) {
	blocks := make([][]byte, c.coder.Blocks())
	errs := make([]error, len(blocks))
	par.Ranges(c.threads(), len(blocks), func(lo, hi int) {
		for b := lo; b < hi && ctx.Err() == nil; b++ {
			blocks[b], errs[b] = c.coder.Encode(rows, b)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return blocks, ctx.Err()
}
