package kernels

import (
	"fmt"
	"math"
	"slices"
)

const (
	// MinWindowBits and MaxWindowBits limit the bits of a weight's code, the new ones in its window.
	MinWindowBits = 2
	MaxWindowBits = 5
	// WindowCentroids is the number of centroids that windows are looked up with, 16 by their last
	// four bits and 16 by the others.
	WindowCentroids = 32

	windowLength = 12 // bits
	windowHalf   = WindowCentroids / 2
)

// RowStart stands for the window before the first weight of a row: the first eight bits of the
// row's own stream. So the first weights have as many values to choose among as the others, if not
// each alone; a window that is the same for all rows leaves the first weight of Gaussian ones forty
// times the error of the rest at 4 bits.
const RowStart uint16 = 1 << windowLength

// FirstWindow returns what RowStart stands for in a row that begins with these assignments.
func FirstWindow(assignments []byte, bits int) uint16 {
	var stream uint16
	codes := firstCodes(bits)
	for i := range codes {
		stream <<= bits
		if i < len(assignments) {
			before := stream >> bits
			if i == 0 { // whose fourth bit is the last one of the first code
				before = uint16(assignments[0]) & 1 << 3
			}
			stream |= NextWindow(before, assignments[i], bits) & (1<<bits - 1)
		}
	}
	return stream >> (codes*bits - 8)
}

// firstCodes is the number of codes that have the first eight bits of a row.
func firstCodes(bits int) int { return ceilDiv(8, bits) }

// NextWindow returns the window behind another, of a weight with this assignment whose code has so
// many bits. What assignment says of the window before does not count.
func NextWindow(before uint16, assignment byte, bits int) uint16 {
	n := uint(bits) & 7 // so that no shift is by more than a number has
	code := uint16(assignment) & (1<<min(n, 4) - 1)
	if n > 4 { // the fifth bit of a code is the last one of the second group of four
		code |= (uint16(assignment)>>4 ^ before<<n>>8) & 1 << 4
	}
	return before<<n&(1<<windowLength-1) | code
}

// WindowAssignment returns the assignment of a weight with this window of 12 bits: the last four
// bits below, above them the exclusive or of the four before and the first four.
func WindowAssignment(window uint16) byte {
	return byte(window&15 | (window>>4^window>>8)&15<<4)
}

// windowStates is the number of paths that a search goes on with at codes of so many bits: one for
// all windows that end with the same bits but for the first ones, which the next weight drops.
func windowStates(bits int) int { return 1 << (windowLength - bits) }

// WindowWork is the work space of SearchWindows: 2^(12-bits) bytes for each weight of the longest
// row. The zero value is ready; it grows as needed.
type WindowWork struct {
	// The costs of the best paths to each state, the bits that the next weight keeps of a window,
	// and those behind the next weight. The lower bits of a cost are its tag, the upper bits of the
	// number of its state: the least of several costs so says whose it is.
	costs, next [1 << (windowLength - MinWindowBits)]int32
	errors      windowErrors
	back        []byte // len(x) x states: the first bits of the best window
	// the first codes of the best path to a state, in a row
	first [1 << (windowLength - MinWindowBits)]uint16
}

// windowErrors are those of a value, by upper and lower half of assignments.
type windowErrors [windowHalf][windowHalf]int32

// windowFunc takes the costs of the best paths past the values of x. back gets what it chose.
type windowFunc func(work *WindowWork, back []byte, x, w []float32,
	table *[WindowCentroids]float32, bits int)

const (
	// Errors become whole numbers: one of 1 with a weight of 1 is 2^20. What is over the least error
	// of the same value by 2^(26-bits), 2 at 5 bits and 16 at 2, counts as no more: it is on no path
	// worth taking. With room for a tag below, no error is more than 2^26; the best paths to two
	// windows differ in six weights at most (at 2 bits), and so by less than 2^29, which is what a
	// path costs that does not begin with start; and nothing overflows.
	windowUnit    = 1 << 20
	windowLargest = 1 << 26
	windowNever   = 1 << 29
)

