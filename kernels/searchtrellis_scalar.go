package kernels

func trellisScalar(t *Trellis, cost [][256]float32, a, b *trellisLane, n int) {
	a.advance(t, cost, n)
	if a != b {
		b.advance(t, cost, n)
	}
}

func (l *trellisLane) advance(t *Trellis, cost [][256]float32, n int) {
	half := t.States() / 2
	for i := range n {
		step, best := l.candidates(cost, i)
		var next [maxStates]float32
		for s := range 2 * half {
			p := s >> 1
			lower := l.costs[p] + best[t.subset[s]]
			upper := l.costs[p+half] + best[t.subset[s+2*half]]
			if upper < lower {
				lower = upper
				step |= 1 << s
			}
			next[s] = lower
		}
		l.costs = next
		l.steps[i] = step
	}
}

// candidates returns the costs of the better level of each subset for value i, and which these are.
func (l *trellisLane) candidates(cost [][256]float32, i int) (step trellisStep, best [4]float32) {
	x := float32(-farX) // of what is not a number, too
	if l.x[i] > x {
		x = l.x[i]
	}
	x = min(x, farX)
	low := floor(min(max(x, -124), 123)) + 125
	costs := cost[l.class[i]][low:][:8]
	for k := range 4 {
		level := low + k
		e := x - float32(level-128)
		near := float32(e*e) + costs[k]
		e = x - float32(level-124)
		far := float32(e*e) + costs[k+4]
		if far < near {
			near = far
			step |= 1 << (40 + k)
		}
		best[level&3] = near
	}
	return step | trellisStep(low)<<32, best
}

// floor rounds down a value that an int can hold.
func floor(v float32) int {
	f := int(v)
	if float32(f) > v {
		f--
	}
	return f
}
