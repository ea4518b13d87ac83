//go:build !purego

package kernels

// expSumLargestNEON is expSumLargestScalar for whole groups of lanes.
//
//go:noescape
func expSumLargestNEON(x []float32) float32

// expSumNEON is expSumScalar for whole groups of lanes.
//
//go:noescape
func expSumNEON(x []float32, largest, perUnit float32) float32

// expGELUNEON is expGELUScalar for whole groups of lanes.
//
//go:noescape
func expGELUNEON(x, bias []float32)

// expSwiGLUNEON is expSwiGLUScalar for whole groups of lanes.
//
//go:noescape
func expSwiGLUNEON(gate, up []float32)
