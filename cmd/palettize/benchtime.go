package main

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"
)

// form is one copy of a matrix in the form that is multiplied.
type form struct {
	mul  func() error
	bits int64 // what it takes in memory, work space not counted
}

const (
	// benchRounds is how often those that are compared take turns at least.
	benchRounds = 5
	// hotSlot is how long a turn lasts: short, so that many turns go undisturbed by whatever else
	// the machine does and all meet it in the same moods; long enough for the clock.
	hotSlot = time.Millisecond
	// coldSlot is longer: a turn begins with data in the cache that belong to another.
	coldSlot = 5 * time.Millisecond
	// coldRuns is how many times as long a cold measurement takes: memory is shared with whatever
	// else runs, so that it takes more turns to find the machine undisturbed.
	coldRuns = 4
)

// timeHot measures a form and the dense one, each again and again.
func timeHot(ctx context.Context, c *benchCase, each time.Duration) (*benchResult, error) {
	f, err := c.content()()
	if err != nil {
		return nil, err
	}
	dense, err := c.dense()()
	if err != nil {
		return nil, err
	}
	ns, n, err := timeTurns(ctx, each, hotSlot, dense.mul, f.mul)
	if err != nil {
		return nil, err
	}
	return &benchResult{N: n, Ns: ns[1], XDense: ns[0] / ns[1]}, nil
}

// timeCold walks through as many copies of a form as exceed the working set, and likewise of the
// dense one. In the same turns it measures the form hot and the bandwidth of memory.
func timeCold(ctx context.Context, c *benchCase, each time.Duration, workingSet int64) (
	*benchResult, error) {
	forms, err := newWalk(ctx, c.content(), workingSet)
	if err != nil {
		return nil, err
	}
	dense, err := newWalk(ctx, c.dense(), workingSet)
	if err != nil {
		return nil, err
	}
	memory := newCopier(workingSet, c.threads)
	runtime.GC() // now, so that it does not meet a turn
	ns, n, err := timeTurns(ctx, coldRuns*each, coldSlot,
		dense.next, forms.next, forms.copies[0].mul, memory.next)
	if err != nil {
		return nil, err
	}
	size := c.rows * c.cols
	facts := &coldFacts{
		Copies: len(forms.copies), Bits: float64(forms.copies[0].bits) / float64(size),
		HotNs: ns[2], CopyGBs: memory.bytes() / ns[3],
	}
	facts.derive(size, ns[0], ns[1])
	return &benchResult{N: n, Ns: ns[1], XDense: ns[0] / ns[1], Cold: facts}, nil
}

// walk calls copies of a form in turn: the next one has been out of use for a whole working set.
type walk struct {
	copies []form
	at     int
}

func newWalk(ctx context.Context, layOut func() (form, error), workingSet int64) (*walk, error) {
	w := new(walk)
	for n := 1; len(w.copies) < n; {
		f, err := layOut()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		w.copies = append(w.copies, f)
		n = copiesFor(f.bits/8, workingSet)
	}
	return w, nil
}

func (w *walk) next() error {
	w.at = (w.at + 1) % len(w.copies)
	return w.copies[w.at].mul()
}

// copier copies one half of a working set to the other, a part a call.
type copier struct {
	from, to []byte
	part, at int
	threads  int
}

// copyParts is in how many calls: few enough for parts much larger than a cache line, many enough
// to fit a turn.
const copyParts = 32

func newCopier(workingSet int64, threads int) *copier {
	half := workingSet / 2
	c := &copier{
		from: make([]byte, half), to: make([]byte, half),
		part: int(half) / copyParts, threads: threads,
	}
	for i := 0; i < len(c.from); i += 4096 { // so that the system provides the pages now
		c.from[i], c.to[i] = 1, 1
	}
	return c
}

func (c *copier) next() error {
	c.at = (c.at + 1) % copyParts
	from, to := c.from[c.at*c.part:][:c.part], c.to[c.at*c.part:][:c.part]
	var wg sync.WaitGroup
	for t := range c.threads {
		lo, hi := t*c.part/c.threads, (t+1)*c.part/c.threads
		wg.Go(func() { copy(to[lo:hi], from[lo:hi]) })
	}
	wg.Wait()
	return nil
}

// bytes is what a call reads and writes.
func (c *copier) bytes() float64 { return float64(2 * c.part) }

// timeTurns returns the best time of a call of each, in nanoseconds, out of turns of many calls,
// and how many calls of the second were timed.
func timeTurns(ctx context.Context, each, slot time.Duration, calls ...func() error) (
	ns []float64, n int, err error) {
	perSlot := make([]int, len(calls))
	for i, call := range calls {
		if perSlot[i], err = calibrate(call, slot); err != nil {
			return nil, 0, err
		}
		ns = append(ns, math.Inf(1))
	}
	start := time.Now()
	for round := 0; round < benchRounds || time.Since(start) < each; round++ {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		for i, call := range calls {
			took, err := timeCalls(call, perSlot[i])
			if err != nil {
				return nil, 0, err
			}
			ns[i] = min(ns[i], took)
		}
		n += perSlot[1]
	}
	return ns, n, nil
}

// calibrate finds how many calls fill a slot.
func calibrate(call func() error, slot time.Duration) (int, error) {
	ns := math.Inf(1)
	for n := 1; ; n *= 2 {
		took, err := timeCalls(call, n)
		if err != nil {
			return 0, err
		}
		ns = min(ns, took)
		if ns*float64(n) > float64(slot)/2 {
			return max(1, int(float64(slot)/ns)), nil
		}
	}
}

// timeCalls returns the time of one of n calls in a row, after one that does not count: it finds
// what another left in the cache.
func timeCalls(call func() error, n int) (float64, error) {
	if err := call(); err != nil {
		return 0, err
	}
	start := time.Now()
	for range n {
		if err := call(); err != nil {
			return 0, err
		}
	}
	return max(1, float64(time.Since(start).Nanoseconds())) / float64(n), nil
}
