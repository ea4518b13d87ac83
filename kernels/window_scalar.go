package kernels

import "math"

var infinity = float32(math.Inf(1))

func windowScalar(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32,
	bits int) {
	var best [Centroids >> MinWindowBits]float32
	size, weight := Centroids>>bits, float32(1)
	for i, v := range x {
		for lower := range size {
			least, upper := cost[lower], 0
			for u := 1; u < 1<<bits; u++ {
				if c := cost[u*size+lower]; c < least {
					least, upper = c, u
				}
			}
			best[lower], back[i*size+lower] = least, byte(upper)
		}
		if w != nil {
			weight = w[i]
		}
		for s, c := range table {
			e := v - c
			cost[s] = best[s>>bits] + float32(float32(e*e)*weight)
		}
	}
}
