package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchEachTier runs f for every row of a table that this machine can run.
func benchEachTier[F any](b *testing.B, table []tier[F], name string, f func(*testing.B, F)) {
	for _, tr := range table {
		if tr.need&^host == 0 {
			b.Run(fmt.Sprintf("tier=%s/%s", tr.name, name), func(b *testing.B) { f(b, tr.fn) })
		}
	}
}

// perMAC reports products a second of one iteration, those that a dense matrix would need.
func perMAC(b *testing.B, macs int) {
	b.ReportMetric(float64(macs)*float64(b.N)/b.Elapsed().Seconds(), "MAC/s")
}

// benchMul measures a multiplication of a [rows, cols] matrix, where a code stands for d columns.
func benchMul(b *testing.B, table []tier[mulFunc], rows, cols, d, group, batch, lookup int, layout func(mulShape) int) {
	s := mulShape{panels: rows / PanelRows, quads: cols / 4 / d, blockQuads: Block / 4 / d, groupQuads: group / 4 / d, n: batch, d: d}
	s.p1 = s.panels
	rng := rand.New(rand.NewPCG(4, 4))
	m, in := newMul(b, rng, head, random, s, layout(s), lookup)
	name := fmt.Sprintf("rows=%d/cols=%d/batch=%d", rows, cols, batch)
	if d > 1 {
		name += fmt.Sprintf("/d=%d", d)
	}
	if group != Block {
		name += fmt.Sprintf("/group=%d", group)
	}
	dst := make([]float32, batch*rows)
	if batch > 1 {
		table = table[:len(table)-1] // scalar takes them one by one
	}
	benchEachTier(b, table, name, func(b *testing.B, fn mulFunc) {
		b.SetBytes(int64(len(m.Codes)))
		for b.Loop() {
			fn(dst, rows, m, in, 0, s.panels)
		}
		perMAC(b, rows*cols*batch)
	})
}

func BenchmarkMulU8(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		benchMul(b, mulU8Tiers, 3072, 1024, 1, Block, batch, 0, u8Layout)
		benchMul(b, mulU8Tiers, 3072, 1024, 1, 16, batch, 0, u8Layout)
		benchMul(b, mulU8Tiers, 256, 1024, 1, Block, batch, 0, u8Layout)
	}
}

func BenchmarkMulNibble(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		benchMul(b, mulNibbleTiers, 3072, 1024, 1, Block, batch, 16, nibbleLayout)
		benchMul(b, mulNibbleTiers, 3072, 1024, 1, 16, batch, 16, nibbleLayout)
	}
}

func BenchmarkMulLookup(b *testing.B) {
	for _, batch := range []int{1, 8, 128} {
		for _, d := range []int{1, 2, 4} {
			benchMul(b, mulLookupTiers, 3072, 1024, d, Block, batch, d*Centroids, u8Layout)
		}
	}
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
			fn.build(t, centroids, width, q, scales, init)
		}
	})
	benchEachTier(b, tableTiers, "part=spread"+name, func(b *testing.B, fn tableKernel) {
		fn.build(t, centroids, width, q, scales, init)
		b.SetBytes(int64(len(codes)))
		for b.Loop() {
			fn.spread(dst, t, codes, scale, 0, rows/TablePanelRows)
		}
		perMAC(b, rows*cols)
	})
}
