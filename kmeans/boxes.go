package kmeans

import "math"

// choose lists the centroids that are nearest to some point of a box: c is out of the question when
// z, the nearest to its centre, is nearer than c to all of the box, which it is when it is nearer
// to the corner that lies farthest in the direction from z to c (Kanungo et al. 2002).
func (w *scratch) choose(set *centroidSet, box []float32) {
	d := set.d
	lo, hi := box[:d], box[d:2*d]
	z, least := 0, math.MaxFloat64
	for k := range set.k {
		s := float64(set.half[k])
		for j, c := range set.at[k*d : k*d+d] {
			s -= float64((float64(lo[j]) + float64(hi[j])) * float64(c) / 2)
		}
		if s < least {
			z, least = k, s
		}
	}
	w.at, w.half = w.at[:0], w.half[:0]
	nearest := set.at[z*d:][:d]
	for k := range set.k {
		row := set.at[k*d:][:d]
		// Half the difference of the squared distances to that corner.
		s := float64(set.half[k]) - float64(set.half[z])
		for j, c := range row {
			to := float64(c) - float64(nearest[j])
			s -= max(float64(float64(lo[j])*to), float64(float64(hi[j])*to))
		}
		if s > 0 {
			continue
		}
		w.ids[len(w.half)] = byte(k)
		w.at = append(w.at, row...)
		w.half = append(w.half, set.half[k])
	}
}
