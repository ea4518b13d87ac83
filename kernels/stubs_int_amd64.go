//go:build !purego

package kernels

// mulU8VecAVX512VNNI is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecAVX512VNNI(a *vecArgs)

// mulU8TileAVX512VNNI is a run of blocks of MulU8 for two panels and 8*tiles vectors, 4 more if half is set:
//
//	y = dst, or 0 if the first block is the row's
//	for each block, y = y + float32(scales * float32(t))
//	dst = y, or y * scale if the last block is the row's
//
//go:noescape
func mulU8TileAVX512VNNI(a *tileArgs)

// mulNibbleVecAVX512VNNI is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecAVX512VNNI(a *vecArgs)

// mulLookup1AVX512VBMI is MulLookup with d = 1 for one vector and the given panels; the others likewise.
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
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its high half.
//
//go:noescape
func mulNibbleDecodeAVX512VNNI(dst, codes, lookup *byte, n int)

// mulLookupDecodeAVX512VBMI turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func mulLookupDecodeAVX512VBMI(dst, codes, lookup *byte, d, n int)

// tableDotsAVX512VNNI is the first half of tableBuildScalar for one block: work[s][k] = init[s] + sum of
// centroid[k] * q[s], for width = 4*quads columns. It returns the sum over s of the largest |work[s][k]|.
//
//go:noescape
func tableDotsAVX512VNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tablePackAVX512VBMI rounds work * f to int16, halves to even, and writes the 256 low bytes of each segment and
// then its 256 high bytes.
//
//go:noescape
func tablePackAVX512VBMI(data *int16, work *int32, segments int, f float32)

// tableSpreadAVX512VBMI is tableSpreadScalar for tables as tablePackAVX512VBMI leaves them.
//
//go:noescape
func tableSpreadAVX512VBMI(a *spreadArgs)

// mulU8BlockAVX2 is mulU8TileAVX512VNNI for one block, one panel and tiles vectors.
//
//go:noescape
func mulU8BlockAVX2(a *tileArgs)

// mulU8FourAVX2 is mulU8TileAVX512VNNI for one block, one panel and 4*tiles vectors.
//
//go:noescape
func mulU8FourAVX2(a *tileArgs)

// mulNibbleDecodeAVX2 turns n vectors of 64 codes of mul-nibble into the layout of mul-u8:
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its high half.
//
//go:noescape
func mulNibbleDecodeAVX2(dst, codes, lookup *byte, n int)

// mulLookupDecodeAVX2 turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func mulLookupDecodeAVX2(dst, codes, lookup *byte, d, n int)

// mulU8TileAMX is mulU8TileAVX512VNNI for 32*tiles vectors, 16 more if half is set, and for all blocks of a row from
// one on. It changes a.
//
//go:noescape
func mulU8TileAMX(a *tileArgs)

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

// tableDotsAVXVNNI is tableDotsAVX512VNNI.
//
//go:noescape
func tableDotsAVXVNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tableDotsAVX2 is tableDotsAVX512VNNI.
//
//go:noescape
func tableDotsAVX2(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tablePackAVX2 rounds work * f to int16, halves to even, and writes them in the order of work.
//
//go:noescape
func tablePackAVX2(data *int16, work *int32, segments int, f float32)

// tablePackAVX512VNNI is tablePackAVX2.
//
//go:noescape
func tablePackAVX512VNNI(data *int16, work *int32, segments int, f float32)

// tableSpreadAVX2 is tableSpreadScalar. Gathers load two bytes more than an entry has, so the last
// segment is read from a copy that has room behind it.
//
//go:noescape
func tableSpreadAVX2(a *spreadArgs, last *int16)

// tableSpreadAVX512VNNI is tableSpreadScalar.
//
//go:noescape
func tableSpreadAVX512VNNI(a *spreadArgs)
