package compress

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// The purposes that Settings.For can name.
const (
	ForSize   = "size"   // the smallest file
	ForMemory = "memory" // the least memory while multiplying
	ForSpeed  = "speed"  // the fastest multiplication of one vector
)

// contest is a competition among schemes for the matrices of a model.
type contest struct {
	schemes []codebook.Scheme
	sample  int // about how many weights of a matrix they are tried on
	// bits are what an entropy-coded contender takes until it is known what the others leave.
	bits  float64
	least func(x contender) float64 // what is to be made least where it is not the noise
	// beside is bytes that do not count towards the bits that are asked for; nil: none.
	beside func(rows, cols int) float64
}

// contests lists what competes for a purpose: for size only where more is asked for than 255 levels
// can give. Windows leave less error than other schemes of as many bits, but take 2 at least, and
// are not the fastest.
var contests = map[string]contest{
	ForSize: {
		schemes: []codebook.Scheme{
			Schemes()[0], fineScheme(128), fineScheme(64), fineScheme(32), fineScheme(16),
			fineScheme(8), unchanged,
		},
		sample: 1 << 15,
		bits:   trellisBits,
		least:  func(x contender) float64 { return x.cost.Bytes },
	},
	ForMemory: {
		schemes: []codebook.Scheme{
			windowScheme(2), windowScheme(3), windowScheme(4), windowScheme(5),
			{Name: "segments", Width: 8, K: codebook.MaxCentroids},
		},
		sample: contestWeights,
		// A window takes as much in memory as in the file.
		least: func(x contender) float64 { return x.cost.Bytes },
		// Who asks for 4 bits means those of the assignments.
		beside: func(rows, cols int) float64 { return float64(quant.WindowSideBytes(rows, cols)) },
	},
	ForSpeed: {
		schemes: []codebook.Scheme{
			windowScheme(2), windowScheme(3), windowScheme(4), windowScheme(5),
			{Name: "segments", Width: 8, K: codebook.MaxCentroids},
			{Name: "segments", Width: 4, K: codebook.MaxCentroids},
			{Name: "segments", Width: 2, K: codebook.MaxCentroids},
			{Name: "scalar", Width: 1, K: 16},
			{Name: "scalar", Width: 1, K: 16, Group: 16},
			Schemes()[0],
		},
		sample: contestWeights,
		bits:   6,
		least:  func(x contender) float64 { return x.time },
	},
}

// unchanged stands for a matrix without a layer: passed through, or kept as F16, whose error is
// none that counts.
var unchanged = codebook.Scheme{}

// fineScheme has less error than any trellis: groups of so many columns have their own multiplier
// for 256 values.
func fineScheme(group int) codebook.Scheme {
	return codebook.Scheme{Name: "scalar", Width: 1, K: codebook.MaxCentroids, Group: group}
}

// contest returns what competes for the matrices with these settings, nil where nothing does.
func (s Settings) contest() *contest {
	if s.For == ForSize && s.Bits <= trellisBits && !(s.MaxError > 0 && s.MaxError < trellisError) {
		return nil
	}
	x := contests[s.For]
	return &x
}

// contestWeights are enough that 256 centroids of 8 columns do not fit a sample much better than
// all of the matrix.
const contestWeights = 1 << 18

// contender is a scheme that a matrix could be stored with.
type contender struct {
	scheme  codebook.Scheme
	cost    quant.Cost
	weighed float64 // the noise as a pool weighs it
	time    float64 // of multiplying one vector, in nanoseconds
}

