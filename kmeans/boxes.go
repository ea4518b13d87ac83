package kmeans

import "math"

// A box is what a chunk spans: the middle of each coordinate, and half of its range in each
// (Kanungo et al. 2002 rule out centroids by it).

// setBox sets the box of a chunk.
func (c *cloud) setBox(t int) {
	ch := c.chunks[t]
	n := ch.hi - ch.lo
	box := c.box(t)
	for j := range c.d {
		lo, hi := extent(c.planes[ch.lo*c.d+j*n:][:n])
		box[j], box[c.d+j] = (float64(lo)+float64(hi))/2, (float64(hi)-float64(lo))/2
	}
}

func (c *cloud) box(t int) []float64 { return c.boxes[t*2*c.d:][:2*c.d] }

// squareToBox returns the squared distance of a point from a box, 0 inside.
func squareToBox(point []float32, box []float64) (sum float64) {
	d := len(point)
	for j, x := range point {
		e := max(math.Abs(float64(x)-box[j])-box[d+j], 0)
		sum += float64(e * e)
	}
	return sum
}

// central returns the centroid that is nearest to the middle of a box.
func (s *centroidSet) central(box []float64) int {
	z, least := 0, math.MaxFloat64
	for k, half := range s.half {
		score := float64(half)
		for j, c := range s.at[k*s.d:][:s.d] {
			score -= float64(box[j] * float64(c))
		}
		if score < least {
			z, least = k, score
		}
	}
	return z
}

// shortlist lists the centroids that may be nearest to some point of a box: c is out of the
// question when another one, z, is nearer than c to all of the box, which it is when it is nearer
// to the corner that is farthest in the direction from z to c. It does best with a z in the midst.
func (w *scratch) shortlist(set *centroidSet, box []float64, z int) {
	d := set.d
	w.at, w.half = w.at[:0], w.half[:0]
	nearest, middle, reach := set.at[z*d:][:d], box[:d], box[d:][:d]
	for k, half := range set.half {
		row := set.at[k*d:][:d]
		// Half the difference of the squared distances to that corner.
		s := float64(half) - float64(set.half[z])
		for j, c := range row {
			to := float64(c) - float64(nearest[j])
			s -= float64(middle[j]*to) + float64(reach[j]*math.Abs(to))
		}
		if s > 0 {
			continue
		}
		w.ids[len(w.half)] = byte(k)
		w.at = append(w.at, row...)
		w.half = append(w.half, half)
	}
}
