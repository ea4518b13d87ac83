//go:build !purego

package kernels

func mulWindowAVX512(bits int, a *vecArgs) {
	switch bits {
	case 2:
		mulWindow2AVX512VBMI(a)
	case 3:
		mulWindow3AVX512VBMI(a)
	case 4:
		mulWindow4AVX512VBMI(a)
	case 5:
		mulWindow5AVX512VBMI(a)
	}
}

func mulWindowDecodeAVX512(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindowDecode2AVX512VBMI(dst, codes, before, lookup, quads)
	case 3:
		mulWindowDecode3AVX512VBMI(dst, codes, before, lookup, quads)
	case 4:
		mulWindowDecode4AVX512VBMI(dst, codes, before, lookup, quads)
	case 5:
		mulWindowDecode5AVX512VBMI(dst, codes, before, lookup, quads)
	}
}

// mulWindow2AVX512VBMI is MulWindow for 2 bits, one vector and the given panels; the others
// likewise.
//
//go:noescape
func mulWindow2AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow3AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow4AVX512VBMI(a *vecArgs)

//go:noescape
func mulWindow5AVX512VBMI(a *vecArgs)

// mulWindowDecode2AVX512VBMI turns quads of mul-window with 2 bits, whose 16 rows have the words
// before at before, into the layout of mul-u8; the others likewise.
//
//go:noescape
func mulWindowDecode2AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode3AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode4AVX512VBMI(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindowDecode5AVX512VBMI(dst, codes, before, lookup *byte, quads int)

// mulWindowCutAVX2 writes the windows of quads of mul-window, as mulWindowDecode2AVX512VBMI writes
// the weights.
//
//go:noescape
func mulWindowCutAVX2(dst, codes, before *byte, cut *windowCut, quads int)
