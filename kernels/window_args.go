//go:build (amd64 || arm64) && !purego

package kernels

// windowArgs is what the searches for windows take: see windowFunc.
type windowArgs struct {
	costs  *int32
	next   *int32
	errors *int32
	back   *byte
	x      *float32
	n      int
	w      *float32
	step   int // bytes from one weight to the next
	table  *float32
	tags   *int32 // windowTag of all states
	bits   int
	states int
}

var one float32 = 1 // of a value without a weight

func newWindowArgs(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) windowArgs {
	a := windowArgs{
		costs: &work.costs[0], next: &work.next[0], errors: &work.errors[0][0], back: &back[0],
		x: &x[0], n: len(x), w: &one, table: &table[0],
		tags: &windowTags[bits-MinWindowBits][0], bits: bits, states: windowStates(bits),
	}
	if w != nil {
		a.w, a.step = &w[0], 4
	}
	return a
}

// windowTags are the tags of all states, by bits.
var windowTags = func() (tags [MaxWindowBits - MinWindowBits + 1][]int32) {
	for i := range tags {
		bits := i + MinWindowBits
		tags[i] = make([]int32, windowStates(bits))
		for state := range tags[i] {
			tags[i][state] = windowTag(state, bits)
		}
	}
	return tags
}()

// settle puts the costs where the next call expects them: kernels use costs and next in turns.
func (work *WindowWork) settle(values, bits int) {
	if values%2 != 0 {
		states := windowStates(bits)
		copy(work.costs[:states], work.next[:states])
	}
}
