//go:build !purego

package kernels

// spreadArgs is what the spread kernels take: a run of panels.
type spreadArgs struct {
	dst           *float32 // the first row of the first panel
	data          *int16
	codes         *byte    // the first panel
	scale         *float32 // of the first row
	tscales       *float32 // one a block
	segments      int
	blockSegments int
	panels        int
}

func buildTablesVBMI(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		total := tableDotsVNNI(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		tablePackVBMI(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}

// spreadArgs returns what a kernel needs to spread t along panels [p0, p1). t has segments.
func (t *Tables) spreadArgs(dst []float32, codes []byte, scale []float32, p0, p1 int) spreadArgs {
	return spreadArgs{
		dst:           &dst[p0*TablePanelRows],
		data:          &t.Data[0],
		codes:         &codes[p0*t.Segments*TablePanelRows],
		scale:         &scale[p0*TablePanelRows],
		tscales:       &t.Scales[0],
		segments:      t.Segments,
		blockSegments: t.BlockSegments,
		panels:        p1 - p0,
	}
}

func spreadTablesAVX512VBMI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		spreadTablesScalar(dst, t, codes, scale, p0, p1)
		return
	}
	a := t.spreadArgs(dst, codes, scale, p0, p1)
	spreadTablesVBMI(&a)
}

func buildTablesAVX512(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		total := tableDotsVNNI(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		tablePackAVX512(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}

func spreadTablesVNNI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		spreadTablesScalar(dst, t, codes, scale, p0, p1)
		return
	}
	a := t.spreadArgs(dst, codes, scale, p0, p1)
	spreadTablesAVX512(&a)
}

func buildTablesAVXVNNI(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		total := tableDotsAVXVNNI(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		tablePackAVX2(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}

func buildTablesAVX2(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		total := tableDotsAVX2(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		tablePackAVX2(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}

func spreadTablesGather(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		spreadTablesScalar(dst, t, codes, scale, p0, p1)
		return
	}
	var last [Centroids + 2]int16
	copy(last[:], t.Data[(t.Segments-1)*Centroids:])
	a := t.spreadArgs(dst, codes, scale, p0, p1)
	spreadTablesAVX2(&a, &last[0])
}
