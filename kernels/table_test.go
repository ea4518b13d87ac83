package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// tableShape is one case of the table operation.
type tableShape struct{ segments, block, width, panels, p0, p1 int }

func TestTable(t *testing.T) {
	var shapes []tableShape
	for segments := range 10 {
		for block := 1; block <= 4; block++ {
			shapes = append(shapes, tableShape{segments, block, 8, 2, 0, 2})
		}
	}
	for panels := 1; panels <= 9; panels++ {
		shapes = append(shapes, tableShape{7, 3, 4, panels, 0, panels},
			tableShape{1, 1, 4, panels, 0, panels}, tableShape{5, 5, 8, panels, 0, panels},
			tableShape{33, 32, 8, panels, panels / 5 * TableTile, panels})
	}
	for _, width := range []int{4, 8, 12, 16, 20, 64, 128, 256} {
		block := 4 * Block / width
		shapes = append(shapes, tableShape{2*block + 1, block, width, 5, 0, 5},
			tableShape{3, 1, width, 1, 0, 1}, tableShape{5, 2, width, 9, 4, 8})
	}
	forEachTier(t, "table", tableTiers, func(t *testing.T, fn tableKernel) {
		rng := rand.New(rand.NewPCG(3, 3))
		for i, s := range shapes {
			if testing.Short() && i%4 != 0 {
				continue
			}
			for x := range extremes {
				checkTable(t, fn, rng, place(i+int(x))%places, x, s, (i+int(x))%2*Centroids*s.width)
			}
		}
	})
}

func checkTable(t *testing.T, fn tableKernel, rng *rand.Rand, p place, x extreme, s tableShape,
	stride int) {
	t.Helper()
	centroids := alloc[byte](t, p, rng, max(s.segments-1, 0)*stride+Centroids*s.width)
	for i := range centroids {
		centroids[i] = pickByte(rng, x, 0, 255, 255)
	}
	q := alloc[int8](t, p, rng, s.segments*s.width)
	for i := range q {
		q[i] = int8(pickByte(rng, x, 128, 128, 127))
		if x == random && s.segments%2 == 0 {
			q[i] /= 16 // tables that need no rounding
		}
	}
	blocks := ceilDiv(s.segments, s.block)
	scales := alloc[float32](t, p, rng, blocks)
	for i := range scales {
		scales[i] = float32(rng.NormFloat64())
	}
	init := alloc[int32](t, p, rng, s.segments)
	for i := range init {
		init[i] = int32(rng.IntN(128*s.width)) - int32(64*s.width)
	}
	codes := alloc[byte](t, p, rng, s.panels*s.segments*TablePanelRows)
	fill(rng, codes)
	scale := alloc[float32](t, p, rng, s.panels*TablePanelRows)
	for i := range scale {
		scale[i] = float32(rng.NormFloat64())
	}
	if s.panels%3 == 2 {
		scale = nil // all 1
	}
	want, wantTables := make([]float32, s.panels*TablePanelRows), NewTables(s.segments, s.block)
	got := alloc[float32](t, p, rng, len(want))
	for i := range got {
		got[i], want[i] = math.Float32frombits(canary), math.Float32frombits(canary)
	}
	gotTables := &Tables{
		segments: s.segments, blockSegments: s.block,
		data:   alloc[int16](t, p, rng, len(wantTables.data)),
		scales: alloc[float32](t, p, rng, blocks),
		work:   alloc[int32](t, p, rng, len(wantTables.work)),
	}
	if s.segments > 0 {
		tableBuildScalar(wantTables, centroids, stride, s.width, q, scales, init)
		fn.build(gotTables, centroids, stride, s.width, q, scales, init)
		sameFloats(t, fmt.Sprintf("%+v, %v, table scales", s, p), gotTables.scales,
			wantTables.scales)
	}
	tableSpreadScalar(want, wantTables, codes, scale, s.p0, s.p1)
	fn.spread(got, gotTables, codes, scale, s.p0, s.p1)
	sameFloats(t, fmt.Sprintf("%+v, %v, extreme %d", s, p, x), got, want)
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{7, 2, 1, 3, 0, 3, 0, 0})
	f.Add([]byte{33, 31, 1, 8, 2, 9, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := tableShape{segments: byteAt(data, 0), width: 4 + byteAt(data, 2)%64*4,
			panels: 1 + byteAt(data, 3)%9}
		s.block = 1 + byteAt(data, 1)%(4*Block/s.width)
		s.p0 = byteAt(data, 4) % s.panels &^ (TableTile - 1)
		s.p1 = min(s.panels, s.p0+TableTile*(1+byteAt(data, 5)%2))
		p, x := place(byteAt(data, 6))%places, extreme(byteAt(data, 7))%extremes
		for _, tr := range tableTiers {
			if tr.need != 0 && tr.need&^host == 0 {
				checkTable(t, tr.fn, fuzzRNG(data), p, x, s,
					byteAt(data, 8)%2*Centroids*s.width)
			}
		}
	})
}

func BenchmarkTable(b *testing.B) {
	const rows, cols, width = 3072, 1024, 8
	const segments = cols / width
	rng := rand.New(rand.NewPCG(6, 6))
	centroids, codes := make([]byte, Centroids*width), make([]byte, rows*segments)
	fill(rng, centroids)
	fill(rng, codes)
	q, scales, init := make([]int8, cols), make([]float32, cols/Block), make([]int32, segments)
	for i := range q {
		q[i] = int8(rng.Uint32())
	}
	scale, dst := make([]float32, rows), make([]float32, rows)
	t := NewTables(segments, Block/width)
	name := fmt.Sprintf("/rows=%d/cols=%d/d=%d", rows, cols, width)
	benchEachTier(b, tableTiers, "part=build"+name, func(b *testing.B, fn tableKernel) {
		for b.Loop() {
			fn.build(t, centroids, 0, width, q, scales, init)
		}
	})
	benchEachTier(b, tableTiers, "part=spread"+name, func(b *testing.B, fn tableKernel) {
		fn.build(t, centroids, 0, width, q, scales, init)
		b.SetBytes(int64(len(codes)))
		for b.Loop() {
			fn.spread(dst, t, codes, scale, 0, rows/TablePanelRows)
		}
		perMAC(b, rows*cols)
	})
}