// SearchWindows finds the stream of codes for a row of values x whose windows have the least
// weighted squared error (trellis-coded quantisation with a bit-shift trellis: Marcellin and
// Fischer 1990, Tseng et al. 2024). A window is the last 12 bits of a stream that grows by bits (2
// to 5) a value, and stands for the sum of two centroids: the one of table[:16] that its last four
// bits number, and the one of table[16:] that the exclusive or of its other fours numbers.
// Assignments are these numbers, the latter above, as WindowAssignment says. They make
//
//	sum of w[i] * (x[i] - table[16+assignments[i]>>4] - table[assignments[i]&15])^2
//
// least but for roundings. The window before the first is start, or RowStart. w may be nil, for all
// 1; weights are 0 to 1, most of them not far below 1. The search is the Viterbi
// algorithm in whole numbers, so that all tiers find the same:
//
//	d = (x[i] - table[16+m]) - table[n], e[m][n] = d*d                              (float32)
//	error = min((e[m][n] - least e) * (w[i] * 2^20), 2^(26-bits)), rounded to even   (int32)
//
// and a path to a window costs the error on top of what the cheapest of the windows costs that it
// can follow, the lowest among equals. The path ends in the cheapest, the lowest among equals. No
// square of a difference overflows.
func (s *Set) SearchWindows(assignments []byte, work *WindowWork, x, w []float32,
	table *[WindowCentroids]float32, bits int, start uint16) {
	n := len(x)
	if bits < MinWindowBits || bits > MaxWindowBits || len(assignments) != n ||
		w != nil && len(w) != n {
		panic(fmt.Sprintf("kernels: SearchWindows: %d bits, %d assignments, %d values, %d weights",
			bits, len(assignments), n, len(w)))
	}
	states := windowStates(bits)
	for i := range work.costs[:states] {
		work.costs[i] = windowNever | windowTag(i, bits)
	}
	begun := 0
	if start == RowStart {
		begun = work.begin(x, w, table, bits)
		if x = x[begun:]; w != nil {
			w = w[begun:]
		}
	} else {
		work.costs[int(start)&(states-1)] -= windowNever
	}
	work.back = slices.Grow(work.back[:0], len(x)*states)[:len(x)*states]
	if len(x) > 0 {
		s.window(work, work.back, x, w, table, bits)
	}
	at, least := 0, int32(math.MaxInt32)
	for i, c := range work.costs[:states] {
		if c < least {
			at, least = i, c
		}
	}
	for i := len(x) - 1; i >= 0; i-- {
		window := int(work.back[i*states+at])<<(windowLength-bits) | at
		assignments[begun+i] = WindowAssignment(uint16(window))
		at = window >> bits
	}
	path := newFirstPath(work.first[at], bits)
	for i := range assignments[:begun] {
		assignments[i] = path.next()
	}
}

// begin sets the costs of the best paths through the first weights of a row, as many as have its
// first eight bits, and returns how many these are. All paths are tried: each begins with a window
// of its own.
func (work *WindowWork) begin(x, w []float32, table *[WindowCentroids]float32, bits int) int {
	codes := firstCodes(bits)
	n := min(codes, len(x))
	var errors [8 / MinWindowBits]windowErrors
	for i := range n {
		weight := float32(1)
		if w != nil {
			weight = w[i]
		}
		errors[i].set(x[i], weight, table, bits)
	}
	states, step := windowStates(bits), 1<<(bits*(codes-n)) // codes behind the row are 0
	for first := 0; first < 1<<(bits*codes); first += step {
		path, cost := newFirstPath(uint16(first), bits), int32(0)
		for i := range n {
			a := path.next()
			cost += errors[i][a>>4][a&15]
		}
		state := int(path.window) & (states - 1)
		if cost |= windowTag(state, bits); cost < work.costs[state] {
			work.costs[state], work.first[state] = cost, uint16(first)
		}
	}
	return n
}

// firstPath goes through the windows of a row's first codes.
type firstPath struct {
	window, codes uint16
	bits, left    int
}

func newFirstPath(codes uint16, bits int) firstPath {
	n := bits * firstCodes(bits)
	return firstPath{codes >> (n - 8), codes, bits, n}
}

// next returns the assignment of the next weight.
func (p *firstPath) next() byte {
	p.left -= p.bits
	code := p.codes >> p.left & (1<<p.bits - 1)
	p.window = p.window<<p.bits&(1<<windowLength-1) | code
	return WindowAssignment(p.window)
}

// windowTag is what stands below the cost of state i: its first bits.
func windowTag(i, bits int) int32 { return int32(i >> (windowLength - 2*bits)) }
