package kernels

import (
	"fmt"
	"slices"
)

// Sequence is some values, one after the other, for which SearchTrellis finds levels.
type Sequence struct {
	X      []float32 // what to quantise, in units of the quantiser's step
	Class  []byte    // len(X): which row of the cost table counts
	Levels []byte    // len(X), output: level + 128
	Start  int       // the state before the first level; -1: any
	End    int       // output: the state after the last level
}

// TrellisWork is the work space of SearchTrellis: 8 bytes for each value of the two longest
// sequences. The zero value is ready; it grows as needed.
type TrellisWork struct{ walks [2]trellisWalk }

// trellisWalk is a sequence on its way through the trellis. Searches advance two at a time, because
// each step of one waits for the step before.
type trellisWalk struct {
	x     []float32          // the values to come
	class []byte             // their classes
	steps []trellisStep      // room for what is chosen at them
	costs [maxStates]float32 // of the best path to each state
	all   []trellisStep      // from the first value on
}

// trellisStep is what the search chose at one value. In the lower half bit s says whether state s
// is reached from the upper of its two predecessors. The byte above is that of the lowest of the
// eight candidates. In the next byte bit i says which of the candidates i and i+4, which are of one
// subset, is the better: the latter where it is set. The rest does not matter.
type trellisStep uint64

// trellisFunc advances a walk, or two where b is not nil, by n values.
type trellisFunc func(t *Trellis, cost [][256]float32, a, b *trellisWalk, n int)

const (
	// renew is the number of values after which the least path cost is subtracted from all, so that
	// they stay small.
	renew = 64
	// unreached is the cost of states that a sequence does not start in.
	unreached = 1e30
	// anyState as the Start of a Sequence leaves its first state to the search.
	anyState = -1
	// farX is where values beyond the levels are cut off: too far for any level to seem near, and
	// near enough for the costs of other values to count beside theirs in float32.
	farX = 1024
)

// SearchTrellis finds for each sequence the levels along a path through the trellis that make the
// sum of
//
//	(x - level)^2 + cost[class][level+128]
//
// least: the squared error plus what it costs to code the level (the Viterbi algorithm). A cost is
// 0 to 1e30, which stands for a level that may not be used. Any x may come: beyond ±1024 it counts
// as ±1024, and what is not a number as -1024. In float32, with no fused operation:
//
// The candidates for x are eight neighbouring levels, two of each subset. The byte of the lowest is
// x clamped to [-124, 123], plus 125, without its fraction. A candidate costs e*e + cost, where e =
// x - level; of the two of a subset the cheaper counts, the lower one among equals. A path to state
// s costs what the path to its predecessor costs plus the candidate of the subset of the edge;
// among equals the predecessor is s>>1, not s>>1 + states/2. At first a path costs 0 in the state
// Start and 1e30 in others, or 0 in all; after every 64 values the least cost is subtracted from
// all. The best path ends in the state of least cost, the lowest among equals.
//
// Two sequences are searched at a time: those of one length should be neighbours.
func (s *Set) SearchTrellis(t *Trellis, cost [][256]float32, seqs []Sequence, work *TrellisWork) {
	for i := range seqs {
		checkSequence(&seqs[i], t.States(), len(cost))
	}
	for ; len(seqs) > 1; seqs = seqs[2:] {
		work.search(s.trellis, t, cost, &seqs[0], &seqs[1])
	}
	if len(seqs) == 1 {
		work.search(s.trellis, t, cost, &seqs[0], nil)
	}
}

func checkSequence(q *Sequence, states, classes int) {
	n := len(q.X)
	if len(q.Class) != n || len(q.Levels) != n || q.Start < anyState || q.Start >= states {
		panic(fmt.Sprintf("kernels: SearchTrellis: %d values, %d classes, %d levels, from state %d of %d",
			n, len(q.Class), len(q.Levels), q.Start, states))
	}
	if n > 0 && int(slices.Max(q.Class)) >= classes {
		panic(fmt.Sprintf("kernels: SearchTrellis: class %d of %d", slices.Max(q.Class), classes))
	}
}

// search takes one sequence or two: the second may be nil.
func (w *TrellisWork) search(advance trellisFunc, t *Trellis, cost [][256]float32, p, q *Sequence) {
	a, b := &w.walks[0], &w.walks[1]
	a.start(p, t.States())
	if q != nil {
		b.start(q, t.States())
		advanceBlocks(advance, t, cost, a, b, min(len(p.X), len(q.X)))
		advanceBlocks(advance, t, cost, b, nil, len(b.x))
		b.finish(q, t)
	}
	advanceBlocks(advance, t, cost, a, nil, len(a.x))
	a.finish(p, t)
}

// start sets out on a sequence.
func (l *trellisWalk) start(q *Sequence, states int) {
	n := len(q.X)
	l.all = slices.Grow(l.all[:0], n)[:n]
	l.x, l.class, l.steps = q.X, q.Class, l.all
	for s := range states {
		l.costs[s] = unreached
		if s == q.Start || q.Start == anyState {
			l.costs[s] = 0
		}
	}
}

// advanceBlocks advances a walk, or two that are at the same value where b is not nil, by n values.
func advanceBlocks(advance trellisFunc, t *Trellis, cost [][256]float32, a, b *trellisWalk, n int) {
	for n > 0 {
		size := min(n, renew-(len(a.all)-len(a.x))%renew)
		advance(t, cost, a, b, size)
		a.pass(size, t.States())
		if b != nil {
			b.pass(size, t.States())
		}
		n -= size
	}
}

// pass steps over the next n values and, behind a block of them, subtracts the least cost.
func (l *trellisWalk) pass(n, states int) {
	l.x, l.class, l.steps = l.x[n:], l.class[n:], l.steps[n:]
	if (len(l.all)-len(l.x))%renew != 0 {
		return
	}
	costs := l.costs[:states]
	least := slices.Min(costs)
	for s := range costs {
		costs[s] -= least
	}
}

// finish follows the best path back from its end and lets go of the sequence.
func (l *trellisWalk) finish(q *Sequence, t *Trellis) {
	s := 0
	for i, c := range l.costs[:t.States()] {
		if c < l.costs[s] {
			s = i
		}
	}
	q.End = s
	l.x, l.class = nil, nil
	edge, memory, levels := uint(s)<<1, t.memory&7, q.Levels
	for i, step := range slices.Backward(l.all[:len(levels)]) {
		state := edge >> 1 & (maxStates - 1)
		edge = state | uint(step>>state&1)<<memory
		low := uint(step >> 32)
		at := (uint(t.subset[edge&(2*maxStates-1)]) - low) & 3
		levels[i] = byte(low + at + uint(step>>(40+at)&1)<<2)
	}
}
