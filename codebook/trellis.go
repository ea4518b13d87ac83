package codebook

import (
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/kernels"
)

const (
	// slope is what a bit may cost in units of the squared step. On all-MiniLM-L6-v2 it leaves the least error
	// at every rate from 1 to 4 bits among 0.2, 0.3, 0.4, 0.5 and 0.7, so that the step alone sets the rate.
	slope = 0.4
	// tail is how many times the spread of its class a weight may be to have a level; the cost of an outlier
	// is no more than what the room for rarer levels would cost all others.
	tail = 4.75
	// levelZero is the byte of level 0 in a search.
	levelZero = 128
)

// coding is a matrix on its way to levels of a trellis.
type coding struct {
	w           []float32
	rows, cols  int
	spread      *spread
	sensitivity sensitivity
	coder       entropy.Coder
	levels      []byte // of w, level 0 being levelZero
	threads     int
	set         *kernels.Set
}

// newCoding prepares w for trellises of so many states, with what is known of its inputs.
func newCoding(w []float32, rows, cols, states, threads int, set *kernels.Set, in sensitivity) *coding {
	c := &coding{w: w, rows: rows, cols: cols, sensitivity: in, threads: threads, set: set}
	c.spread = newSpread(w, rows, cols, threads)
	c.coder = entropy.Coder{
		Trellis: entropy.TrellisOf(states), Classes: c.spread.classes(in.steps),
		Zero: levelZero, BlockRows: entropy.BlockRows(rows, cols),
	}
	return c
}

// sample returns the coding of about n weights: some of the rows, spread evenly but not at even distances, which could be
// those of a pattern, with the classes of the whole.
func (c *coding) sample(n int) *coding {
	rows := min(c.rows, max(1, n/c.cols))
	s := *c
	s.rows, s.w = rows, make([]float32, 0, rows*c.cols)
	s.coder.Classes.Rows = nil
	for i := range rows {
		const golden = 40503 // 2^16 times the golden ratio's fraction, whose multiples spread well
		r := (i<<16 + i*golden&0xffff) * c.rows / (rows << 16)
		s.w = append(s.w, c.w[r*c.cols:][:c.cols]...)
		s.coder.Classes.Rows = append(s.coder.Classes.Rows, c.coder.Classes.Rows[r])
	}
	s.levels = make([]byte, len(s.w))
	s.coder.BlockRows = entropy.BlockRows(rows, c.cols)
	return &s
}

