package kmeans

import (
	"context"
	"math"

	"github.com/palettize/palettize/internal/par"
)

// repair gives each cluster without weight a half of the one whose error is greatest: the two
// centroids go one deviation to either side of the mean, along the coordinate of the greatest
// variance. It returns how many were repaired; clusters whose points are all the same cannot be
// split.
func (l *lloyd) repair(ctx context.Context) (int, error) {
	spread, err := l.spread(ctx)
	if err != nil {
		return 0, err
	}
	d, k := l.cloud.d, l.set.k
	repaired := 0
	for e := range k {
		if l.sums[e*l.stride+d] > 0 {
			continue
		}
		worst, most := -1, 0.0
		for q := range k {
			if s := total(spread[q*d : q*d+d]); s > most {
				worst, most = q, s
			}
		}
		if worst < 0 {
			break
		}
		of, row := spread[worst*d:][:d], l.sums[worst*l.stride:][:l.stride]
		wide := 0
		for j := range d {
			if of[j] > of[wide] {
				wide = j
			}
		}
		step := math.Sqrt(of[wide]/row[d]) * l.in.inverse
		for j := range d {
			l.centroids[e*d+j] = l.centroids[worst*d+j]
		}
		l.centroids[e*d+wide] = finite(float64(l.centroids[worst*d+wide]) + step)
		l.centroids[worst*d+wide] = finite(float64(l.centroids[worst*d+wide]) - step)
		// What is left of either half, if the points are spread evenly: half the weight and a
		// quarter of the variance that is split.
		of[wide] /= 4
		for j := range d {
			of[j] /= 2
			spread[e*d+j] = of[j]
		}
		row[d] /= 2
		copy(l.sums[e*l.stride:][:l.stride], row)
		repaired++
	}
	return repaired, nil
}

// finite rounds to float32 without leaving it.
func finite(x float64) float32 {
	return float32(max(-math.MaxFloat32, min(math.MaxFloat32, x)))
}

// spread returns, for each cluster and coordinate (k x d), the weighted sum of squared differences
// from the mean. It is taken by coordinate, so that threads need no sums of their own.
func (l *lloyd) spread(ctx context.Context) ([]float64, error) {
	c, k := l.cloud, l.set.k
	spread := make([]float64, k*c.d)
	err := par.Tasks(ctx, l.in.threads, c.d, func(_, j int) {
		means, sums := make([]float64, k), make([]float64, k)
		for q := range k {
			if row := l.sums[q*l.stride:][:l.stride]; row[c.d] > 0 {
				means[q] = row[j] / row[c.d]
			}
		}
		for _, ch := range c.chunks {
			n := ch.hi - ch.lo
			for i, x := range c.planes[ch.lo*c.d+j*n:][:n] {
				a := l.assignments[ch.lo+i]
				e := float64(x) - means[a]
				e = float64(e * e)
				if c.weights != nil {
					e = float64(e * float64(c.weights[ch.lo+i]))
				}
				sums[a] += e
			}
		}
		for q := range k {
			spread[q*c.d+j] = sums[q]
		}
	})
	return spread, err
}
