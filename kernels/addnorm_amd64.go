//go:build !purego

package kernels

// addNormAVX512 is addNormScalar for whole groups of lanes.
//
//go:noescape
func addNormAVX512(x, y, bias []float32) float32

// addNormSquaresAVX512 is addNormSquaresScalar for whole groups of lanes.
//
//go:noescape
func addNormSquaresAVX512(x []float32, mean float32) float32

// addNormScaleAVX512 is addNormScaleScalar for whole groups of lanes.
//
//go:noescape
func addNormScaleAVX512(x, gain, shift []float32, mean, by float32)

// addNormAVX2 is addNormScalar for whole groups of lanes.
//
//go:noescape
func addNormAVX2(x, y, bias []float32) float32

// addNormSquaresAVX2 is addNormSquaresScalar for whole groups of lanes.
//
//go:noescape
func addNormSquaresAVX2(x []float32, mean float32) float32

// addNormScaleAVX2 is addNormScaleScalar for whole groups of lanes.
//
//go:noescape
func addNormScaleAVX2(x, gain, shift []float32, mean, by float32)