// learn finds the tables of the coder for a step: levels are searched, a few times, under the tables of the levels
// found before. Tables of a step near this one are a good beginning.
func (c *coding) learn(ctx context.Context, s step, near bool) (*found, error) {
	first := c.firstTables(s)
	passes := 1
	if !near {
		c.coder.Tables = slices.Clone(first)
		passes = 3
	}
	var f *found
	for range passes {
		var err error
		if f, err = c.search(ctx, s); err != nil {
			return nil, err
		}
		if err := c.refit(f, first); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// firstTables are those of Laplace distributions: they favour the levels near 0 as much as is needed to
// begin with.
func (c *coding) firstTables(s step) []entropy.Table {
	tables := make([]entropy.Table, c.coder.Classes.Count)
	for k := range tables {
		deviation := c.spread.ofClass(c.coder.Classes.Low+k, c.sensitivity.steps) / (s.value() * c.sensitivity.unit)
		tables[k] = entropy.Laplace(deviation, byte(min(max(math.Ceil(tail*deviation), 1), entropy.MaxLevel)))
	}
	return tables
}

// found is what a search says of the levels that it chose.
type found struct {
	counts   []entropy.Counts // by class
	noise    []float64        // sum of (x - level)^2, x in steps, by class
	sums     [256]float64     // of x, by level
	outliers []outlier
}

// outlier is a weight that no level reaches: its level means nothing.
type outlier struct {
	at    int
	value float32
}

func newFound(classes int) found {
	return found{counts: make([]entropy.Counts, classes), noise: make([]float64, classes)}
}

func (f *found) merge(o *found) {
	for class := range o.counts {
		for i, n := range o.counts[class] {
			f.counts[class][i] += n
		}
		f.noise[class] += o.noise[class]
	}
	for i, v := range o.sums {
		f.sums[i] += v
	}
	f.outliers = append(f.outliers, o.outliers...)
}

// held is the number of weights with a level.
func (f *found) held(level int) float64 {
	n := 0.0
	for class := range f.counts {
		n += float64(f.counts[class][level+levelZero])
	}
	return n
}

// search chooses the levels for a step under the tables of the coder.
func (c *coding) search(ctx context.Context, s step) (*found, error) {
	costs, err := c.coder.Costs(slope)
	if err != nil {
		return nil, err
	}
	steps := c.sensitivity.times(s.value(), c.cols)
	var jobs []found
	if c.sensitivity.factor == nil {
		jobs = c.searchPaths(ctx, costs, steps)
	} else if jobs, err = c.searchColumns(ctx, costs, steps); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := newFound(len(costs))
	for i := range jobs {
		all.merge(&jobs[i])
	}
	slices.SortFunc(all.outliers, func(a, b outlier) int { return a.at - b.at })
	return &all, nil
}

// searchPaths searches whole paths, two at a time.
func (c *coding) searchPaths(ctx context.Context, costs [][256]float32, steps []float64) []found {
	inverse := make([]float32, c.cols)
	for i, step := range steps {
		inverse[i] = float32(1 / step)
	}
	const pairs = entropy.Lanes / 2
	jobs := make([]found, c.coder.Blocks()*pairs)
	parallel(c.threads, len(jobs), func(lo, hi int) {
		p := &pathSearch{coding: c, costs: costs, inverse: inverse, classes: c.coder.Classes.Table()}
		for i := lo; i < hi && ctx.Err() == nil; i++ {
			jobs[i] = newFound(len(costs))
			p.lanes(i/pairs, i%pairs*2, &jobs[i])
		}
	})
	return jobs
}

// refit takes the tables that code what was found best. They reach as far as those of least do, if there are any: a
// sample does not hold the largest weights, nor all classes.
func (c *coding) refit(f *found, least []entropy.Table) error {
	for class := range f.counts {
		limit := byte(1)
		if least != nil {
			limit = least[class].Max
		}
		if least != nil && f.counts[class] == (entropy.Counts{}) {
			continue
		}
		table, err := entropy.Fit(&f.counts[class], limit)
		if err != nil {
			return err
		}
		c.coder.Tables[class] = table
	}
	return nil
}

// pathSearch is the work space of a goroutine that searches paths.
type pathSearch struct {
	*coding
	costs   [][256]float32
	inverse []float32 // of the columns' steps
	classes entropy.ClassTable
	paths   [2]kernels.Sequence
	work    kernels.TrellisWork
}

// lanes searches the paths of a lane and the next in one block.
func (s *pathSearch) lanes(block, lane int, f *found) {
	lo, hi := s.coder.Block(block)
	paths := s.paths[:min(max(s.cols-lane, 0), len(s.paths))]
	for i := range paths {
		s.gather(&paths[i], lane+i, lo, hi, f)
	}
	s.set.SearchTrellis(s.coder.Trellis, s.costs, paths, &s.work)
	for i := range paths {
		p := &paths[i]
		at := 0
		for c := lane + i; c < s.cols; c += entropy.Lanes {
			for r := lo; r < hi; r++ {
				level, class, x := p.Levels[at], p.Class[at], float64(p.X[at])
				s.levels[r*s.cols+c] = level
				e := x - float64(int(level)-levelZero)
				f.counts[class][level]++
				f.noise[class] += float64(e * e)
				f.sums[level] += x
				at++
			}
		}
	}
}

// gather lays the weights of a lane out as a path. Those that no level of their class comes near become
// outliers: 0 on their path.
func (s *pathSearch) gather(p *kernels.Sequence, lane, lo, hi int, f *found) {
	n := (s.cols - lane + entropy.Lanes - 1) / entropy.Lanes * (hi - lo)
	p.X, p.Class, p.Levels = grow(p.X, n), grow(p.Class, n), grow(p.Levels, n)
	at := 0
	for c := lane; c < s.cols; c += entropy.Lanes {
		for r := lo; r < hi; r++ {
			class := s.classes[s.coder.Classes.Rows[r]+s.coder.Classes.Cols[c]]
			x := s.w[r*s.cols+c] * s.inverse[c]
			if limit := float32(s.coder.Tables[class].Max) + 1; x > limit || x < -limit {
				v := s.w[r*s.cols+c]
				f.outliers = append(f.outliers, outlier{r*s.cols + c, v})
				e := float64(v-upperHalf(v)) * float64(s.inverse[c])
				f.noise[class] += float64(e * e)
				x = 0
			}
			p.X[at], p.Class[at] = x, class
			at++
		}
	}
}

// encode returns the blocks of the levels.
func (c *coding) encode(ctx context.Context) ([][]byte, error) {
	blocks := make([][]byte, c.coder.Blocks())
	errs := make([]error, len(blocks))
	parallel(c.threads, len(blocks), func(lo, hi int) {
		for b := lo; b < hi && ctx.Err() == nil; b++ {
			blocks[b], errs[b] = c.coder.Encode(c.levels, b)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return blocks, ctx.Err()
}
