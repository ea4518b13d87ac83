package kernels

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A table row that is never chosen passes every other test.
func TestChooseTakesTheBestRow(t *testing.T) {
	checkChoice(t, "mul-u8", mulU8Tiers)
	checkChoice(t, "mul-nibble", mulNibbleTiers)
	checkChoice(t, "mul-lookup", mulLookupTiers)
	checkChoice(t, "mul-window", mulWindowTiers)
	checkChoice(t, "table", tableTiers)
	checkChoice(t, "quantize", quantizeTiers)
	checkChoice(t, "dense-vector", denseVectorTiers)
	checkChoice(t, "dense-matrix", denseMatrixTiers)
	checkChoice(t, "nearest", nearestTiers)
	checkChoice(t, "update", updateTiers)
	checkChoice(t, "trellis", trellisTiers)
	checkChoice(t, "window", windowTiers)
}

func checkChoice[F any](t *testing.T, op string, table []tier[F]) {
	t.Helper()
	want := ""
	for _, tr := range slices.Backward(table) {
		if tr.need&^host == 0 {
			want = tr.name
		}
	}
	if got := choose(host).Tier(op); got != want {
		t.Errorf("%s uses tier %q, want %q", op, got, want)
	}
	if last := table[len(table)-1]; last.name != "scalar" || last.need != 0 {
		t.Errorf("%s ends with tier %q that needs %v", op, last.name, last.need)
	}
	for i, tr := range table {
		for _, before := range table[:i] {
			if before.need&^tr.need == 0 {
				t.Errorf("%s: %q comes first and runs wherever %q does, which is never used",
					op, before.name, tr.name)
			}
		}
	}
}

func TestMaskedFeatures(t *testing.T) {
	all := avx2 | fma | avxvnni | avx512 | avx512vnni | avx512vbmi | amx
	for _, c := range []struct {
		off  string
		want features
	}{
		{"", all},
		{"avx512vbmi", all &^ avx512vbmi},
		{"avx512vnni", all &^ (avx512vnni | avx512vbmi | amx)},
		{"avx512bw", avx2 | fma | avxvnni | avx512f | avx512dq | avx512vl},
		{"avx512f", avx2 | fma | avxvnni},
		{"avxvnni", all &^ avxvnni},
		{"amx", all &^ amx},
		{"avx512f,avxvnni", avx2 | fma},
		{"fma, avx512f", avx2},
		{"avx2", 0},
	} {
		got, unknown := all.without(c.off)
		if got != c.want || unknown != nil {
			t.Errorf("without %q: %v (unknown %q), want %v", c.off, got, unknown, c.want)
		}
	}
	arm := asimd | asimddp | i8mm
	for off, want := range map[string]features{"i8mm": asimd | asimddp, "asimddp": asimd,
		"asimd": 0, "avx2": arm} {
		if got, unknown := arm.without(off); got != want || unknown != nil {
			t.Errorf("without %q: %v (unknown %q), want %v", off, got, unknown, want)
		}
	}
	if got, unknown := all.without("avx1024,avx512vbmi"); got != all&^avx512vbmi ||
		!slices.Equal(unknown, []string{"avx1024"}) {
		t.Errorf("without an unknown feature: %v, unknown %q", got, unknown)
	}
	if s := choose(0); s.Tier("mul-u8") != "scalar" || s.Tier("table") != "scalar" {
		t.Errorf("a CPU with nothing gets tiers %q and %q", s.Tier("mul-u8"), s.Tier("table"))
	}
	if s := (avx2 | avx512vnni).String(); s != "avx2,avx512vnni" {
		t.Errorf("the set of two features prints as %q", s)
	}
}

// The operating system is asked at most once, and only for what would be used.
func TestAskForTiles(t *testing.T) {
	refusal := errors.New("no")
	tiles := avx2 | fma | avx512 | avx512vnni | amx
	for _, c := range []struct {
		name    string
		has     features
		off     string
		refusal error
		asked   int
		want    features
		lacks   string
	}{
		{"allowed", tiles, "", nil, 1, tiles, ""},
		{"refused", tiles, "", refusal, 1, tiles &^ amx, "amx (no)"},
		{"switched off", tiles, "amx", refusal, 0, tiles &^ amx, "amx"},
		{"switched off below", tiles, "avx512vnni", nil, 0, avx2 | fma | avx512, "avx512vnni,amx"},
		{"refused, more lacking", tiles &^ avx512vnni, "", refusal, 1, avx2 | fma | avx512,
			"avx512vnni,amx (no)"},
		{"a CPU without", avx2, "", refusal, 0, avx2,
			"avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx"},
	} {
		asked := 0
		got, why, err := hostFeatures(c.has, c.off, func() error { asked++; return c.refusal })
		if got != c.want || asked != c.asked || err != nil {
			t.Errorf("%s: %v after asking %d times (error %v), want %v after %d", c.name, got,
				asked, err, c.want, c.asked)
		}
		if s := lacks(avx512|avx512vnni|amx, got, why); s != c.lacks {
			t.Errorf("%s: lacks %q, want %q", c.name, s, c.lacks)
		}
	}
}

