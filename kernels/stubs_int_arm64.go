//go:build !purego

package kernels

// mulU8VecI8MM is MulU8 for one vector and the given panels.
//
//go:noescape
func mulU8VecI8MM(a *vecArgs)

// mulU8VecSDOT is mulU8VecI8MM for starts from mulU8StartsNEON, and so are the others whose tier is
// not i8mm.
//
//go:noescape
func mulU8VecSDOT(a *vecArgs)

//go:noescape
func mulU8VecNEON(a *vecArgs)

// mulU8TileI8MM is the loop over one block of MulU8 for 4*tiles vectors and one panel:
//
//	y = dst, or 0 in the first block
//	y = y + float32(scales * float32(t))
//	dst = y, or y * scale in the last block
//
//go:noescape
func mulU8TileI8MM(a *tileArgs)

//go:noescape
func mulU8TileSDOT(a *tileArgs)

// mulNibbleVecI8MM is MulNibble for one vector and the given panels.
//
//go:noescape
func mulNibbleVecI8MM(a *vecArgs)

//go:noescape
func mulNibbleVecSDOT(a *vecArgs)

//go:noescape
func mulNibbleVecNEON(a *vecArgs)

// mulU8StartsNEON writes what the sums of (weight - 128) * q start from, for quads that fall into
// groups of groupQuads:
//
//	for g := range groups {
//		dst[g] = init[g] + 128*(sum of the q of g)
//	}
//
// 128 times the sum is at most 128*128*256 = 2^22. Sums of (weight - 128) * q from there pass through other
// values than those of weight * q and end at the same ones, modulo 2^32 and so exactly.
//
//go:noescape
func mulU8StartsNEON(dst, init *int32, q *int8, quads, groupQuads int)

// mulNibbleDecodeNEON writes n times 64 codes of mul-nibble in the layout of mul-u8:
//
//	for i := range 64 * n {
//		at := i/64*128 + i%64
//		dst[at] = lookup[codes[i]&15]
//		dst[at+64] = lookup[codes[i]>>4]
//	}
//
//go:noescape
func mulNibbleDecodeNEON(dst, codes, lookup *byte, n int)

// mulLookupDecodeNEON writes n times 64 codes of mul-lookup in the layout of mul-u8:
//
//	for i := range 64 * n {
//		for j := range d {
//			dst[i/64*64*d+64*j+i%64] = lookup[j*256+int(codes[i])]
//		}
//	}
//
//go:noescape
func mulLookupDecodeNEON(dst, codes, lookup *byte, d, n int)

// tableDotsI8MM is the first part of tableBuildScalar for one block: work[s][k] = init[s] + sum of
// centroid[k] * q[s], for width = 4*quads columns. segments > 0.
//
//go:noescape
func tableDotsI8MM(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

//go:noescape
func tableDotsSDOT(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

//go:noescape
func tableDotsNEON(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

// tableTotalNEON returns the sum over s of the largest |work[s][k]|.
//
//go:noescape
func tableTotalNEON(work *int32, segments int) int32

// tablePackNEON rounds work * f to int16, halves to even.
//
//go:noescape
func tablePackNEON(data *int16, work *int32, segments int, f float32)