// contend tries the schemes of a contest on some rows of a matrix.
func (c *compression) contend(ctx context.Context, p *member, m *quant.Matrix,
	x *contest, threads par.Share) error {
	sample := m.Sample(min(m.Rows, max(1, x.sample/m.Cols)))
	for _, s := range x.schemes {
		switch {
		case s.Width >= m.Cols:
			continue
		case s == unchanged:
			p.compete(s, quant.Cost{Bytes: float64(p.bytes)})
			continue
		case quant.AnyRate(s):
			at, met, err := p.sketch.Alone(ctx, quant.Goal{Bytes: x.bits * p.sketch.Weights() / 8})
			if err != nil {
				return err
			}
			if met { // else it is too small a matrix
				p.compete(p.Scheme, at.Cost())
			}
			continue
		}
		l, err := quant.Build(ctx, sample, s, quant.Target{}, c.buildOptions(threads))
		if err != nil {
			return err
		}
		d := l.Distortion(sample.W, threads())
		bytes := quant.FileBytes(s, m.Rows, m.Cols, 0) + m.Overhead // the header of several parts
		p.compete(s, quant.Cost{
			Bytes: float64(bytes),
			Noise: p.sketch.Signal * d.Noise / max(d.Signal, math.SmallestNonzeroFloat64),
		})
	}
	if r := p.repeats; r != nil {
		p.compete(r.Scheme, r.Cost)
	}
	return nil
}

// compete adds a contender.
func (p *member) compete(s codebook.Scheme, at quant.Cost) {
	rows, cols := p.sketch.Dims()
	_, time := fastest(s, rows, cols, referenceTier)
	p.contenders = append(p.contenders, contender{
		scheme: s, cost: at, weighed: p.sketch.Weighed(at.Noise), time: time,
	})
}

// referenceTier is the kernel tier of an operation on the CPU that schemes are compared for,
// wherever that is done: one with AVX-512 and VBMI. The same options give the same file.
func referenceTier(op string) string {
	switch op {
	case "mul-u8", "mul-nibble":
		return "avx512vnni"
	case "dense-vector", "dense-matrix":
		return "avx512"
	}
	return "avx512vbmi"
}

// fastest returns the plan with which multiplying one vector with a layer of this scheme takes
// least, and about what that is, in nanoseconds.
func fastest(s codebook.Scheme, rows, cols int, tier func(op string) string) (
	plan string, time float64) {
	l := codebook.Layer{Rows: rows, Cols: cols, Width: s.Width, Group: s.Group,
		WindowBits: s.WindowBits}
	if s.Width == 0 {
		l.Width = cols
	}
	l.Centroids = make([]byte, s.K*l.Width)
	plan, _, time = l.Fastest(1, tier)
	return plan, time
}

// WrittenOut counts the layers that these kernels can only multiply decoded, as bytes or float32 in
// memory, where a CPU with AVX-512 VBMI multiplies them as they are stored. Schemes are compared
// for such a CPU (see [ForSpeed] and [ForMemory]): here these layers are not as fast or small as
// that.
func (r *Report) WrittenOut(set *kernels.Set) (layers int) {
	for _, e := range r.Entries {
		if e.Layer == nil {
			continue
		}
		rows, cols, _ := e.Tensor.Matrix()
		there, _ := fastest(*e.Layer, rows, cols, referenceTier)
		here, _ := fastest(*e.Layer, rows, cols, set.Tier)
		if here != there && (here == "bytes" || here == "dense") {
			layers++
		}
	}
	return layers
}

