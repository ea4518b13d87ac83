//go:build !purego

package kernels

func (k *mulKernels) buildTables(t *Tables, centroids []byte, stride, width int, q []int8,
	scales []float32, init []int32) {
	if k.signed {
		s := mulPool.Get().(*mulScratch)
		defer s.release()
		starts := s.starts(t.segments)
		mulU8StartsNEON(&starts[0], &init[0], &q[0], t.segments*width/4, width/4)
		init = starts
	}
	for b := range ceilDiv(t.segments, t.blockSegments) {
		first := b * t.blockSegments
		n := min(t.blockSegments, t.segments-first)
		share := n // segments with the same centroids
		if stride != 0 {
			share = 1
		}
		for s := 0; s < n; s += share {
			g := first + s
			k.dots(&t.work[s*Centroids], &centroids[g*stride], width/4, &q[g*width], &init[g], share)
		}
		f := tableFactor(n, tableTotalNEON(&t.work[0], n))
		t.scales[b] = scales[b] / f
		tablePackNEON(&t.data[first*Centroids], &t.work[0], n, f)
	}
}

// tableDotsI8MM is the first part of tableBuildScalar for one block: work[s][k] = init[s] + sum of
// centroid[k] * q[s], for width = 4*quads columns. segments > 0.
//
//go:noescape
func tableDotsI8MM(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

//go:noescape
func tableDotsSDOT(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

//go:noescape
func tableDotsNEON(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)

// tableTotalNEON returns the sum over s of the largest |work[s][k]|.
//
//go:noescape
func tableTotalNEON(work *int32, segments int) int32

// tablePackNEON rounds work * f to int16, halves to even.
//
//go:noescape
func tablePackNEON(data *int16, work *int32, segments int, f float32)
