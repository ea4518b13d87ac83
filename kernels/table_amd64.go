//go:build !purego

package kernels

// tableBuild is tableBuildScalar with a tier's two halves: dots fills t.work for segments that
// share centroids and returns the sum of the largest magnitudes, pack rounds a block.
func tableBuild(
	dots func(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int) int32,
	pack func(data *int16, work *int32, segments int, f float32),
) tableBuildFunc {
	return func(t *Tables, centroids []byte, stride, width int, q []int8, scales []float32,
		init []int32) {
		for b := range ceilDiv(t.segments, t.blockSegments) {
			first := b * t.blockSegments
			n := min(t.blockSegments, t.segments-first)
			share := n // segments with the same centroids
			if stride != 0 {
				share = 1
			}
			var total int32
			for s := 0; s < n; s += share {
				g := first + s
				total += dots(&t.work[s*Centroids], &centroids[g*stride], width/4, &q[g*width],
					&init[g], share)
			}
			f := tableFactor(n, total)
			t.scales[b] = scales[b] / f
			pack(&t.data[first*Centroids], &t.work[0], n, f)
		}
	}
}

// spreadArgs is what the spread kernels take: a tile, for AVX-512 with VBMI several.
type spreadArgs struct {
	dst           *float32 // the first row of the first panel
	data          *int16
	codes         *byte    // the first panel
	scale         *float32 // of the first row; nil: all are 1
	tscales       *float32 // one a block
	segments      int
	blockSegments int
	panels        int
}

// spreadArgs returns what a kernel needs to spread t along panels [p0, p1). t has segments.
func (t *Tables) spreadArgs(dst []float32, codes []byte, scale []float32, p0, p1 int) spreadArgs {
	return spreadArgs{
		dst:           &dst[p0*TablePanelRows],
		data:          &t.data[0],
		codes:         &codes[p0*t.segments*TablePanelRows],
		scale:         from(scale, p0*TablePanelRows),
		tscales:       &t.scales[0],
		segments:      t.segments,
		blockSegments: t.blockSegments,
		panels:        p1 - p0,
	}
}

func spreadAVX512VBMI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	a := t.spreadArgs(dst, codes, scale, p0, p1)
	tableSpreadAVX512VBMI(&a)
}

func spreadAVX512VNNI(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	for p := p0; p < p1; p += TableTile {
		a := t.spreadArgs(dst, codes, scale, p, min(p+TableTile, p1))
		tableSpreadAVX512VNNI(&a)
	}
}

func spreadAVX2(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	if t.segments == 0 {
		tableSpreadScalar(dst, t, codes, scale, p0, p1)
		return
	}
	var last [Centroids + 2]int16
	copy(last[:], t.data[(t.segments-1)*Centroids:])
	for p := p0; p < p1; p += TableTile {
		a := t.spreadArgs(dst, codes, scale, p, min(p+TableTile, p1))
		tableSpreadAVX2(&a, &last[0])
	}
}

// tableDotsAVX512VNNI is the first half of tableBuildScalar for one block: work[s][k] = init[s] +
// sum of centroid[k] * q[s], for width = 4*quads columns. It returns the sum over s of the largest
// |work[s][k]|.
//
//go:noescape
func tableDotsAVX512VNNI(work *int32, centroids *byte, quads int, q *int8, init *int32,
	segments int) int32

// tableDotsAVXVNNI is tableDotsAVX512VNNI.
//
//go:noescape
func tableDotsAVXVNNI(work *int32, centroids *byte, quads int, q *int8, init *int32,
	segments int) int32

// tableDotsAVX2 is tableDotsAVX512VNNI.
//
//go:noescape
func tableDotsAVX2(work *int32, centroids *byte, quads int, q *int8, init *int32,
	segments int) int32

// tablePackAVX512VBMI rounds work * f to int16, halves to even, and writes the 256 low bytes of
// each segment and then its 256 high bytes.
//
//go:noescape
func tablePackAVX512VBMI(data *int16, work *int32, segments int, f float32)

// tablePackAVX512VNNI is tablePackAVX2.
//
//go:noescape
func tablePackAVX512VNNI(data *int16, work *int32, segments int, f float32)

// tablePackAVX2 rounds work * f to int16, halves to even, and writes them in the order of work.
//
//go:noescape
func tablePackAVX2(data *int16, work *int32, segments int, f float32)

// tableSpreadAVX512VBMI is tableSpreadScalar for tables as tablePackAVX512VBMI leaves them.
//
//go:noescape
func tableSpreadAVX512VBMI(a *spreadArgs)

// tableSpreadAVX512VNNI is tableSpreadScalar.
//
//go:noescape
func tableSpreadAVX512VNNI(a *spreadArgs)

// tableSpreadAVX2 is tableSpreadScalar. Gathers load two bytes more than an entry has, so the last
// segment is read from a copy that has room behind it.
//
//go:noescape
func tableSpreadAVX2(a *spreadArgs, last *int16)
