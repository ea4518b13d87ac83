package kernels

import "math"

var infinity = float32(math.Inf(1))

func windowScalar(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	states, tags, weight := windowStates(bits), int32(1)<<bits-1, float32(1)
	costs, next := work.costs[:states], work.next[:states]
	for i, v := range x {
		if w != nil {
			weight = w[i]
		}
		work.errors.set(v, weight, table, bits)
		// Next states that differ in their last four bits only have predecessors side by side.
		for g := 0; g < states; g += windowHalf {
			least := (*[windowHalf]int32)(next[g:])
			for n := range least {
				least[n] = math.MaxInt32
			}
			for first := range 1 << bits {
				window := first<<(windowLength-bits) | g
				errors := &work.errors[WindowAssignment(uint16(window))>>4]
				for n := 0; n < windowHalf; n += 4 { // which have the same predecessor
					c := costs[(window|n)>>bits]
					l, e := (*[4]int32)(least[n:]), (*[4]int32)(errors[n:])
					l[0] = min(l[0], c+e[0])
					l[1] = min(l[1], c+e[1])
					l[2] = min(l[2], c+e[2])
					l[3] = min(l[3], c+e[3])
				}
			}
		}
		for state, c := range next {
			back[i*states+state] = byte(c & tags)
		}
		base := next[0] &^ tags
		for state, c := range next {
			costs[state] = c&^tags - base + windowTag(state, bits)
		}
	}
}

// set writes the errors of a value, whose bits below are 0.
func (errors *windowErrors) set(v, weight float32, table *[WindowCentroids]float32, bits int) {
	var squares [windowHalf][windowHalf]float32
	least := infinity
	for m := range squares {
		rest := v - table[windowHalf+m]
		for n := range squares[m] {
			d := rest - table[n]
			squares[m][n] = d * d
			least = min(least, squares[m][n])
		}
	}
	scale, largest := weight*windowUnit, float32(int(windowLargest)>>bits)
	for m := range squares {
		for n, e := range squares[m] {
			e = min(float32(e-least)*scale, largest)
			errors[m][n] = int32(math.RoundToEven(float64(e))) << bits
		}
	}
}
