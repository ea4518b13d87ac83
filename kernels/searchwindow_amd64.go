//go:build !purego

package kernels

func searchWindowsAVX2(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32, bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	if bits == 2 {
		searchWindows2AVX2(&a)
	} else {
		searchWindows3AVX2(&a)
	}
}

// searchWindows2AVX2 is searchWindowsScalar for 2 bits.
//
//go:noescape
func searchWindows2AVX2(a *windowArgs)

// searchWindows3AVX2 is searchWindowsScalar for 3 to 5 bits.
//
//go:noescape
func searchWindows3AVX2(a *windowArgs)

func searchWindowsAVX512(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32, bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	switch bits {
	case 2:
		searchWindows2AVX512(&a)
	case 3:
		searchWindows3AVX512(&a)
	case 4:
		searchWindows4AVX512(&a)
	case 5:
		searchWindows5AVX512(&a)
	}
}

// searchWindows2AVX512 is searchWindowsScalar for 2 bits; the others likewise.
//
//go:noescape
func searchWindows2AVX512(a *windowArgs)

//go:noescape
func searchWindows3AVX512(a *windowArgs)

//go:noescape
func searchWindows4AVX512(a *windowArgs)

//go:noescape
func searchWindows5AVX512(a *windowArgs)
