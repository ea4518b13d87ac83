package kernels

import "math"

func trellisScalar(t *Trellis, cost [][256]float32, a, b *trellisWalk, n int) {
	a.prepare(0, n)
	a.advance(t, cost, n)
	if b != nil {
		b.prepare(0, n)
		b.advance(t, cost, n)
	}
}

// prepare fills steps [from, to) with the bits of x, cut off beyond ±farX, and above these with
// the place in the cost table of the lowest level to consider. The search replaces them.
func (l *trellisWalk) prepare(from, to int) {
	x, class, steps := l.x[from:to], l.class[from:to], l.steps[from:to]
	for i, v := range x {
		if !(v > -farX) { // not a number, too
			v = -farX
		}
		v = min(v, farX)
		low := uint32(int32(min(max(v, -124), 123) + 125))
		steps[i] = trellisStep(math.Float32bits(v)) | trellisStep(uint32(class[i])<<8|low)<<32
	}
}

// advance takes the bits of costs for integers, which order as they do: no cost is negative. So
// nothing depends on a branch, which could not be predicted.
func (l *trellisWalk) advance(t *Trellis, cost [][256]float32, n int) {
	half := t.States() / 2 & (maxStates - 1)
	var room [maxStates]float32
	costs, next := &l.costs, &room
	steps := l.steps[:n]
	for i, step := range steps {
		x, low := math.Float32frombits(uint32(step)), uint(step>>32&0xff)
		row := cost[step>>40][low:][:8]
		var least [4]float32 // by subset
		var ups, uppers uint64
		for k := range uint(4) {
			level := float32(low+k) - 128
			e, f := x-level, x-(level+4)
			cost, up := lesser(float32(e*e)+row[k], float32(f*f)+row[k+4])
			least[(low+k)&3] = cost
			ups |= up << k
		}
		for k := range half {
			lower, upper := costs[k], costs[k+half]
			a, b := t.subset[2*k]&3, t.subset[2*k+2*half]&3
			even, up := lesser(lower+least[a], upper+least[b])
			uppers |= up << (2 * k)
			odd, up := lesser(lower+least[a^2], upper+least[b^2])
			uppers |= up << (2*k + 1)
			next[2*k], next[2*k+1] = even, odd
		}
		steps[i] = trellisStep(uppers | uint64(low)<<32 | ups<<40)
		costs, next = next, costs
	}
	l.costs = *costs
}

// lesser returns the lesser of two costs, and 1 where it is b.
func lesser(a, b float32) (least float32, isB uint64) {
	u, v := math.Float32bits(a), math.Float32bits(b)
	return math.Float32frombits(min(u, v)), (uint64(v) - uint64(u)) >> 63
}
