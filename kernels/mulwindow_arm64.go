//go:build !purego

package kernels

// mulWindowDecodeNEON turns a block of mul-window, the last 128 bytes of codes before which are at
// before, into the layout of mul-u8.
//
//go:noescape
func mulWindowDecodeNEON(dst, codes, before, lookup *byte, bits, quads int)
