//go:build !purego

package kernels

// denseVectorNEON is denseVectorScalar with fused multiply-add and another order of additions.
// len(y) > 0.
//
//go:noescape
func denseVectorNEON(y, w, x []float32)

var denseTilesNEON = []denseTile{{4, denseMatrixTile4NEON}, {2, denseMatrixTile2NEON}}

func denseMatrixNEON(y []float32, ld int, w, x []float32, rows, cols, n int) {
	denseMatrixTiled(denseTilesNEON, denseVectorNEON, y, ld, w, x, rows, cols, n)
}

// denseMatrixTile4NEON multiplies 4*groups rows of W with 4 vectors of X; both have stride columns,
// of which it takes cols:
//
//	for i := range 4 {
//		for r := range 4 * groups {
//			var sum float32
//			for c := range cols { // in any order
//				sum += w[r*stride+c] * x[i*stride+c]
//			}
//			if accumulate {
//				sum += y[i*ld+r]
//			}
//			y[i*ld+r] = sum
//		}
//	}
//
//go:noescape
func denseMatrixTile4NEON(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)

// denseMatrixTile2NEON is denseMatrixTile4NEON for 2 vectors.
//
//go:noescape
func denseMatrixTile2NEON(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)
