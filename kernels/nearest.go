package kernels

import "fmt"

type nearestFunc func(assignments []byte, scores, seconds, points []float32,
	stride, d int, centroids, half []float32)

// Nearest writes the index of the nearest centroid (in Euclidean distance) of each of
// n = len(assignments) points of d coordinates. Points are given as planes: coordinate j of point i
// is points[j*stride+i]. centroids is [k][d], k <= 256, and half[k] is half the squared length of
// centroid k. For each point x, for k ascending,
//
//	s = half[k], then for j ascending s = s - float32(x[j] * centroids[k][j])
//
// and the smallest s wins, the lowest k among equals: s + |x|^2/2 is half the squared distance. The
// winner goes to assignments and its s to scores. Unless seconds is nil, the smallest s of the
// other centroids goes there, math.MaxFloat32 where there are none. Inputs are finite and no s
// overflows.
func (s *Set) Nearest(assignments []byte, scores, seconds, points []float32, stride, d int,
	centroids, half []float32) {
	n, k := len(assignments), len(half)
	if d < 1 || k < 1 || k > Centroids || len(centroids) < k*d ||
		len(scores) < n || seconds != nil && len(seconds) < n ||
		stride < n || n > 0 && len(points) < (d-1)*stride+n {
		panic(fmt.Sprintf("kernels: Nearest: %d points of width %d, %d centroids: a short slice",
			n, d, k))
	}
	if n > 0 {
		s.nearest(assignments, scores, seconds, points, stride, d, centroids, half)
	}
}
