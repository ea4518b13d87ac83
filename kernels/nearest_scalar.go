package kernels

import "math"

func nearestScalar(assignments []byte, scores, seconds, points []float32, stride, d int,
	centroids, half []float32) {
	for i := range assignments {
		best, second, at := float32(math.MaxFloat32), float32(math.MaxFloat32), 0
		for k, s := range half {
			for j, c := range centroids[k*d : (k+1)*d] {
				s -= float32(points[j*stride+i] * c)
			}
			if s < best {
				best, s, at = s, best, k
			}
			if s < second {
				second = s
			}
		}
		assignments[i], scores[i] = byte(at), best
		if seconds != nil {
			seconds[i] = second
		}
	}
}
