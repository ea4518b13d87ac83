//go:build !purego

package kernels

func searchWindowsNEON(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32, bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	searchWindowsStepsNEON(&a)
}

// searchWindowsStepsNEON is searchWindowsScalar.
//
//go:noescape
func searchWindowsStepsNEON(a *windowArgs)
