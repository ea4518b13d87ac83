package codebook

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// The purposes that Settings.For can name.
const (
	ForSize   = "size"   // the smallest file
	ForMemory = "memory" // the least memory while multiplying
	ForSpeed  = "speed"  // the fastest multiplication of one vector
)

// contests lists what competes for a matrix where the smallest file is not what is asked for. Windows leave less error
// than other schemes of as many bits, but take 2 at least, and are not the fastest.
var contests = map[string][]Scheme{
	ForMemory: {WindowScheme(2), WindowScheme(3), WindowScheme(4), WindowScheme(5), {Name: "segments", Width: 8, K: MaxCentroids}},
	ForSpeed: {
		WindowScheme(2), WindowScheme(3), WindowScheme(4), WindowScheme(5),
		{Name: "segments", Width: 8, K: MaxCentroids},
		{Name: "segments", Width: 4, K: MaxCentroids},
		{Name: "segments", Width: 2, K: MaxCentroids},
		{Name: "scalar", Width: 1, K: 16},
		{Name: "scalar", Width: 1, K: 16, Group: 16},
		Schemes()[0],
	},
}

const (
	// contestWeights is about how many weights of a matrix its contenders are tried on: enough that 256 centroids of 8 columns
	// do not fit a sample much better than all of the matrix.
	contestWeights = 1 << 18
	// contestBits is what an entropy-coded contender takes until it is known what the others leave.
	contestBits = 6
)

// contender is a scheme that a matrix could be stored with.
type contender struct {
	scheme Scheme
	goal   goal    // the bytes that it takes, and the noise that it leaves
	time   float64 // of multiplying one vector, in nanoseconds
}

// contend tries the schemes for a purpose on some rows of a matrix. Times come from the cost model for a CPU with AVX-512 and VBMI, wherever this
// runs: the same options give the same file.
func (c *compression) contend(ctx context.Context, p *matrixPlan, w []float32, purpose string) error {
	rows, cols := p.sketch.whole.rows, p.sketch.whole.cols
	some := min(rows, max(1, contestWeights/cols))
	sample := make([]float32, 0, some*cols)
	for i := range some {
		sample = append(sample, w[sampleRow(i, some, rows)*cols:][:cols]...)
	}
	for _, s := range contests[purpose] {
		if s.Width >= cols {
			continue
		}
		at := contender{scheme: s, goal: goal{bytes: float64(s.fileBytes(rows, cols, contestBits))}, time: s.time(rows, cols)}
		if s.anyRate() {
			_, goals, err := share(ctx, []*sketch{p.sketch}, goal{bytes: contestBits * p.sketch.weights() / 8}, 1)
			if err != nil {
				continue // too small a matrix
			}
			at.goal = goals[0]
		} else {
			l, err := Build(ctx, sample, some, cols, s, c.opts.alone())
			if err != nil {
				return err
			}
			d := l.distortion(sample, threadCount(c.opts.Threads))
			at.goal.noise = p.sketch.signal * d.Noise / max(d.Signal, math.SmallestNonzeroFloat64)
		}
		p.contenders = append(p.contenders, at)
	}
	if r := p.repeats; r != nil {
		p.contenders = append(p.contenders, contender{r.scheme, r.goal, r.scheme.time(rows, cols)})
	}
	return nil
}

// time is about what multiplying one vector with a layer of this scheme takes, in nanoseconds.
func (s Scheme) time(rows, cols int) float64 {
	l := Layer{Rows: rows, Cols: cols, Width: s.Width, Group: s.Group, WindowBits: s.Window}
	if s.Width == 0 {
		l.Width = cols
	}
	l.Centroids = make([]byte, s.K*l.Width)
	least := math.Inf(1)
	for _, row := range plans {
		if row.fits(&l) {
			least = min(least, row.cost(referenceCosts, &l, 1))
		}
	}
	return least
}

// contest gives each matrix of a group the contender that makes what is asked for least with the rest of the goal met, and
// returns those matrices whose rate is still open, with what is left of the goal for them.
func (c *compression) contest(members []*matrixPlan, purpose string, g goal) ([]*matrixPlan, goal, error) {
	objective := func(x contender) float64 { return x.time }
	if purpose == ForMemory {
		objective = func(x contender) float64 { return x.goal.bytes } // the forms in memory are as large as those in the file
	}
	constraint, limit := func(x contender) float64 { return x.goal.noise }, g.noise
	if g.bytes > 0 {
		objective, constraint, limit = constraint, func(x contender) float64 { return x.goal.bytes }, g.bytes
	}
	chosen, err := elect(members, objective, constraint, limit)
	if err != nil {
		return nil, g, err
	}
	var open []*matrixPlan
	for i, p := range members {
		if p.Scheme = chosen[i].scheme; p.Scheme.anyRate() {
			open = append(open, p)
			continue
		}
		p.set(0, chosen[i].goal, true)
		g.noise = max(g.noise-chosen[i].goal.noise, 0)
	}
	return open, g, nil
}

// elect returns the contender of each matrix with which the sum of the objective is least, or nearly so, and that of the
// constraint stays below the limit: those with the least objective + price * constraint, for the lowest price that does
// it.
func elect(members []*matrixPlan, objective, constraint func(contender) float64, limit float64) ([]contender, error) {
	at := func(price float64) (chosen []contender, sum float64) {
		for _, p := range members {
			best := slices.MinFunc(p.contenders, func(a, b contender) int {
				return cmp.Compare(objective(a)+float64(price*constraint(a)), objective(b)+float64(price*constraint(b)))
			})
			chosen = append(chosen, best)
			sum += constraint(best)
		}
		return chosen, sum
	}
	low, high := -100*octave, 200*octave // prices that are too low, and high enough
	chosen, sum := at(high.value())
	if sum > limit {
		return nil, fmt.Errorf("no choice among what competes meets what is asked for: the nearest comes to %.3g of it", sum/limit)
	}
	for high-low > 1 {
		middle := (low + high) / 2
		if c, sum := at(middle.value()); sum <= limit {
			chosen, high = c, middle
		} else {
			low = middle
		}
	}
	return chosen, nil
}
