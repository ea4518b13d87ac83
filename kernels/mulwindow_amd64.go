//go:build !purego

package kernels

// mulWindowVecAVX2 is MulWindow for one vector, as mulU8SignsAVX2 leaves it, and the given panels.
//
//go:noescape
func mulWindowVecAVX2(a *vecArgs)

// mulWindowVecAVXVNNI is MulWindow for one vector and the given panels; the others likewise.
//
//go:noescape
func mulWindowVecAVXVNNI(a *vecArgs)

//go:noescape
func mulWindowVecAVX512VNNI(a *vecArgs)

//go:noescape
func mulWindowVecAVX512VBMI(a *vecArgs)

// mulWindowDecodeAVX2 turns a block of mul-window, the last 128 bytes of codes before which are at
// before, into the layout of mul-u8; the others likewise.
//
//go:noescape
func mulWindowDecodeAVX2(dst, codes, before, lookup *byte, bits, quads int)

//go:noescape
func mulWindowDecodeAVX512VNNI(dst, codes, before, lookup *byte, bits, quads int)

//go:noescape
func mulWindowDecodeAVX512VBMI(dst, codes, before, lookup *byte, bits, quads int)
