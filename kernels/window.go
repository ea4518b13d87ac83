package kernels

import (
	"fmt"
	"slices"
)

// MinWindowBits and MaxWindowBits limit the bits of a weight's code, the new ones in its window of
// 8 bits.
const (
	MinWindowBits = 2
	MaxWindowBits = 5
)

// WindowWork is the work space of SearchWindows: 2^(8-bits) bytes for each weight of the longest
// row. The zero value is ready; it grows as needed.
type WindowWork struct {
	cost [Centroids]float32 // of the best path to each window
	// len(x) x 2^(8-bits): the upper bits of the best predecessor, by its other bits
	back []byte
}

// windowFunc takes the costs of the best paths to each window past the values of x. back gets what
// it chose.
type windowFunc func(cost *[Centroids]float32, back []byte, x, w []float32,
	table *[Centroids]float32, bits int)

// renewWindows is the number of values after which costs are made small again.
const renewWindows = 256

// SearchWindows finds the stream of codes for a row of values x whose windows have the least
// weighted squared error (trellis-coded quantisation with a bit-shift trellis): assignments that
// make
//
//	sum of w[i] * (x[i] - table[assignments[i]])^2
//
// least, each a window of 8 bits: the window before it, shifted left by bits (2 to 5), with as many
// new bits, the code, below. The window before the first is start. w may be nil, for all 1. It
// returns the sum. The search is the Viterbi algorithm in float32, with no fused operation:
//
// Before the first value a path to window start costs 0, to others infinity. At each value the best
// predecessor of window s is the cheapest of those whose lower 8-bits bits are s>>bits, the lowest
// among equals, and the cost of s is
//
//	float32(cost of the predecessor) + float32(float32(e*e) * w[i]), e = x[i] - table[s]
//
// After every 256 values the cost of window 0 is subtracted from all and added to a sum in float64.
// The path ends in the cheapest window, the lowest among equals. x, w and table are finite, w is
// not negative, and no cost overflows.
func (s *Set) SearchWindows(assignments []byte, work *WindowWork, x, w []float32,
	table *[Centroids]float32, bits int, start byte) float64 {
	n := len(x)
	if bits < MinWindowBits || bits > MaxWindowBits || len(assignments) != n ||
		w != nil && len(w) != n {
		panic(fmt.Sprintf("kernels: SearchWindows: %d bits, %d assignments, %d values, %d weights",
			bits, len(assignments), n, len(w)))
	}
	size := Centroids >> bits
	work.back = slices.Grow(work.back[:0], n*size)[:n*size]
	total := work.costs(s.window, x, w, table, bits, start)
	at := 0
	for i, c := range work.cost {
		if c < work.cost[at] {
			at = i
		}
	}
	total += float64(work.cost[at])
	for i := n - 1; i >= 0; i-- {
		assignments[i] = byte(at)
		lower := at >> bits
		at = int(work.back[i*size+lower])<<(8-bits) | lower
	}
	return total
}

// costs finds the costs of the best paths, less what it returns.
func (work *WindowWork) costs(advance windowFunc, x, w []float32, table *[Centroids]float32,
	bits int, start byte) (total float64) {
	for i := range work.cost {
		work.cost[i] = infinity
	}
	work.cost[start] = 0
	back := work.back
	for len(x) > 0 {
		n := min(len(x), renewWindows)
		var weights []float32
		if w != nil {
			weights, w = w[:n], w[n:]
		}
		advance(&work.cost, back, x[:n], weights, table, bits)
		x, back = x[n:], back[n*Centroids>>bits:]
		if n == renewWindows {
			base := work.cost[0]
			total += float64(base)
			for i := range work.cost {
				work.cost[i] -= base
			}
		}
	}
	return total
}
