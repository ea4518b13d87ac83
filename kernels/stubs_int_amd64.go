//go:build !purego

package kernels

// mulU8VecVNNI is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecVNNI(a *vecArgs)

// mulU8TileVNNI is a run of blocks of MulU8 for two panels and 8*tiles vectors, 4 more if half is set:
//
//	y = dst, or 0 if the first block is the row's
//	for each block, y = y + float32(scales * float32(t))
//	dst = y, or y * scale if the last block is the row's
//
//go:noescape
func mulU8TileVNNI(a *tileArgs)

// mulNibbleVecVNNI is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecVNNI(a *vecArgs)

// mulLookup1VBMI is MulLookup with d = 1 for one vector and the given panels; the others likewise.
//
//go:noescape
func mulLookup1VBMI(a *vecArgs)

//go:noescape
func mulLookup2VBMI(a *vecArgs)

//go:noescape
func mulLookup3VBMI(a *vecArgs)

//go:noescape
func mulLookup4VBMI(a *vecArgs)

// decodeNibbleAVX512 turns n vectors of 64 codes of mul-nibble into the layout of mul-u8:
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its high half.
//
//go:noescape
func decodeNibbleAVX512(dst, codes, lookup *byte, n int)

// decodeLookupVBMI turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func decodeLookupVBMI(dst, codes, lookup *byte, d, n int)

// tableDotsVNNI is the first half of buildTablesScalar for one block: work[s][k] = init[s] + sum of
// centroid[k] * q[s], for width = 4*quads columns. It returns the sum over s of the largest |work[s][k]|.
//
//go:noescape
func tableDotsVNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tablePackVBMI rounds work * f to int16, halves to even, and writes the 256 low bytes of each segment and
// then its 256 high bytes.
//
//go:noescape
func tablePackVBMI(data *int16, work *int32, segments int, f float32)

// spreadTablesVBMI is spreadTablesScalar for tables as tablePackVBMI leaves them.
//
//go:noescape
func spreadTablesVBMI(a *spreadArgs)

// mulU8BlockAVX2 is mulU8TileVNNI for one block, one panel and tiles vectors.
//
//go:noescape
func mulU8BlockAVX2(a *tileArgs)

// mulU8Block4AVX2 is mulU8TileVNNI for one block, one panel and 4*tiles vectors.
//
//go:noescape
func mulU8Block4AVX2(a *tileArgs)

// decodeNibbleAVX2 turns n vectors of 64 codes of mul-nibble into the layout of mul-u8:
// dst[128*i+j] is the weight of the low half of code j of vector i, dst[128*i+64+j] that of its high half.
//
//go:noescape
func decodeNibbleAVX2(dst, codes, lookup *byte, n int)

// decodeLookupAVX2 turns n vectors of 64 codes of mul-lookup into the layout of mul-u8:
// dst[64*(d*i+j)+c] is lookup[256*j + code c of vector i].
//
//go:noescape
func decodeLookupAVX2(dst, codes, lookup *byte, d, n int)

// mulU8TileAMX is mulU8TileVNNI for 32*tiles vectors, 16 more if half is set, and for all blocks of a row from
// one on. It changes a.
//
//go:noescape
func mulU8TileAMX(a *tileArgs)

// mulU8VecAVXVNNI is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecAVXVNNI(a *vecArgs)

// mulU8BlockAVXVNNI is mulU8TileVNNI for one block, one panel and tiles vectors.
//
//go:noescape
func mulU8BlockAVXVNNI(a *tileArgs)

// mulU8Block4AVXVNNI is mulU8TileVNNI for one block, one panel and 4*tiles vectors.
//
//go:noescape
func mulU8Block4AVXVNNI(a *tileArgs)

// mulNibbleVecAVXVNNI is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecAVXVNNI(a *vecArgs)

// tableDotsAVXVNNI is tableDotsVNNI.
//
//go:noescape
func tableDotsAVXVNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tableDotsAVX2 is tableDotsVNNI.
//
//go:noescape
func tableDotsAVX2(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32

// tablePackAVX2 rounds work * f to int16, halves to even, and writes them in the order of work.
//
//go:noescape
func tablePackAVX2(data *int16, work *int32, segments int, f float32)

// tablePackAVX512 is tablePackAVX2.
//
//go:noescape
func tablePackAVX512(data *int16, work *int32, segments int, f float32)

// spreadTablesAVX2 is spreadTablesScalar. Gathers load two bytes more than an entry has, so the last
// segment is read from a copy that has room behind it.
//
//go:noescape
func spreadTablesAVX2(a *spreadArgs, last *int16)

// spreadTablesAVX512 is spreadTablesScalar.
//
//go:noescape
func spreadTablesAVX512(a *spreadArgs)
