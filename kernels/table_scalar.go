package kernels

func tableBuildScalar(t *Tables, centroids []byte, stride, width int, q []int8, scales []float32,
	init []int32) {
	for b := range ceilDiv(t.segments, t.blockSegments) {
		first := b * t.blockSegments
		n := min(t.blockSegments, t.segments-first)
		var total int32
		for s := range n {
			g := first + s
			own := centroids[g*stride:]
			var top int32
			for k := range Centroids {
				sum := init[g]
				for i := range width {
					c := own[(k/PanelRows*(width/4)+i/4)*4*PanelRows+k%PanelRows*4+i%4]
					sum += int32(c) * int32(q[g*width+i])
				}
				t.work[s*Centroids+k] = sum
				top = max(top, sum, -sum)
			}
			total += top
		}
		f := tableFactor(n, total)
		t.scales[b] = scales[b] / f
		for i, v := range t.work[:n*Centroids] {
			t.data[first*Centroids+i] = int16(roundEven(float32(float32(v) * f)))
		}
	}
}

// tableFactor is what a block's table entries are multiplied with, so that sums of n of them stay
// in int16 when their largest magnitudes add up to total. Each rounds by half at most.
func tableFactor(n int, total int32) float32 {
	if total <= int32(32767-n) {
		return 1
	}
	return float32(32767-n) / float32(total)
}

func tableSpreadScalar(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	for row := p0 * TablePanelRows; row < p1*TablePanelRows; row++ {
		panel := row / TablePanelRows
		tile := panel &^ (TableTile - 1)
		step := min(TableTile, p1-tile) * TablePanelRows // from one segment to the next
		at := tile*t.segments*TablePanelRows + (panel-tile)*TablePanelRows + row%TablePanelRows
		var y float32
		for b, f := range t.scales {
			var sum int32
			for g := b * t.blockSegments; g < min((b+1)*t.blockSegments, t.segments); g++ {
				sum += int32(t.data[g*Centroids+int(codes[at+g*step])])
			}
			y += float32(f * float32(sum))
		}
		if scale != nil {
			y *= scale[row]
		}
		dst[row] = y
	}
}
