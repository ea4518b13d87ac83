//go:build !purego

package kernels

// spreadArgs is what the spread kernels take: a tile.
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

// buildTables is tableBuildScalar with a tier's two halves: dots fills t.Work for a block and returns the sum
// of the largest magnitudes, pack rounds it.
func buildTables(
	dots func(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32,
	pack func(data *int16, work *int32, segments int, f float32),
	t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32,
) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		total := dots(&t.Work[0], &centroids[0], width/4, &q[first*width], &init[first], n)
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		pack(&t.Data[first*Centroids], &t.Work[0], n, f)
	}
}

func buildTablesVBMI(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	buildTables(tableDotsAVX512VNNI, tablePackAVX512VBMI, t, centroids, width, q, scales, init)
}

// spreadArgs returns what a kernel needs to spread t along the tile of panels [p0, p1) that begins at p0. t has
// segments.
func (t *Tables) spreadArgs(dst []float32, codes []byte, scale []float32, p0, p1 int) spreadArgs {
	return spreadArgs{
		dst:           &dst[p0*TablePanelRows],
		data:          &t.Data[0],
		codes:         &codes[p0*t.Segments*TablePanelRows],
		scale:         &scale[p0*TablePanelRows],
		tscales:       &t.Scales[0],
		segments:      t.Segments,
		blockSegments: t.BlockSegments,
		panels:        min(TableTile, p1-p0),
	}
}

func spreadAVX512VBMI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	for p := p0; p < p1; p += TableTile {
		a := t.spreadArgs(dst, codes, scale, p, p1)
		tableSpreadAVX512VBMI(&a)
	}
}

func buildTablesAVX512(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	buildTables(tableDotsAVX512VNNI, tablePackAVX512VNNI, t, centroids, width, q, scales, init)
}

func spreadAVX512VNNI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	for p := p0; p < p1; p += TableTile {
		a := t.spreadArgs(dst, codes, scale, p, p1)
		tableSpreadAVX512VNNI(&a)
	}
}

func buildTablesAVXVNNI(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	buildTables(tableDotsAVXVNNI, tablePackAVX2, t, centroids, width, q, scales, init)
}

func buildTablesAVX2(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	buildTables(tableDotsAVX2, tablePackAVX2, t, centroids, width, q, scales, init)
}

func spreadAVX2(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.Segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	var last [Centroids + 2]int16
	copy(last[:], t.Data[(t.Segments-1)*Centroids:])
	for p := p0; p < p1; p += TableTile {
		a := t.spreadArgs(dst, codes, scale, p, p1)
		tableSpreadAVX2(&a, &last[0])
	}
}
