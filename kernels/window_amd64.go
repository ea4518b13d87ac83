//go:build !purego

package kernels

func windowAVX2(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32,
	bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	if bits == 2 {
		window2AVX2(&a)
	} else {
		window3AVX2(&a)
	}
}

// window2AVX2 is windowScalar for 2 bits.
//
//go:noescape
func window2AVX2(a *windowArgs)

// window3AVX2 is windowScalar for 3 to 5 bits.
//
//go:noescape
func window3AVX2(a *windowArgs)

func windowAVX512(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32,
	bits int) {
	a := newWindowArgs(cost, back, x, w, table, bits)
	switch bits {
	case 2:
		window2AVX512(&a)
	case 3:
		window3AVX512(&a)
	case 4:
		window4AVX512(&a)
	case 5:
		window5AVX512(&a)
	}
}

// window2AVX512 is windowScalar for 2 bits; the others likewise.
//
//go:noescape
func window2AVX512(a *windowArgs)

//go:noescape
func window3AVX512(a *windowArgs)

//go:noescape
func window4AVX512(a *windowArgs)

//go:noescape
func window5AVX512(a *windowArgs)
