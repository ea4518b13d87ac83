//go:build !purego

package kernels

import "sync"

// nearest: points lie across the lanes, so no sum ever crosses them and the order of operations is
// that of the scalar tier.

const (
	nearestPoints  = 64  // points that are copied at a time
	nearestWidth   = 16  // points that the kernel takes
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

// nearestLanesNEON takes 16 points through d columns:
//
//	for k2 := range k {
//		for i := range 16 {
//			s := half[k2]
//			if !first {
//				s = sums[k2*16+i]
//			}
//			for j := range d {
//				s -= float32(x[j*stride+i] * centroids[k2*ld+j])
//			}
//			if !last {
//				sums[k2*16+i] = s
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
func nearestLanesNEON(assignments *byte, scores, seconds, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

func nearestNEON(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
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
			for p := i; p < i+n; p += nearestWidth {
				nearestLanesNEON(&assignments[p], &scores[p], from(seconds, p), nil, &points[p], stride, d, &centroids[0], d, &half[0], k, true, true)
			}
			continue
		}
		for j := 0; j < d; j += nearestColumns {
			columns := min(nearestColumns, d-j)
			for c := range columns {
				copy(s.points[c*nearestPoints:][:n], points[(j+c)*stride+i:])
			}
			for p := 0; p < n; p += nearestWidth {
				nearestLanesNEON(&s.assignments[p], &s.scores[p], from(near, p), &s.sums[p*Centroids], &s.points[p], nearestPoints, columns,
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

// updateNEON is the middle of nearest: the columns stand for centroids, and all that is wanted are the sums.
func updateNEON(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	nearestLanesNEON(nil, nil, nil, &dst[0], &panel[0], updateRows, k, &coefficients[0], ld, nil, n, false, false)
}

// quantizeNEON is quantizeScalar. Nothing has to be clamped: |x| * (127/max) rounds to 127 at most.
//
//go:noescape
func quantizeNEON(q []int8, scales []float32, x []float32, block int) bool

// denseVectorNEON is denseVectorScalar with fused multiply-add and another order of additions. len(y) > 0.
//
//go:noescape
func denseVectorNEON(y, w, x []float32)

// dense-matrix: tiles of four rows of W by a few vectors of X, each sum along the columns in a
// register of its own. Both matrices are read as they lie.

const (
	denseColumns = 1024     // columns at a time: four rows and four vectors of these stay in the first cache
	denseWeights = 64 << 10 // weights at a time, 256 KiB: they stay in the second cache while X passes
)

// denseMatrixTile4NEON multiplies 4*groups rows of W with 4 vectors of X; both have stride columns, of
// which it takes cols:
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
func denseMatrixTile4NEON(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixTile2NEON is denseMatrixTile4NEON for 2 vectors.
//
//go:noescape
func denseMatrixTile2NEON(y *float32, ld int, w, x *float32, stride, cols, groups int, accumulate bool)

// denseMatrixNEON leaves what no tile fits, a last vector and up to three last rows, to denseVectorNEON.
func denseMatrixNEON(y []float32, ld int, w, x []float32, rows, cols, n int) {
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
			for ; n-i >= 4; i += 4 {
				denseMatrixTile4NEON(&y[i*ld+r], ld, &w[r*cols+c], &x[i*cols+c], cols, width, height/4, c > 0)
			}
			if n-i >= 2 {
				denseMatrixTile2NEON(&y[i*ld+r], ld, &w[r*cols+c], &x[i*cols+c], cols, width, height/4, c > 0)
				i += 2
			}
			if i < n && c == 0 {
				denseVectorNEON(y[i*ld+r:][:height], w[r*cols:], x[i*cols:][:cols])
			}
		}
	}
	if tiled < rows {
		for i := range n {
			denseVectorNEON(y[i*ld+tiled:][:rows-tiled], w[tiled*cols:], x[i*cols:][:cols])
		}
	}
}
