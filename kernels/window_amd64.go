//go:build !purego

package kernels

func windowAVX2(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	a := newWindowArgs(work, back, x, w, table, bits)
	windowStepsAVX2(&a)
	work.settle(len(x), bits)
}

// windowStepsAVX2 is windowScalar, but that costs and next change places at each value.
//
//go:noescape
func windowStepsAVX2(a *windowArgs)

func windowAVX512(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	a := newWindowArgs(work, back, x, w, table, bits)
	windowStepsAVX512(&a)
	work.settle(len(x), bits)
}

// windowStepsAVX512 is windowStepsAVX2.
//
//go:noescape
func windowStepsAVX512(a *windowArgs)
