//go:build !purego

package kernels

// expSumLargestAVX512 is expSumLargestScalar for whole groups of lanes.
//
//go:noescape
func expSumLargestAVX512(x []float32) float32

// expSumAVX512 is expSumScalar for whole groups of lanes.
//
//go:noescape
func expSumAVX512(x []float32, largest, perUnit float32) float32

// expGELUAVX512 is expGELUScalar for whole groups of lanes.
//
//go:noescape
func expGELUAVX512(x, bias []float32)

// expSwiGLUAVX512 is expSwiGLUScalar for whole groups of lanes.
//
//go:noescape
func expSwiGLUAVX512(gate, up []float32)

// expSumLargestAVX2 is expSumLargestScalar for whole groups of lanes.
//
//go:noescape
func expSumLargestAVX2(x []float32) float32

// expSumAVX2 is expSumScalar for whole groups of lanes.
//
//go:noescape
func expSumAVX2(x []float32, largest, perUnit float32) float32

// expGELUAVX2 is expGELUScalar for whole groups of lanes.
//
//go:noescape
func expGELUAVX2(x, bias []float32)

// expSwiGLUAVX2 is expSwiGLUScalar for whole groups of lanes.
//
//go:noescape
func expSwiGLUAVX2(gate, up []float32)
