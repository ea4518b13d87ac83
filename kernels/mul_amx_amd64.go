//go:build !purego

package kernels

// tileAMX is the number of vectors that mulU8TileAMX takes at a time; it also takes half as many.
const tileAMX = 32

// vectorsAMX is the number of vectors of a batch that fill tiles, the first ones; the rest and small batches are for
// VNNI. A group of fewer than 16 quads has no tile of weights, and leaves all vectors to VNNI.
func vectorsAMX(m *Matrix, in *Input) int {
	if m.GroupQuads*m.Width() < 16 {
		return 0
	}
	return in.N &^ (tileAMX/2 - 1)
}

// tilesAMX multiplies blocks [b, end) of panels p and p+1, which lie at codes and codes2 in the layout of mul-u8,
// with the first n vectors.
func tilesAMX(dst []float32, ld int, m *Matrix, in *Input, p, b, end, d, n int, codes, codes2 *byte) {
	if n == 0 {
		return
	}
	a := m.tile(dst, ld, in, 0, p, 1, b, end, d)
	a.tiles, a.half = n/tileAMX, n%tileAMX > 0
	a.codes, a.codes2 = codes, codes2
	mulU8TileAMX(&a)
}

func mulU8AMX(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulU8Tiles(dst, ld, m, in, p0, p1, vectorsAMX(m, in))
}

func mulNibbleAMX(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulNibbleTiles(dst, ld, m, in, p0, p1, vectorsAMX(m, in))
}

func mulLookupAMX(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulLookupTiles(dst, ld, m, in, p0, p1, vectorsAMX(m, in))
}
