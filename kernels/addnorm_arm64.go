//go:build !purego

package kernels

// addNormNEON is addNormScalar for whole groups of lanes.
//
//go:noescape
func addNormNEON(x, y, bias []float32) float32

// addNormSquaresNEON is addNormSquaresScalar for whole groups of lanes.
//
//go:noescape
func addNormSquaresNEON(x []float32, mean float32) float32

// addNormScaleNEON is addNormScaleScalar for whole groups of lanes.
//
//go:noescape
func addNormScaleNEON(x, gain, shift []float32, mean, by float32)
