//go:build !purego

package kernels

func windowAVX2(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	a := newWindowArgs(work, back, x, w, table, bits)
	switch bits {
	case 2:
		window2AVX2(&a)
	case 3:
		window3AVX2(&a)
	case 4:
		window4AVX2(&a)
	case 5:
		window5AVX2(&a)
	}
	work.settle(len(x), bits)
}

// window2AVX2 is windowScalar for 2 bits; the others likewise.
//
//go:noescape
func window2AVX2(a *windowArgs)

//go:noescape
func window3AVX2(a *windowArgs)

//go:noescape
func window4AVX2(a *windowArgs)

//go:noescape
func window5AVX2(a *windowArgs)

func windowAVX512(work *WindowWork, back []byte, x, w []float32, table *[WindowCentroids]float32,
	bits int) {
	a := newWindowArgs(work, back, x, w, table, bits)
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
	work.settle(len(x), bits)
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
