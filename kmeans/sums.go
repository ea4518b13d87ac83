package kmeans

import (
	"context"
	"slices"

	"github.com/palettize/palettize/internal/par"
)

// The sums of a cluster are a row: d sums of weight*x, the weight, the number of points, and the
// weight that has come or gone since they were taken from all points. From one pass to the next few
// points change their cluster, so that only these are added and taken away.

// lostBits bounds what that may cost: once a cluster has seen 2^lostBits times its weight come and
// go, the sums are taken anew. Of the 53 bits of the sum of its weights, all but so many are still
// right.
const lostBits = 10

// move is a point of a chunk that changes its cluster.
type move struct {
	point    int32
	from, to byte
}

// move adds the moves of a chunk to rows of sums.
func (l *lloyd) move(rows []float64, ch chunk, moved []move) {
	c, d, n := l.cloud, l.cloud.d, ch.hi-ch.lo
	planes := c.planes[ch.lo*d : ch.hi*d]
	for _, m := range moved {
		w := 1.0
		if c.weights != nil {
			w = float64(c.weights[ch.lo+int(m.point)])
		}
		from, to := rows[int(m.from)*l.stride:][:l.stride], rows[int(m.to)*l.stride:][:l.stride]
		for j := range d {
			x := float64(float64(planes[j*n+int(m.point)]) * w)
			from[j] -= x
			to[j] += x
		}
		from[d] -= w
		to[d] += w
		from[d+1]--
		to[d+1]++
		from[d+2] += w
		to[d+2] += w
	}
}

// addMoves adds the moves of all parts to the sums and says whether these are still good.
func (l *lloyd) addMoves() bool {
	size, d := len(l.sums), l.cloud.d
	for p := range l.parts {
		for i, v := range l.moves[p*size:][:size] {
			l.sums[i] += v
		}
	}
	for row := range slices.Chunk(l.sums, l.stride) {
		if row[d+2] > (1<<lostBits)*row[d] {
			return false
		}
	}
	return true
}

// sum takes the sums from all points, coordinate by coordinate.
func (l *lloyd) sum(ctx context.Context) error {
	c := l.cloud
	clear(l.sums)
	l.summed = true
	return par.Tasks(ctx, l.in.threads, c.d+2, func(worker, j int) {
		plane := &l.work[worker].plane
		for _, ch := range c.chunks {
			plane.addChunk(j, l.assignments[ch.lo:ch.hi], c.planes[ch.lo*c.d:ch.hi*c.d],
				c.weightsOf(ch), c.d)
		}
		plane.addTo(l.sums[j:], l.set.k, l.stride)
	})
}

// planeSums is the sums of one coordinate for each cluster, in lanes for every fourth point:
// neighbours mostly belong to one cluster, and an addition waits for the one before it to the same
// sum. A byte indexes a lane without a check.
type planeSums [4][MaxCentroids]float64

// addTo adds the lanes to every stride-th of the sums of k clusters and clears them.
func (c *planeSums) addTo(sums []float64, k, stride int) {
	for i := range k {
		sums[i*stride] += c[0][i] + c[1][i] + (c[2][i] + c[3][i])
	}
	for lane := range c {
		clear(c[lane][:k])
	}
}

func (c *planeSums) count(assignments []byte) {
	for ; len(assignments) >= 4; assignments = assignments[4:] {
		c[0][assignments[0]]++
		c[1][assignments[1]]++
		c[2][assignments[2]]++
		c[3][assignments[3]]++
	}
	for _, a := range assignments {
		c[0][a]++
	}
}

func (c *planeSums) add(assignments []byte, x []float32) {
	for ; len(assignments) >= 4 && len(x) >= 4; assignments, x = assignments[4:], x[4:] {
		c[0][assignments[0]] += float64(x[0])
		c[1][assignments[1]] += float64(x[1])
		c[2][assignments[2]] += float64(x[2])
		c[3][assignments[3]] += float64(x[3])
	}
	for i, a := range assignments {
		c[0][a] += float64(x[i])
	}
}

func (c *planeSums) addWeighted(assignments []byte, x, w []float32) {
	for len(assignments) >= 4 && len(x) >= 4 && len(w) >= 4 {
		c[0][assignments[0]] += float64(float64(x[0]) * float64(w[0]))
		c[1][assignments[1]] += float64(float64(x[1]) * float64(w[1]))
		c[2][assignments[2]] += float64(float64(x[2]) * float64(w[2]))
		c[3][assignments[3]] += float64(float64(x[3]) * float64(w[3]))
		assignments, x, w = assignments[4:], x[4:], w[4:]
	}
	for i, a := range assignments {
		c[0][a] += float64(float64(x[i]) * float64(w[i]))
	}
}

// addChunk adds coordinate j of a chunk of points: times their weights for j < d, then come the
// weights themselves, and last the number of points.
func (c *planeSums) addChunk(j int, assignments []byte, planes, weights []float32, d int) {
	n := len(assignments)
	switch {
	case j > d || j == d && weights == nil:
		c.count(assignments)
	case j == d:
		c.add(assignments, weights)
	case weights == nil:
		c.add(assignments, planes[j*n:][:n])
	default:
		c.addWeighted(assignments, planes[j*n:][:n], weights)
	}
}
