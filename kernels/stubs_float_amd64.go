//go:build amd64 && !purego

package kernels

import "sync"

// nearest: the points of a panel lie across the lanes, so no sum ever crosses them and the order of
// operations is that of the scalar tier.

const (
	nearestPoints  = 64  // points at a time
	nearestDirect  = 8   // columns up to which they are read where they lie
	nearestColumns = 128 // columns of 64 points, 32 KiB, that stay in the first cache
)

// nearestScratch is the work space of one call. Points are copied together when they have many
// columns, because planes at a distance of a power of two fall on the same lines of the cache, and
// when there are fewer than 64.
type nearestScratch struct {
	points      [nearestColumns * nearestPoints]float32
	sums        [nearestPoints * Centroids]float32 // when the columns take several rounds
	assignments [nearestPoints]byte
	scores      [nearestPoints]float32
	seconds     [nearestPoints]float32
}

var nearestPool = sync.Pool{New: func() any { return new(nearestScratch) }}

type nearestLanesFunc func(assignments *byte, scores, seconds, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestLanesAVX512 takes 64 points through d columns:
//
//	for k2 := range k {
//		for i := range 64 {
//			s := half[k2]
//			if !first {
//				s = sums[k2*64+i]
//			}
//			for j := range d {
//				s -= float32(x[j*stride+i] * centroids[k2*ld+j])
//			}
//			if !last {
//				sums[k2*64+i] = s
//				continue
//			}
//			if s < scores[i] { // they start at math.MaxFloat32, as do seconds
//				assignments[i], scores[i], s = byte(k2), s, scores[i]
//			}
//			if seconds != nil && s < seconds[i] {
//				seconds[i] = s
//			}
//		}
//	}
//
//go:noescape
func nearestLanesAVX512(assignments *byte, scores, seconds, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestLanesAVX2 is nearestLanesAVX512 with 16 points for 64.
//
//go:noescape
func nearestLanesAVX2(assignments *byte, scores, seconds, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

func nearestAVX512(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	nearestPanels(64, nearestLanesAVX512, assignments, scores, seconds, points, stride, d, centroids, half)
}

func nearestAVX2(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	nearestPanels(16, nearestLanesAVX2, assignments, scores, seconds, points, stride, d, centroids, half)
}

// nearestPanels gives the points to panel, which takes width of them; width divides nearestPoints.
func nearestPanels(width int, panel nearestLanesFunc, assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	s := nearestPool.Get().(*nearestScratch)
	defer nearestPool.Put(s)
	k := len(half)
	var near []float32 // of the panels in s
	if seconds != nil {
		near = s.seconds[:]
	}
	for i := 0; i < len(assignments); i += nearestPoints {
		n := min(nearestPoints, len(assignments)-i)
		if n == nearestPoints && d <= nearestDirect {
			for p := i; p < i+n; p += width {
				panel(&assignments[p], &scores[p], from(seconds, p), nil, &points[p], stride, d, &centroids[0], d, &half[0], k, true, true)
			}
			continue
		}
		for j := 0; j < d; j += nearestColumns {
			columns := min(nearestColumns, d-j)
			for c := range columns {
				copy(s.points[c*nearestPoints:][:n], points[(j+c)*stride+i:])
			}
			for p := 0; p < n; p += width {
				panel(&s.assignments[p], &s.scores[p], from(near, p), &s.sums[p*Centroids], &s.points[p], nearestPoints, columns,
					&centroids[j], d, &half[0], k, j == 0, j+columns == d)
			}
		}
		copy(assignments[i:][:n], s.assignments[:])
		copy(scores[i:][:n], s.scores[:])
		if seconds != nil {
			copy(seconds[i:][:n], near)
		}
	}
}

// update is the middle of nearest: the columns stand for centroids, and all that is wanted are the sums.

func updateAVX512(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesAVX512(nil, nil, nil, &dst[0], &panel[0], 64, k, &coefficients[0], ld, nil, n, false, false)
}

func updateAVX2(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesAVX2(nil, nil, nil, &dst[0], &panel[0], updateRows, k, &coefficients[0], ld, nil, n, false, false)
}

// quantizeAVX512 is quantizeScalar.
//
//go:noescape
func quantizeAVX512(q []int8, scales []float32, x []float32, block int) bool

// quantizeAVX2 is quantizeScalar.
//
//go:noescape
func quantizeAVX2(q []int8, scales []float32, x []float32, block int) bool

// denseVectorAVX512 is denseVectorScalar with fused multiply-add and another order of additions. len(y) > 0.
//
//go:noescape
func denseVectorAVX512(y, w, x []float32)

// denseVectorAVX2 is denseVectorScalar with fused multiply-add and another order of additions. len(y) > 0.
//
//go:noescape
func denseVectorAVX2(y, w, x []float32)

// dense-matrix: tiles of four rows of W by a few vectors of X, each sum along the columns in a
// register of its own. Both matrices are read as they lie.

const (
	denseColumns = 1024     // columns at a time: four rows and six vectors of these stay in the first cache
	denseWeights = 64 << 10 // weights at a time, 256 KiB: they stay in the second cache while X passes
)

// denseTile computes whole groups of four rows with n vectors.
type denseTile struct {
	n  int
	fn func(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)
}

// denseMatrixTile6AVX512 multiplies 4*groups rows of W with 6 vectors of X; both have stride columns, of
// which it takes cols:
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
func denseMatrixTile6AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixTile4AVX512 is denseMatrixTile6AVX512 for 4 vectors.
//
//go:noescape
func denseMatrixTile4AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixTile2AVX512 is denseMatrixTile6AVX512 for 2 vectors.
//
//go:noescape
func denseMatrixTile2AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixTile3AVX2 is denseMatrixTile6AVX512 for 3 vectors.
//
//go:noescape
func denseMatrixTile3AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixTile2AVX2 is denseMatrixTile6AVX512 for 2 vectors.
//
//go:noescape
func denseMatrixTile2AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

var (
	denseTilesAVX512 = []denseTile{{6, denseMatrixTile6AVX512}, {4, denseMatrixTile4AVX512}, {2, denseMatrixTile2AVX512}}
	denseTilesAVX2   = []denseTile{{3, denseMatrixTile3AVX2}, {2, denseMatrixTile2AVX2}}
)

func denseMatrixAVX512(y []float32, ld int, w, x []float32, rows, cols, n int) {
	denseMatrixTiled(denseTilesAVX512, denseVectorAVX512, y, ld, w, x, rows, cols, n)
}

func denseMatrixAVX2(y []float32, ld int, w, x []float32, rows, cols, n int) {
	denseMatrixTiled(denseTilesAVX2, denseVectorAVX2, y, ld, w, x, rows, cols, n)
}

// denseMatrixTiled takes tiles in their order, the widest first. What no tile fits, a last vector and
// up to three last rows, is left to vec.
func denseMatrixTiled(tiles []denseTile, vec denseVectorFunc, y []float32, ld int, w, x []float32, rows, cols, n int) {
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
