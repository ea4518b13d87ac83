//go:build !purego

package kernels

func mulWindowVBMI(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	if m.Quads == 0 {
		zeroRows(dst, ld, m, in, p0, p1)
		return
	}
	for n := range in.N {
		a := m.panels(dst, ld, in, n, p0, p1, WindowBytes(1, m.Quads, m.Bits))
		switch m.Bits {
		case 2:
			mulWindow2VBMI(&a)
		case 3:
			mulWindow3VBMI(&a)
		case 4:
			mulWindow4VBMI(&a)
		case 5:
			mulWindow5VBMI(&a)
		}
	}
}

// mulWindow2VBMI is MulWindow for 2 bits, one vector and the given panels; the others likewise.
//
//go:noescape
func mulWindow2VBMI(a *vecArgs)

//go:noescape
func mulWindow3VBMI(a *vecArgs)

//go:noescape
func mulWindow4VBMI(a *vecArgs)

//go:noescape
func mulWindow5VBMI(a *vecArgs)
