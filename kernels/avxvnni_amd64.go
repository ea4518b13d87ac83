//go:build !purego

package kernels

// executeVPDPBUSD executes VPDPBUSD_VEX once with each of eight choices of registers, for a test of
// its bytes: acc[i][lane] grows by the sum of w[4*lane+j] * x[4*lane+j].
//
//go:noescape
func executeVPDPBUSD(acc *[8][8]int32, w *[32]uint8, x *[32]int8)