// run gives each matrix of a group the contender that makes what is asked for least with the rest
// of the goal met, and returns those matrices whose rate is still open, with what is left of the
// goal for them.
func (x *contest) run(members []*member, g quant.Goal, each bool) (
	[]*member, quant.Goal, error) {
	var open []*member
	heats := [][]*member{members}
	if each {
		heats = slices.Collect(slices.Chunk(members, 1))
	}
	weights, signal := sums(sketchesOf(members))
	for _, p := range members {
		part := g.Noise / max(signal, math.SmallestNonzeroFloat64)
		p.leaveOut(quant.CapFactor * quant.CapFactor * part * p.sketch.Signal)
	}
	left := g
	needed, fair := 0.0, 0.0 // noise of the open ones: as they were tried, and as much as all have
	for _, heat := range heats {
		n, power := sums(sketchesOf(heat))
		own := quant.Goal{Bytes: g.Bytes * n / weights,
			Noise: g.Noise * power / max(signal, math.SmallestNonzeroFloat64)}
		elected, noise, err := x.elect(heat, own)
		if err != nil && each {
			err = &codebook.TensorError{Tensor: heat[0].Tensor, Err: err}
		}
		if err != nil {
			return nil, g, err
		}
		for i, p := range heat {
			if p.Scheme = elected[i].scheme; quant.AnyRate(p.Scheme) {
				open = append(open, p)
				needed += elected[i].cost.Noise
				fair += g.Noise * p.sketch.Signal / max(signal, math.SmallestNonzeroFloat64)
				continue
			}
			p.set(allotment{Cost: elected[i].cost}, true)
			// It was tried on a sample; all of it may leave what no other needs.
			if g.Noise > 0 && p.Scheme != unchanged {
				spare := own.Noise / max(noise, math.SmallestNonzeroFloat64)
				p.Cap = p.sketch.Relative(elected[i].cost.Noise * spare)
			}
			left.Bytes = max(left.Bytes-elected[i].cost.Bytes, 0)
			left.Noise = max(left.Noise-elected[i].cost.Noise, 0)
		}
	}
	// What matrices that pass through do without would ruin others.
	left.Noise = min(left.Noise, max(needed, fair))
	return open, left, nil
}

// leaveOut leaves out contenders with more noise than this where there are others; 0: none.
func (p *member) leaveOut(noise float64) {
	fit := slices.DeleteFunc(slices.Clone(p.contenders),
		func(x contender) bool { return x.cost.Noise > noise })
	if noise > 0 && len(fit) > 0 {
		p.contenders = fit
	}
}

// elect returns the best contender of each matrix under a goal for all of them, and the noise of
// these.
func (x *contest) elect(members []*member, g quant.Goal) ([]contender, float64, error) {
	bytes := func(c contender) float64 { return c.cost.Bytes }
	noise := func(c contender) float64 { return c.cost.Noise }
	objective, constraint, limit, beside := x.least, noise, g.Noise, 0.0
	if g.Bytes > 0 {
		for _, p := range members {
			if x.beside != nil {
				beside += x.beside(p.sketch.Dims())
			}
		}
		objective, constraint = func(c contender) float64 { return c.weighed }, bytes
		limit = g.Bytes + beside
	}
	elected, met := elect(members, objective, constraint, limit)
	sum := quant.Cost{Bytes: -beside}
	for _, c := range elected {
		sum.Bytes += c.cost.Bytes
		sum.Noise += c.cost.Noise
	}
	if !met {
		weights, signal := sums(sketchesOf(members))
		return nil, 0, unmet(g, sum, weights, signal)
	}
	return elected, sum.Noise, nil
}

// elect returns the contender of each matrix with which the sum of the objective is least, or
// nearly so, and that of the constraint stays below the limit: those with the least objective +
// price * constraint, for the lowest price that does it. Where none does, met is false and they are
// those that come nearest.
func elect(members []*member, objective, constraint func(contender) float64, limit float64) (
	elected []contender, met bool) {
	at := func(price float64) (elected []contender, sum float64) {
		for _, p := range members {
			best := slices.MinFunc(p.contenders, func(a, b contender) int {
				return cmp.Compare(objective(a)+float64(price*constraint(a)),
					objective(b)+float64(price*constraint(b)))
			})
			elected = append(elected, best)
			sum += constraint(best)
		}
		return elected, sum
	}
	low, high := -100*quant.Octave, 200*quant.Octave // prices that are too low, and high enough
	elected, sum := at(high.Value())
	if sum > limit {
		return elected, false
	}
	for high-low > 1 {
		middle := (low + high) / 2
		if c, s := at(middle.Value()); s <= limit {
			elected, sum, high = c, s, middle
		} else {
			low = middle
		}
	}
	// What no price gives away may be enough for one matrix more.
	for better := true; better; {
		better = false
		for i, p := range members {
			for _, x := range p.contenders {
				more := constraint(x) - constraint(elected[i])
				if objective(x) < objective(elected[i]) && sum+more <= limit {
					elected[i], sum, better = x, sum+more, true
				}
			}
		}
	}
	return elected, true
}