func TestLimited(t *testing.T) {
	for _, info := range best.Tiers() {
		var need features
		for _, other := range best.Tiers() {
			if other.Tier == info.Tier {
				need |= other.need
			}
		}
		need = need.withBasis()
		s, err := Limited(info.Tier)
		if need&^host != 0 {
			if err == nil || !strings.Contains(err.Error(), lacks(need, host, amxRefusal)) {
				t.Errorf("Limited(%q) on a machine without %v: error %v", info.Tier, need&^host,
					err)
			}
			continue
		}
		if err != nil {
			t.Errorf("Limited(%q): %v", info.Tier, err)
			continue
		}
		if got := s.Tier(info.Op); got != info.Tier {
			// A row of the same name elsewhere may need more, and so allow a better row here.
			if !slices.ContainsFunc(s.Tiers(),
				func(o TierInfo) bool { return o.Op == info.Op && o.Tier == got && o.need&^need == 0 }) {
				t.Errorf("Limited(%q) uses tier %q for %s", info.Tier, got, info.Op)
			}
		}
	}
	if _, err := Limited("avx1024"); err == nil || !strings.Contains(err.Error(), "scalar") {
		t.Errorf("Limited of an unknown tier: error %v does not list the known ones", err)
	}
	if _, err := Best(); err != nil {
		t.Errorf("Best: %v", err)
	}
	if got := best.Tier("no such operation"); got != "" {
		t.Errorf("an unknown operation has tier %q", got)
	}
}

func TestNoSumOverflows(t *testing.T) {
	if 2*255*128*int64(Block)*127 > math.MaxInt32 {
		t.Error("a block with multipliers and its zero point overflows")
	}
}

// mulCase is a small valid matrix and input for tests of the public methods.
func mulCase(d, lookup int) (*Matrix, *Input, []float32) {
	return mulOf(mulShape{panels: 2, quads: 16, blockQuads: 8, groupQuads: 8, n: 9, d: d, p1: 2},
		lookup)
}

// mulBatch is one for which every tier needs all its kernels.
func mulBatch(d, lookup int) (*Matrix, *Input, []float32) {
	return mulOf(mulShape{panels: 3, quads: 32, blockQuads: 16, groupQuads: 16, n: 16 + 4 + 1, d: d,
		p1: 3}, lookup)
}

func mulOf(s mulShape, lookup int) (*Matrix, *Input, []float32) {
	codes := u8Layout(s)
	if lookup == 16 {
		codes = nibbleLayout(s)
	}
	m, in := newMul(nil, rand.New(rand.NewPCG(7, 7)), offset, random, s, codes, lookup)
	return m, in, make([]float32, s.n*s.panels*PanelRows)
}

func TestAllocations(t *testing.T) {
	check := func(op string, f func()) {
		if n := allocations(f); n != 0 {
			t.Errorf("%s allocates %v times", op, n)
		}
	}
	seen := map[string]bool{}
	for _, info := range best.Tiers() {
		s, err := Limited(info.Tier)
		if err != nil || seen[info.Tier] {
			continue
		}
		seen[info.Tier] = true
		m, in, dst := mulBatch(1, 0)
		check(info.Tier+" MulU8", func() { s.MulU8(dst, 3*PanelRows, m, in, 0, 3) })
		nibble, in4, _ := mulBatch(1, 16)
		check(info.Tier+" MulNibble", func() { s.MulNibble(dst, 3*PanelRows, nibble, in4, 0, 3) })
		for d := 1; d <= MaxLookupWidth; d++ {
			m, in, _ := mulBatch(d, d*Centroids)
			check(info.Tier+" MulLookup", func() { s.MulLookup(dst, 3*PanelRows, m, in, 0, 3) })
		}
		tb := NewTables(5, 2)
		centroids, q, scales, init := make([]byte, Centroids*8), make([]int8, 40),
			make([]float32, 3), make([]int32, 5)
		codes, scale, sums := make([]byte, 5*TablePanelRows), make([]float32, TablePanelRows),
			make([]float32, TablePanelRows)
		check(info.Tier+" BuildTables", func() { s.BuildTables(tb, centroids, 0, 8, q, scales, init) })
		check(info.Tier+" SpreadTables", func() { s.SpreadTables(sums, tb, codes, scale, 0, 1) })
	}
}

