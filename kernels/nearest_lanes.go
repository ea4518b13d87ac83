//go:build (amd64 || arm64) && !purego

package kernels

import "sync"

// nearest: each point has a lane of its own, so no sum ever crosses lanes and the order of
// operations is that of the scalar tier.

const (
	nearestPoints = 64  // points at a time
	nearestDirect = 8   // coordinates up to which they are read in place
	nearestPlanes = 128 // coordinates of 64 points, 32 KiB, that stay in the first cache
)

// nearestScratch is the work space of one call. Points are copied together when they have many
// columns, because planes at a distance of a power of two fall on the same lines of the cache, and
// when there are fewer than 64.
type nearestScratch struct {
	points      [nearestPlanes * nearestPoints]float32
	sums        [nearestPoints * Centroids]float32 // when the coordinates take several rounds
	assignments [nearestPoints]byte
	scores      [nearestPoints]float32
	seconds     [nearestPoints]float32
}

var nearestPool = sync.Pool{New: func() any { return new(nearestScratch) }}

type nearestLanesFunc func(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
	centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestByLanes gives the points to lanes, which takes width of them; width divides nearestPoints.
func nearestByLanes(width int, lanes nearestLanesFunc, assignments []byte,
	scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	s := nearestPool.Get().(*nearestScratch)
	defer nearestPool.Put(s)
	k := len(half)
	var near []float32 // for those in s
	if seconds != nil {
		near = s.seconds[:]
	}
	for i := 0; i < len(assignments); i += nearestPoints {
		n := min(nearestPoints, len(assignments)-i)
		if n == nearestPoints && d <= nearestDirect {
			for p := i; p < i+n; p += width {
				lanes(&assignments[p], &scores[p], from(seconds, p), nil, &points[p], stride, d,
					&centroids[0], d, &half[0], k, true, true)
			}
			continue
		}
		for j := 0; j < d; j += nearestPlanes {
			planes := min(nearestPlanes, d-j)
			for c := range planes {
				copy(s.points[c*nearestPoints:][:n], points[(j+c)*stride+i:])
			}
			for p := 0; p < n; p += width {
				lanes(&s.assignments[p], &s.scores[p], from(near, p), &s.sums[p*Centroids],
					&s.points[p], nearestPoints, planes,
					&centroids[j], d, &half[0], k, j == 0, j+planes == d)
			}
		}
		copy(assignments[i:][:n], s.assignments[:])
		copy(scores[i:][:n], s.scores[:])
		if seconds != nil {
			copy(seconds[i:][:n], near)
		}
	}
}

// from is the address of s[i], or nil where s is nil.
func from(s []float32, i int) *float32 {
	if s == nil {
		return nil
	}
	return &s[i]
}
