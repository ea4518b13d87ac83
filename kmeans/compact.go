package kmeans

import (
	"context"
	"slices"

	"github.com/palettize/palettize/internal/par"
)

// drawn is a point with the weight that it is given.
type drawn struct {
	at     uint32
	weight float32
	x      [maxBoxWidth]float32 // its coordinates, where they are so few
}

func (in *input) drawn(i int, weight float64) drawn {
	p := drawn{at: uint32(i), weight: float32(weight)}
	copy(p.x[:], in.points[i*in.d:][:min(in.d, maxBoxWidth)])
	return p
}

// cloudOf puts points into a cloud, those that are close together into the same chunks where boxes
// pay.
func (in *input) cloudOf(ctx context.Context, points []drawn) (*cloud, error) {
	boxes := in.d <= maxBoxWidth
	chunks, err := split(nil, 0, len(points), in.d), error(nil)
	if boxes {
		if chunks, err = in.compact(ctx, points); err != nil {
			return nil, err
		}
	}
	order, weights := make([]uint32, len(points)), make([]float32, len(points))
	for i, p := range points {
		order[i], weights[i] = p.at, p.weight
	}
	c, err := in.newCloud(ctx, order, chunks, boxes)
	if err != nil {
		return nil, err
	}
	c.weights = weights
	return c, nil
}

// compact orders points so that each chunk is small in space.
func (in *input) compact(ctx context.Context, points []drawn) ([]chunk, error) {
	half := len(points) / 2
	if half == 0 {
		return halve(nil, points, 0, in.d), nil
	}
	cutWidest(points, in.d)
	var chunks [2][]chunk
	err := par.Tasks(ctx, in.threads, 2, func(_, t int) {
		if t == 0 {
			chunks[0] = halve(nil, points[:half], 0, in.d)
		} else {
			chunks[1] = halve(nil, points[half:], half, in.d)
		}
	})
	return slices.Concat(chunks[:]...), err
}

// halve cuts points in two along their widest coordinate, and these again, down to chunks, the
// first of which starts at lo.
func halve(chunks []chunk, points []drawn, lo, d int) []chunk {
	n := len(points)
	if n <= seedChunk {
		return append(chunks, chunk{lo, lo + n})
	}
	cutWidest(points, d)
	chunks = halve(chunks, points[:n/2], lo, d)
	return halve(chunks, points[n/2:], lo+n/2, d)
}

// cutWidest puts that half of the points first which is lower in the coordinate of the widest
// range.
func cutWidest(points []drawn, d int) {
	wide, most := 0, float32(-1)
	for j := range d {
		lo, hi := points[0].x[j], points[0].x[j]
		for i := range points {
			x := points[i].x[j]
			if x < lo {
				lo = x
			}
			if x > hi {
				hi = x
			}
		}
		if hi-lo > most {
			wide, most = j, hi-lo
		}
	}
	partition(points, wide, len(points)/2)
}

// partition puts the points with the least values of coordinate j first, k of them (quickselect,
// Hoare 1961).
func partition(points []drawn, j, k int) {
	for lo, hi := 0, len(points)-1; lo < hi; {
		pivot := points[(lo+hi)/2].x[j]
		l, h := lo, hi
		for l <= h {
			for points[l].x[j] < pivot {
				l++
			}
			for points[h].x[j] > pivot {
				h--
			}
			if l <= h {
				points[l], points[h] = points[h], points[l]
				l++
				h--
			}
		}
		switch {
		case k <= h:
			hi = h
		case k >= l:
			lo = l
		default:
			return
		}
	}
}
