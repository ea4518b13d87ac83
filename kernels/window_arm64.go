//go:build !purego

package kernels

func windowNEON(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	a := newWindowArgs(work, back, x, w, table, bits)
	windowStepsNEON(&a)
	work.settle(len(x), bits)
}

// windowStepsNEON is windowScalar, but that costs and next change places at each value.
//
//go:noescape
func windowStepsNEON(a *windowArgs)
