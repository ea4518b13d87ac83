//go:build !purego

package kernels

func mulWindowVecAVX2(bits int, a *vecArgs) {
	switch bits {
	case 2:
		mulWindow2VecAVX2(a)
	case 3:
		mulWindow3VecAVX2(a)
	case 4:
		mulWindow4VecAVX2(a)
	case 5:
		mulWindow5VecAVX2(a)
	}
}

func mulWindowVecAVXVNNI(bits int, a *vecArgs) {
	switch bits {
	case 2:
		mulWindow2VecAVXVNNI(a)
	case 3:
		mulWindow3VecAVXVNNI(a)
	case 4:
		mulWindow4VecAVXVNNI(a)
	case 5:
		mulWindow5VecAVXVNNI(a)
	}
}

func mulWindowVecAVX512VNNI(bits int, a *vecArgs) {
	switch bits {
	case 2:
		mulWindow2VecAVX512VNNI(a)
	case 3:
		mulWindow3VecAVX512VNNI(a)
	case 4:
		mulWindow4VecAVX512VNNI(a)
	case 5:
		mulWindow5VecAVX512VNNI(a)
	}
}

func mulWindowDecodeAVX2(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindow2DecodeAVX2(dst, codes, before, lookup, quads)
	case 3:
		mulWindow3DecodeAVX2(dst, codes, before, lookup, quads)
	case 4:
		mulWindow4DecodeAVX2(dst, codes, before, lookup, quads)
	case 5:
		mulWindow5DecodeAVX2(dst, codes, before, lookup, quads)
	}
}

func mulWindowDecodeAVX512VNNI(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindow2DecodeAVX512VNNI(dst, codes, before, lookup, quads)
	case 3:
		mulWindow3DecodeAVX512VNNI(dst, codes, before, lookup, quads)
	case 4:
		mulWindow4DecodeAVX512VNNI(dst, codes, before, lookup, quads)
	case 5:
		mulWindow5DecodeAVX512VNNI(dst, codes, before, lookup, quads)
	}
}

// mulWindow2VecAVX2 is MulWindow for 2 bits, one vector, as mulU8SignsAVX2 leaves it, and the given
// panels; the others likewise.
//
//go:noescape
func mulWindow2VecAVX2(a *vecArgs)

//go:noescape
func mulWindow3VecAVX2(a *vecArgs)

//go:noescape
func mulWindow4VecAVX2(a *vecArgs)

//go:noescape
func mulWindow5VecAVX2(a *vecArgs)

// mulWindow2VecAVXVNNI is MulWindow for 2 bits, one vector and the given panels; the others
// likewise.
//
//go:noescape
func mulWindow2VecAVXVNNI(a *vecArgs)

//go:noescape
func mulWindow3VecAVXVNNI(a *vecArgs)

//go:noescape
func mulWindow4VecAVXVNNI(a *vecArgs)

//go:noescape
func mulWindow5VecAVXVNNI(a *vecArgs)

// mulWindow2VecAVX512VNNI is mulWindow2VecAVXVNNI.
//
//go:noescape
func mulWindow2VecAVX512VNNI(a *vecArgs)

//go:noescape
func mulWindow3VecAVX512VNNI(a *vecArgs)

//go:noescape
func mulWindow4VecAVX512VNNI(a *vecArgs)

//go:noescape
func mulWindow5VecAVX512VNNI(a *vecArgs)

// mulWindow2DecodeAVX2 turns a block of mul-window with 2 bits, the last 128 bytes of codes before
// which are at before, into the layout of mul-u8; the others likewise.
//
//go:noescape
func mulWindow2DecodeAVX2(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow3DecodeAVX2(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow4DecodeAVX2(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow5DecodeAVX2(dst, codes, before, lookup *byte, quads int)

// mulWindow2DecodeAVX512VNNI is mulWindow2DecodeAVX2.
//
//go:noescape
func mulWindow2DecodeAVX512VNNI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow3DecodeAVX512VNNI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow4DecodeAVX512VNNI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow5DecodeAVX512VNNI(dst, codes, before, lookup *byte, quads int)

func mulWindowVecAVX512VBMI(bits int, a *vecArgs) {
	switch bits {
	case 2:
		mulWindow2VecAVX512VBMI(a)
	case 3:
		mulWindow3VecAVX512VBMI(a)
	case 4:
		mulWindow4VecAVX512VBMI(a)
	case 5:
		mulWindow5VecAVX512VBMI(a)
	}
}

func mulWindowDecodeAVX512VBMI(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindow2DecodeAVX512VBMI(dst, codes, before, lookup, quads)
	case 3:
		mulWindow3DecodeAVX512VBMI(dst, codes, before, lookup, quads)
	case 4:
		mulWindow4DecodeAVX512VBMI(dst, codes, before, lookup, quads)
	case 5:
		mulWindow5DecodeAVX512VBMI(dst, codes, before, lookup, quads)
	}
}

// mulWindow2VecAVX512VBMI is mulWindow2VecAVXVNNI.
//
//go:noescape
func mulWindow2VecAVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow3VecAVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow4VecAVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow5VecAVX512VBMI(a *vecArgs)

// mulWindow2DecodeAVX512VBMI is mulWindow2DecodeAVX2.
//
//go:noescape
func mulWindow2DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow3DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow4DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow5DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)
