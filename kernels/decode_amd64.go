//go:build !purego

package kernels

func decodeNibbleVBMI(dst, codes, lookup []byte) {
	if len(codes) > 0 {
		decodeNibbleAVX512(&dst[0], &codes[0], &lookup[0], len(codes)/64)
	}
}

func decodeLookupAVX512VBMI(dst, codes, lookup []byte, d int) {
	if len(codes) > 0 {
		decodeLookupVBMI(&dst[0], &codes[0], &lookup[0], d, len(codes)/64)
	}
}

func decodeNibbleShuffle(dst, codes, lookup []byte) {
	if len(codes) > 0 {
		decodeNibbleAVX2(&dst[0], &codes[0], &lookup[0], len(codes)/64)
	}
}

func decodeLookupShuffle(dst, codes, lookup []byte, d int) {
	if len(codes) > 0 {
		decodeLookupAVX2(&dst[0], &codes[0], &lookup[0], d, len(codes)/64)
	}
}
