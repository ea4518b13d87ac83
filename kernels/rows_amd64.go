//go:build !purego

package kernels

// rowsScaleAVX2 is rowsScaleScalar.
//
//go:noescape
func rowsScaleAVX2(dst, x, by []float32)

// rowsAddAVX2 is rowsAddScalar.
//
//go:noescape
func rowsAddAVX2(dst, x, by []float32)
