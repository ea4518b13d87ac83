//go:build !purego

package kernels

func buildTablesI8MM(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	mulI8MM.buildTables(t, centroids, width, q, scales, init)
}

func buildTablesSDOT(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	mulSDOT.buildTables(t, centroids, width, q, scales, init)
}

func buildTablesNEON(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	mulNEON.buildTables(t, centroids, width, q, scales, init)
}

func (k *mulKernels) buildTables(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	if k.signed {
		s := mulPool.Get().(*mulScratch)
		defer s.release()
		starts := s.starts(t.Segments)
		mulU8StartsNEON(&starts[0], &init[0], &q[0], t.Segments*width/4, width/4)
		init = starts
	}
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		k.dots(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, tableTotalNEON(&t.Work[0], n))
		t.Scales[b] = scales[b] / f
		tablePackNEON(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}
