//go:build !purego

package kernels

func windowNEON(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32,
	bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	windowStepsNEON(&a)
}

// windowStepsNEON is windowScalar.
//
//go:noescape
func windowStepsNEON(a *windowArgs)
