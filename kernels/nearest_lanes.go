//go:build (amd64 || arm64) && !purego

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

type nearestLanesFunc func(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
	centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestByLanes gives the points to panel, which takes width of them; width divides nearestPoints.
func nearestByLanes(width int, panel nearestLanesFunc, assignments []byte,
	scores, seconds, points []float32, stride, d int, centroids, half []float32) {
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
				panel(&assignments[p], &scores[p], from(seconds, p), nil, &points[p], stride, d,
					&centroids[0], d, &half[0], k, true, true)
			}
			continue
		}
		for j := 0; j < d; j += nearestColumns {
			columns := min(nearestColumns, d-j)
			for c := range columns {
				copy(s.points[c*nearestPoints:][:n], points[(j+c)*stride+i:])
			}
			for p := 0; p < n; p += width {
				panel(&s.assignments[p], &s.scores[p], from(near, p), &s.sums[p*Centroids],
					&s.points[p], nearestPoints, columns,
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

// from is where s[i] lies, or nil where s is nil.
func from(s []float32, i int) *float32 {
	if s == nil {
		return nil
	}
	return &s[i]
}
