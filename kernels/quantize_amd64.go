//go:build !purego

package kernels

// quantizeAVX512 is quantizeScalar.
//
//go:noescape
func quantizeAVX512(q []int8, scales []float32, x []float32, block int) bool

// quantizeAVX2 is quantizeScalar.
//
//go:noescape
func quantizeAVX2(q []int8, scales []float32, x []float32, block int) bool
