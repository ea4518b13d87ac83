//go:build !purego

package kernels

// coding is how the codes of a matrix stand for weights, and so which kernels multiply it. They are
// called out of switches: what is passed to a function value, arguments and decoded weights, would
// go to the heap.
type coding int

const (
	codedU8 coding = iota
	codedNibble
	codedLookup
	codedWindow
	codedWindowVBMI // the same codes, for the kernels of AVX-512 VBMI
)

// panelBytes is the size of a panel's codes.
func (c coding) panelBytes(m *Matrix) int {
	switch c {
	case codedNibble:
		return ceilDiv(m.Quads, 2) * 4 * PanelRows
	case codedWindow, codedWindowVBMI:
		return WindowBytes(1, m.Quads, m.Bits)
	}
	return m.Quads * 4 * PanelRows
}

func mulLookupAVX512(d int, a *vecArgs) {
	switch d {
	case 1:
		mulLookup1AVX512VBMI(a)
	case 2:
		mulLookup2AVX512VBMI(a)
	case 3:
		mulLookup3AVX512VBMI(a)
	case 4:
		mulLookup4AVX512VBMI(a)
	}
}

// mulU8VecAVX512VNNI is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecAVX512VNNI(a *vecArgs)

// mulU8TileAVX512VNNI is a run of blocks of MulU8 for two panels and 8*tiles vectors, 4 more if
// half is set:
//
//	y = dst, or 0 if the first block is the row's
//	for each block, y = y + float32(scales * float32(t))
//	dst = y, or y * scale if the last block is the row's
//
//go:noescape
func mulU8TileAVX512VNNI(a *pairArgs)

// mulNibbleVecAVX512VNNI is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecAVX512VNNI(a *vecArgs)

// mulLookup1AVX512VBMI is MulLookup with d = 1 for one vector and the given panels; the others
// likewise.
//
//go:noescape
func mulLookup1AVX512VBMI(a *vecArgs)

//go:noescape
func mulLookup2AVX512VBMI(a *vecArgs)

//go:noescape
func mulLookup3AVX512VBMI(a *vecArgs)

//go:noescape
func mulLookup4AVX512VBMI(a *vecArgs)

// mulNibbleDecodeAVX512VNNI turns n vectors of 64 codes of mul-nibble into the layout of mul-u8:
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its
// high half.
//
//go:noescape
func mulNibbleDecodeAVX512VNNI(dst, codes, lookup *byte, n int)

// mulLookupDecodeAVX512VBMI turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func mulLookupDecodeAVX512VBMI(dst, codes, lookup *byte, d, n int)

// mulU8VecAVX2 is MulU8 for one vector, as mulU8SignsAVX2 leaves it, and the given panels.
//
//go:noescape
func mulU8VecAVX2(a *vecArgs)

// mulNibbleVecAVX2 is MulNibble likewise.
//
//go:noescape
func mulNibbleVecAVX2(a *vecArgs)

// mulU8SignsAVX2 writes the magnitudes and signs of a vector, and what sums of their products with
// weights start from:
//
//	for i := range 4 * quads {
//		dst[i] = byte(abs(int(q[i])))
//		dst[signs+i] = 128, or 127 if q[i] < 0
//	}
//	for each pair of quads from i on, those of a group taken in order {
//		a := dst[i] + dst[i+1] + dst[i+4] + dst[i+5]
//		b := dst[i+2] + dst[i+3] + dst[i+6] + dst[i+7]
//		the eight bytes from dst[2*signs+i] on are 0 if a and b are at most 256, else not all
//	}
//	for g := range groups {
//		starts[g] = init[g] - (sum of dst[i] * int8(dst[signs+i]) of g)
//	}
//
// In 32 bits the sums of dst[i] * int8(weight ^ dst[signs+i]) from there end where those of
// q[i] * weight do from init. The four products that a or b stand for fit 16 bits together, down to
// 256 * -128, unless they are large.
//
//go:noescape
func mulU8SignsAVX2(dst *int8, signs int, starts *int32, q *int8, init *int32, quads,
	groupQuads int)

// mulU8TileAVX2 is mulU8TileAVX512VNNI for one block, two panels and 2*tiles vectors. It leaves a
// at the vectors behind them.
//
//go:noescape
func mulU8TileAVX2(a *twoArgs)

// mulU8SplitAVX2 takes a vector apart. A quad stands apart where, by the reach of the matrix, the
// products of the first or the last two of its inputs may not fit 16 bits, or those with
// weights - 128 of all quads of a run. With q the vector without those, main,
//
//	words[run] = -128 * (sums of q[4*i] + q[4*i+1] and of q[4*i+2] + q[4*i+3] over its quads i)
//	starts[g] = init[g] + 128 * (sum of q of group g) - (sum of magnitudes * int8(signs) of those)
//
// with magnitudes and signs as mulU8SignsAVX2 has them, so that sums of q * (weight - 128) and of
// magnitudes * int8(weight ^ signs) from there end where those of all inputs * weight do from init.
//
//go:noescape
func mulU8SplitAVX2(a *splitArgs)

// mulU8RunsAVX2 is mulU8TileAVX512VNNI for one block, one panel and 2*tiles vectors in any order.
//
//go:noescape
func mulU8RunsAVX2(a *runArgs)

// mulNibbleDecodeAVX2 turns n vectors of 64 codes of mul-nibble into the layout of mul-u8:
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its
// high half.
//
//go:noescape
func mulNibbleDecodeAVX2(dst, codes, lookup *byte, n int)

// mulLookupDecodeAVX2 turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func mulLookupDecodeAVX2(dst, codes, lookup *byte, d, n int)

// mulU8TileAMX is mulU8TileAVX512VNNI for 32*tiles vectors, 16 more if half is set, and for all
// blocks of a row from one on. It changes a.
//
//go:noescape
func mulU8TileAMX(a *pairArgs)

// mulU8VecAVXVNNI is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecAVXVNNI(a *vecArgs)

// mulU8BlockAVXVNNI is mulU8TileAVX512VNNI for one block, one panel and tiles vectors.
//
//go:noescape
func mulU8BlockAVXVNNI(a *tileArgs)

// mulU8FourAVXVNNI is mulU8TileAVX512VNNI for one block, one panel and 4*tiles vectors.
//
//go:noescape
func mulU8FourAVXVNNI(a *tileArgs)

// mulNibbleVecAVXVNNI is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecAVXVNNI(a *vecArgs)
