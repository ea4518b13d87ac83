//go:build !purego

package kernels

// quantizeNEON is quantizeScalar. Nothing has to be clamped: |x| * (127/max) rounds to 127 at most.
//
//go:noescape
func quantizeNEON(q []int8, scales []float32, x []float32, block int) bool
