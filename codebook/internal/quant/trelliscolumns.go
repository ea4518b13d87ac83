package quant

import (
	"context"

	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// searchColumns searches the paths column by column, each path as far as the column goes, and makes
// up for the error of each column in those behind it. Blocks do not depend on each other.
func (c *coding) searchColumns(ctx context.Context, costs [][256]float32, steps []float64) (
	[]levelStats, error) {
	jobs := make([]levelStats, c.coder.Blocks())
	errs := make([]error, len(jobs))
	par.Ranges(c.threads(), len(jobs), func(lo, hi int) {
		errs[lo] = c.newColumnSearch(costs, steps, lo, jobs[lo:hi]).run(ctx)
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// columnSearch is the work space of a goroutine that searches some blocks.
type columnSearch struct {
	*coding
	costs   [][256]float32
	steps   []float64
	classes entropy.ClassTable
	block   int                  // the first
	first   int                  // its first row
	rows    int                  // of all blocks
	stats   []levelStats         // by block
	paths   []kernels.Sequence   // by block, one column of a lane
	states  [][entropy.Lanes]int // by block: where the lanes are in the trellis
	work    kernels.TrellisWork
}

func (c *coding) newColumnSearch(costs [][256]float32, steps []float64, block int,
	jobs []levelStats) *columnSearch {
	s := &columnSearch{
		coding: c, costs: costs, steps: steps, classes: c.coder.Classes.Table(), block: block,
		stats: jobs,
		paths: make([]kernels.Sequence, len(jobs)), states: make([][entropy.Lanes]int, len(jobs)),
	}
	s.first, _ = c.coder.Block(block)
	for i := range jobs {
		jobs[i] = newLevelStats(len(costs))
		lo, hi := c.coder.Block(block + i)
		n := hi - lo
		s.rows += n
		s.paths[i] = kernels.Sequence{X: make([]float32, n), Class: make([]byte, n),
			Levels: make([]byte, n)}
	}
	return s
}

func (s *columnSearch) run(ctx context.Context) error {
	w := make([]float32, s.rows*s.cols)
	copy(w, s.w[s.first*s.cols:])
	return s.sensitivity.factor.Feedback(ctx, w, s.rows, 1, s.set, s.quantise)
}

// quantise quantises column j of all blocks.
func (s *columnSearch) quantise(j int, column, rebuilt []float32) error {
	lane := j % entropy.Lanes
	inverse, step := floats.Finite(1/s.steps[j]), floats.Finite(s.steps[j])
	done := 0
	for i := range s.paths {
		p := &s.paths[i]
		p.Start = s.states[i][lane]
		for k := range p.X {
			r := done + k
			class := s.classes[s.coder.Classes.Rows[s.first+r]+s.coder.Classes.Cols[j]]
			p.X[k], p.Class[k] = column[r]*inverse, class
			rebuilt[r] = 0
			if limit := float32(s.coder.Tables[class].Max) + 1; p.X[k] > limit || p.X[k] < -limit {
				rebuilt[r] = floats.UpperHalf(column[r])
				s.stats[i].setApart((s.first+r)*s.cols+j, column[r], inverse, 1, class)
				p.X[k] = 0
			}
		}
		done += len(p.X)
	}
	s.set.SearchTrellis(s.coder.Trellis, s.costs, s.paths, &s.work)
	done = 0
	for i := range s.paths {
		p, st := &s.paths[i], &s.stats[i]
		s.states[i][lane] = p.End
		st.add(p, s.rowWeights[:len(p.Levels)])
		from, _, lo, hi := s.path(s.block+i, lane)
		copy(s.levels[from+j/entropy.Lanes*(hi-lo):], p.Levels)
		for k, level := range p.Levels {
			if r := lo - s.first + k; rebuilt[r] == 0 {
				rebuilt[r] = float32(int(level)-levelZero) * step
			}
		}
	}
	return nil
}
