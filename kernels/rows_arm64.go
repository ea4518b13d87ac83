//go:build !purego

package kernels

// rowsScaleNEON is rowsScaleScalar.
//
//go:noescape
func rowsScaleNEON(dst, x, by []float32)

// rowsAddNEON is rowsAddScalar.
//
//go:noescape
func rowsAddNEON(dst, x, by []float32)
