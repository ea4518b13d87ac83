//go:build !purego

package kernels

func mulWindowDecodeNEON(dst, codes, before, lookup *byte, bits, quads int) {
	switch bits {
	case 2:
		mulWindow2DecodeNEON(dst, codes, before, lookup, quads)
	case 3:
		mulWindow3DecodeNEON(dst, codes, before, lookup, quads)
	case 4:
		mulWindow4DecodeNEON(dst, codes, before, lookup, quads)
	case 5:
		mulWindow5DecodeNEON(dst, codes, before, lookup, quads)
	}
}

// mulWindow2DecodeNEON turns a block of mul-window with 2 bits, the last 128 bytes of codes before
// which are at before, into the layout of mul-u8; the others likewise.
//
//go:noescape
func mulWindow2DecodeNEON(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow3DecodeNEON(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow4DecodeNEON(dst, codes, before, lookup *byte, quads int)

//go:noescape
func mulWindow5DecodeNEON(dst, codes, before, lookup *byte, quads int)
