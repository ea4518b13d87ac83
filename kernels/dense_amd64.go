//go:build !purego

package kernels

// denseVectorAVX512 is denseVectorScalar with fused multiply-add and another order of additions.
// len(y) > 0.
//
//go:noescape
func denseVectorAVX512(y, w, x []float32)

// denseVectorAVX2 is denseVectorScalar with fused multiply-add and another order of additions.
// len(y) > 0.
//
//go:noescape
func denseVectorAVX2(y, w, x []float32)

var (
	denseTilesAVX512 = []denseTile{
		{6, denseMatrixTile6AVX512},
		{4, denseMatrixTile4AVX512},
		{2, denseMatrixTile2AVX512},
	}
	denseTilesAVX2 = []denseTile{{3, denseMatrixTile3AVX2}, {2, denseMatrixTile2AVX2}}
)

func denseMatrixAVX512(y []float32, ld int, w, x []float32, rows, cols, n int) {
	denseMatrixTiled(denseTilesAVX512, denseVectorAVX512, y, ld, w, x, rows, cols, n)
}

func denseMatrixAVX2(y []float32, ld int, w, x []float32, rows, cols, n int) {
	denseMatrixTiled(denseTilesAVX2, denseVectorAVX2, y, ld, w, x, rows, cols, n)
}

// denseMatrixTile6AVX512 multiplies 4*groups rows of W with 6 vectors of X; both have stride
// columns, of which it takes cols:
//
//	for i := range 6 {
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
func denseMatrixTile6AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)

// denseMatrixTile4AVX512 is denseMatrixTile6AVX512 for 4 vectors.
//
//go:noescape
func denseMatrixTile4AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)

// denseMatrixTile2AVX512 is denseMatrixTile6AVX512 for 2 vectors.
//
//go:noescape
func denseMatrixTile2AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)

// denseMatrixTile3AVX2 is denseMatrixTile6AVX512 for 3 vectors.
//
//go:noescape
func denseMatrixTile3AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)

// denseMatrixTile2AVX2 is denseMatrixTile6AVX512 for 2 vectors.
//
//go:noescape
func denseMatrixTile2AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int,
	accumulate bool)
