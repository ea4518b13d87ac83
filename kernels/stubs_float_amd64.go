//go:build amd64 && !purego

package kernels

import "sync"

// nearest: the points of a panel lie across the lanes, so no sum ever crosses them and the order of
// operations is that of the scalar tier.

const (
	nearestPanelMax = 64  // points that the widest kernel takes at a time
	nearestDirect   = 16  // columns up to which a panel is read where it lies
	nearestColumns  = 128 // columns whose panel of 64 points, 32 KiB, stays in the first cache
)

// nearestScratch is the work space of one call. A panel is copied together when it has many
// columns, because planes at a distance of a power of two fall on the same lines of the cache, and
// when it is cut short by the last point.
type nearestScratch struct {
	panel       [nearestColumns * nearestPanelMax]float32
	sums        [Centroids * nearestPanelMax]float32 // k x width, when the columns take several rounds
	assignments [nearestPanelMax]byte
	scores      [nearestPanelMax]float32
}

var nearestPool = sync.Pool{New: func() any { return new(nearestScratch) }}

type nearestPanelFunc func(assignments *byte, scores, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestPanelAVX512 takes 64 points through d columns:
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
//			switch {
//			case !last:
//				sums[k2*64+i] = s
//			case s < scores[i]: // they start at math.MaxFloat32
//				assignments[i], scores[i] = byte(k2), s
//			}
//		}
//	}
//
//go:noescape
func nearestPanelAVX512(assignments *byte, scores, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestPanelAVX2 is nearestPanelAVX512 with 16 points for 64.
//
//go:noescape
func nearestPanelAVX2(assignments *byte, scores, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)

func nearestAVX512(assignments []byte, scores []float32, points []float32, stride, d int, centroids, half []float32) {
	nearestPanels(64, nearestPanelAVX512, assignments, scores, points, stride, d, centroids, half)
}

func nearestAVX2(assignments []byte, scores []float32, points []float32, stride, d int, centroids, half []float32) {
	nearestPanels(16, nearestPanelAVX2, assignments, scores, points, stride, d, centroids, half)
}

func nearestPanels(width int, panel nearestPanelFunc, assignments []byte, scores []float32, points []float32, stride, d int, centroids, half []float32) {
	s := nearestPool.Get().(*nearestScratch)
	defer nearestPool.Put(s)
	k := len(half)
	for i := 0; i < len(assignments); i += width {
		n := min(width, len(assignments)-i)
		if n == width && d <= nearestDirect {
			panel(&assignments[i], &scores[i], nil, &points[i], stride, d, &centroids[0], d, &half[0], k, true, true)
			continue
		}
		for j := 0; j < d; j += nearestColumns {
			columns := min(nearestColumns, d-j)
			for c := range columns {
				copy(s.panel[c*width:][:n], points[(j+c)*stride+i:])
			}
			panel(&s.assignments[0], &s.scores[0], &s.sums[0], &s.panel[0], width, columns,
				&centroids[j], d, &half[0], k, j == 0, j+columns == d)
		}
		copy(assignments[i:][:n], s.assignments[:])
		copy(scores[i:][:n], s.scores[:])
	}
}

// quantizeAVX512 is quantizeScalar.
//
//go:noescape
func quantizeAVX512(q []int8, scales []float32, x []float32, block int) bool

// quantizeAVX2 is quantizeScalar.
//
//go:noescape
func quantizeAVX2(q []int8, scales []float32, x []float32, block int) bool

// denseVecAVX512 is denseVecScalar with fused multiply-add and another order of additions. len(y) > 0.
//
//go:noescape
func denseVecAVX512(y, w, x []float32)

// denseVecAVX2 is denseVecScalar with fused multiply-add and another order of additions. len(y) > 0.
//
//go:noescape
func denseVecAVX2(y, w, x []float32)