// Wrong arguments are the caller's bug, and must not reach a kernel that does not check them.
func TestPanics(t *testing.T) {
	const ld = 2 * PanelRows
	mul := func(change func(*Matrix, *Input)) func() {
		m, in, dst := mulCase(1, 0)
		change(m, in)
		return func() { best.MulU8(dst, ld, m, in, 0, m.Panels) }
	}
	lookup := func(change func(*Matrix, *Input)) func() {
		m, in, dst := mulCase(2, 2*Centroids)
		change(m, in)
		return func() { best.MulLookup(dst, ld, m, in, 0, m.Panels) }
	}
	m, in, dst := mulCase(1, 0)
	_, in4, _ := mulCase(1, 16)
	tb := NewTables(4, 2)
	build := func(width, centroids, q, scales, init int) func() {
		return func() {
			best.BuildTables(tb, make([]byte, centroids), 0, width, make([]int8, q),
				make([]float32, scales), make([]int32, init))
		}
	}
	spread := func(dst, codes, scale, p0, p1 int) func() {
		return func() {
			best.SpreadTables(make([]float32, dst), tb, make([]byte, codes), make([]float32, scale),
				p0, p1)
		}
	}
	for name, f := range map[string]func(){
		"a block of more than Block columns": mul(func(m *Matrix, _ *Input) { m.BlockQuads, m.GroupQuads = Block/4+1, 1 }),
		"blocks of no columns":               mul(func(m *Matrix, _ *Input) { m.BlockQuads = 0 }),
		"groups of no columns":               mul(func(m *Matrix, _ *Input) { m.GroupQuads = 0 }),
		"groups that do not divide a block":  mul(func(m *Matrix, _ *Input) { m.GroupQuads = 3 }),
		"short codes":                        mul(func(m *Matrix, _ *Input) { m.Codes = m.Codes[1:] }),
		"bytes with a lookup":                mul(func(m *Matrix, _ *Input) { m.Lookup = make([]byte, 256) }),
		"short multipliers":                  mul(func(m *Matrix, _ *Input) { m.Mult = m.Mult[1:] }),
		"short row scales":                   mul(func(m *Matrix, _ *Input) { m.Scale = m.Scale[1:] }),
		"a short input":                      mul(func(_ *Matrix, in *Input) { in.Q = in.Q[1:] }),
		"a short stride":                     mul(func(_ *Matrix, in *Input) { in.Stride = 63 }),
		"short input scales":                 mul(func(_ *Matrix, in *Input) { in.Scales = in.Scales[1:] }),
		"a short zero point":                 mul(func(_ *Matrix, in *Input) { in.Init = in.Init[1:] }),
		"too many vectors for dst":           mul(func(_ *Matrix, in *Input) { in.N++ }),
		"panels before the first":            func() { best.MulU8(dst, ld, m, in, -1, 1) },
		"panels behind the last":             func() { best.MulU8(dst, ld, m, in, 0, 3) },
		"rows that overlap":                  func() { best.MulU8(dst, ld-1, m, in, 0, 2) },
		"a lookup block of too many columns": lookup(func(m *Matrix, _ *Input) { m.BlockQuads, m.GroupQuads = Block/8+1, Block/8+1 }),
		"a lookup with groups":               lookup(func(m *Matrix, _ *Input) { m.GroupQuads = 4 }),
		"a lookup too wide":                  lookup(func(m *Matrix, _ *Input) { m.Lookup = make([]byte, 5*Centroids) }),
		"nibbles without a lookup":           func() { best.MulNibble(dst, ld, m, in4, 0, 2) },
		"tables of a width of 6":             build(6, 4096, 64, 2, 4),
		"tables of short centroids":          build(8, Centroids*8-1, 32, 2, 4),
		"tables of too few centroids": func() {
			best.BuildTables(tb, make([]byte, 4*Centroids*8-1), Centroids*8, 8, make([]int8, 32),
				make([]float32, 2), make([]int32, 4))
		},
		"a segment of a block":         func() { tb.Segment(0) },
		"tables of a short input":      build(8, Centroids*8, 31, 2, 4),
		"tables of short scales":       build(8, Centroids*8, 32, 1, 4),
		"tables of a short zero point": build(8, Centroids*8, 32, 2, 3),
		"tables of more than 4*Block columns": func() {
			best.BuildTables(NewTables(5, 5), make([]byte, 1<<16), 0, 256, make([]int8, 1280),
				make([]float32, 1), make([]int32, 5))
		},
		"a spread into a short dst":       spread(127, 512, 128, 0, 2),
		"a spread of short codes":         spread(128, 511, 128, 0, 2),
		"a spread of short row scales":    spread(128, 512, 127, 0, 2),
		"a spread before the first panel": spread(128, 512, 128, -1, 2),
		"a spread from within a tile":     spread(128, 512, 128, 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				r := recover()
				if msg, ok := r.(string); !ok || !strings.HasPrefix(msg, "kernels: ") {
					t.Errorf("recovered %v", r)
				}
			}()
			f()
		})
	}
}
