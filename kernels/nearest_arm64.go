//go:build !purego

package kernels

func nearestNEON(assignments []byte, scores, seconds, points []float32, stride, d int,
	centroids, half []float32) {
	nearestByLanes(16, nearestLanesNEON, assignments, scores, seconds, points, stride, d, centroids,
		half)
}

// nearestLanesNEON takes 16 points through d coordinates:
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
func nearestLanesNEON(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
	centroids *float32, ld int, half *float32, k int, first, last bool)
