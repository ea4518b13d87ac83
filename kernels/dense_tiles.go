//go:build (amd64 || arm64) && !purego

package kernels

// dense-matrix: tiles of four rows of W by a few vectors of X, each sum along the columns in a
// register of its own. Both matrices are read in place.

const (
	denseColumns = 1024     // at a time: four rows and six vectors of these stay in the first cache
	denseWeights = 64 << 10 // at a time, 256 KiB: they stay in the second cache while X passes
)

// denseTile computes whole groups of four rows with n vectors.
type denseTile struct {
	n  int
	fn func(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)
}

// denseMatrixTiled takes tiles in their order, the widest first. What no tile fits, a last vector
// and up to three last rows, is left to vec.
func denseMatrixTiled(tiles []denseTile, vec denseVectorFunc, y []float32, ld int, w, x []float32,
	rows, cols, n int) {
	tiled := rows &^ 3
	if cols == 0 || n == 1 {
		tiled = 0
	}
	for c := 0; c < cols; c += denseColumns {
		width := min(denseColumns, cols-c)
		step := denseWeights / width &^ 3
		for r := 0; r < tiled; r += step {
			height := min(step, tiled-r)
			i := 0
			for _, t := range tiles {
				for ; n-i >= t.n; i += t.n {
					t.fn(&y[i*ld+r], ld, &w[r*cols+c], &x[i*cols+c], cols, width, height/4, c > 0)
				}
			}
			if i < n && c == 0 {
				vec(y[i*ld+r:][:height], w[r*cols:], x[i*cols:][:cols])
			}
		}
	}
	if tiled < rows {
		for i := range n {
			vec(y[i*ld+tiled:][:rows-tiled], w[tiled*cols:], x[i*cols:][:cols])
		}
	}
}
