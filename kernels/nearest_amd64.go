//go:build !purego

package kernels

func nearestAVX512(assignments []byte, scores, seconds, points []float32, stride, d int,
	centroids, half []float32) {
	nearestByLanes(64, nearestLanesAVX512, assignments, scores, seconds, points, stride, d,
		centroids, half)
}

func nearestAVX2(assignments []byte, scores, seconds, points []float32, stride, d int,
	centroids, half []float32) {
	nearestByLanes(16, nearestLanesAVX2, assignments, scores, seconds, points, stride, d, centroids,
		half)
}

// nearestLanesAVX512 takes 64 points through d coordinates:
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
func nearestLanesAVX512(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
	centroids *float32, ld int, half *float32, k int, first, last bool)

// nearestLanesAVX2 is nearestLanesAVX512 with 16 points for 64.
//
//go:noescape
func nearestLanesAVX2(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
	centroids *float32, ld int, half *float32, k int, first, last bool)
