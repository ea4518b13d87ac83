package codebook

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/kernels"
)

// drawHead returns keys [n, head] around a point and queries [n, head] whose columns differ in
// size, point and sizes the same for all seeds.
func drawHead(seed uint64, head, n int) (keys, queries []float32) {
	random := rand.New(rand.NewPCG(0, uint64(head)))
	at, size := make([]float64, head), make([]float64, head)
	for j := range head {
		at[j], size[j] = 3*random.NormFloat64(), math.Exp(random.NormFloat64())
	}
	random = rand.New(rand.NewPCG(seed, uint64(head)))
	for range n {
		for j := range head {
			keys = append(keys, float32(at[j]+random.NormFloat64()))
			queries = append(queries, float32(size[j]*random.NormFloat64()))
		}
	}
	return keys, queries
}

func train(t testing.TB, head int, keys, queries []float32, opts AttentionOptions) *Attention {
	t.Helper()
	a, err := TrainAttention(t.Context(), head, keys, queries, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func cacheOf(t testing.TB, a *Attention, keys []float32) *KeyCache {
	t.Helper()
	c := a.NewCache()
	if err := c.Append(keys); err != nil {
		t.Fatal(err)
	}
	return c
}

func scoresOf(t testing.TB, c *KeyCache, queries []float32) []float32 {
	t.Helper()
	dst := make([]float32, len(queries)/c.a.head*c.n)
	for i := range dst {
		dst[i] = float32(math.NaN()) // every score must be written
	}
	if err := c.Scores(dst, queries); err != nil {
		t.Fatal(err)
	}
	return dst
}

type attentionCase struct {
	head, samples, keys int
	opts                AttentionOptions
}

func (c attentionCase) String() string {
	return fmt.Sprintf("head=%d samples=%d keys=%d d=%d whole=%v", c.head, c.samples, c.keys,
		c.opts.Width, c.opts.Whole)
}

var attentionCases = []attentionCase{
	{1, 40, 3, AttentionOptions{Width: 1}},
	{1, 300, 300, AttentionOptions{Whole: true}},
	{3, 1, 2, AttentionOptions{}},
	{8, 500, 256, AttentionOptions{Width: 8}},
	{32, 290, 255, AttentionOptions{}},
	{32, 600, 600, AttentionOptions{Width: 2}},
	{32, 290, 257, AttentionOptions{Width: 5}},
	{33, 300, 1, AttentionOptions{Width: 3}},
	{64, 300, 513, AttentionOptions{Width: 7}},
	{64, 290, 1000, AttentionOptions{Whole: true}},
	{256, 300, 70, AttentionOptions{Width: 8}},
	{256, 290, 300, AttentionOptions{Width: 2}},
	{200, 290, 30, AttentionOptions{Whole: true}},
}

// attentionShapes are the cases, without the largest ones in a short run.
func attentionShapes() []attentionCase {
	if !testing.Short() {
		return attentionCases
	}
	return slices.DeleteFunc(slices.Clone(attentionCases),
		func(c attentionCase) bool { return c.head*c.keys > 1<<12 || c.samples > 300 })
}

// naive is what a score has to be, to the bit: the products of bytes summed up as integers, and
// rounded to 16 bits as kernels.BuildTables says. off is what it may differ from the product of
// query and key.
type naive struct {
	a     *Attention
	q     []int8
	scale float32 // x is about scale * q, for x a query times inverse
	sums  [][]int32
	f     float32
	slack float64 // how far a value of x may be from scale * q
}

func newNaive(t *testing.T, a *Attention, x []float32) *naive {
	scalar, err := kernels.Limited("scalar")
	if err != nil {
		t.Fatal(err)
	}
	n := &naive{a: a, q: make([]int8, a.head)}
	scales := make([]float32, 1)
	if !scalar.Quantize(n.q, scales, x, a.head) {
		t.Fatal("a query that is not finite")
	}
	n.scale = scales[0]
	n.slack = float64(n.scale) * (0.5 + 127*4*ulp)
	total := 0.0
	for s := range a.segments {
		sums, top := make([]int32, kernels.Centroids), int32(0)
		for k := range sums {
			for j := s * a.width; j < min((s+1)*a.width, a.head); j++ {
				b := a.centroids[a.centroidAt(s, k, j-s*a.width)]
				sums[k] += (int32(b) - a.zeros[j]) * int32(n.q[j])
			}
			top = max(top, sums[k], -sums[k])
		}
		n.sums = append(n.sums, sums)
		total += float64(top)
	}
	n.f = 1
	if most := float64(32767 - a.segments); total > most {
		n.f = float32(most) / float32(total)
	}
	return n
}

// score returns that of a key of these codes, and how far from the exact one it may be for rounding
// the query and the tables, for the key itself.
func (n *naive) score(codes []byte, key []float32) (score float32, off float64) {
	var sum int32
	for s, code := range codes {
		sum += int32(math.RoundToEven(float64(float32(n.sums[s][code]) * n.f)))
	}
	tables := n.scale * n.a.step / n.f
	score = tables * float32(sum)
	size := 0.0
	for j, v := range key {
		inner := math.Abs(float64(v) * float64(n.a.scale[j]))
		off += inner * n.slack
		size += inner * (math.Abs(float64(n.scale)*float64(n.q[j])) + n.slack)
	}
	off += 0.502 * float64(len(codes)) * float64(tables)
	return score, off + 16*ulp*size
}

func (c *KeyCache) codesOf(i int) (codes []byte) {
	for s := range c.a.segments {
		codes = append(codes, c.codes[c.codeAt(i, s)])
	}
	return codes
}

// TestAttentionScores compares scores with what they are made of, bit for bit, and with the product
// of query and key.
func TestAttentionScores(t *testing.T) {
	for _, tc := range attentionShapes() {
		t.Run(tc.String(), func(t *testing.T) {
			keys, queries := drawHead(1, tc.head, tc.samples)
			a := train(t, tc.head, keys, queries, tc.opts)
			keys, queries = drawHead(2, tc.head, tc.keys)
			queries = queries[:min(3*tc.head, len(queries))]
			c := cacheOf(t, a, keys)
			got := scoresOf(t, c, queries)
			key, x := make([]float32, tc.head), make([]float32, tc.head)
			for i := range len(queries) / tc.head {
				query := queries[i*tc.head:][:tc.head]
				if tc.opts.Whole {
					query = nearestQuery(a, query)
				}
				for j, v := range query {
					x[j] = v * a.inverse[j]
				}
				n := newNaive(t, a, x)
				for k := range tc.keys {
					c.Key(key, k)
					exact := 0.0
					for j, v := range key {
						exact += float64(query[j]) * float64(v)
					}
					want, off := n.score(c.codesOf(k), key)
					score := got[i*tc.keys+k]
					if score != want && !tc.opts.Whole {
						t.Fatalf("query %d, key %d: %v, want %v", i, k, score, want)
					}
					if math.Abs(float64(score)-exact) > off {
						t.Fatalf("query %d, key %d: %v is not within %v of %v", i, k, score, off,
							exact)
					}
				}
			}
		})
	}
}

// nearestQuery returns the centroid that is nearest to a query in the columns' scales.
func nearestQuery(a *Attention, query []float32) []float32 {
	t, best, rows := a.queries, math.Inf(1), a.set.UpdateRows()
	centroid, nearest := make([]float32, a.head), make([]float32, a.head)
	for k := range kernels.Centroids {
		distance := 0.0
		for j, v := range query {
			c := t.codebook.panels[(k/rows*a.head+j)*rows+k%rows]
			off := float64(v)*float64(t.scale[j]) - float64(c)
			distance += off * off
			centroid[j] = c / t.scale[j]
		}
		if distance < best {
			best = distance
			copy(nearest, centroid)
		}
	}
	return nearest
}

// TestAttentionIsTheSameOnEveryTier trains, appends and scores, all keys at once and one by one,
// with all kernels and several threads.
func TestAttentionIsTheSameOnEveryTier(t *testing.T) {
	for _, tc := range attentionShapes() {
		keys, queries := drawHead(1, tc.head, tc.samples)
		more, asked := drawHead(2, tc.head, tc.keys)
		want := scoresOf(t, cacheOf(t, train(t, tc.head, keys, queries, tc.opts), more),
			asked[:tc.head])
		for _, threads := range []int{1, 3} {
			opts := tc.opts
			opts.Threads = threads
			got := scoresOf(t, cacheOf(t, train(t, tc.head, keys, queries, opts), more),
				asked[:tc.head])
			if !slices.Equal(got, want) {
				t.Errorf("%v: others with %d threads", tc, threads)
			}
		}
		for _, set := range samples.Sets() {
			opts := tc.opts
			opts.Kernels = set
			c := train(t, tc.head, keys, queries, opts).NewCache()
			for at := 0; at < len(more); at += tc.head {
				if err := c.Append(more[at:][:tc.head]); err != nil {
					t.Fatal(err)
				}
			}
			if c.Len() != tc.keys {
				t.Errorf("%v: %d keys", tc, c.Len())
			}
			if got := scoresOf(t, c, asked[:tc.head]); !slices.Equal(got, want) {
				t.Errorf("%v: others on %s, appended one by one", tc, set.Tier("table"))
			}
		}
	}
}

// TestAttentionParts: what is made of the parts of an Attention, with any kernels, is the same.
func TestAttentionParts(t *testing.T) {
	for _, tc := range attentionShapes() {
		keys, queries := drawHead(1, tc.head, tc.samples)
		a := train(t, tc.head, keys, queries, tc.opts)
		more, asked := drawHead(2, tc.head, tc.keys)
		want := scoresOf(t, cacheOf(t, a, more), asked[:tc.head])
		for _, set := range samples.Sets() {
			b, err := NewAttention(a.Parts(), set)
			if err != nil {
				t.Fatalf("%v: %v", tc, err)
			}
			if got := scoresOf(t, cacheOf(t, b, more), asked[:tc.head]); !slices.Equal(got, want) {
				t.Errorf("%v: others on %s", tc, set.Tier("table"))
			}
			if b.BitsResident() != a.BitsResident() || !reflect.DeepEqual(b.Parts(), a.Parts()) {
				t.Errorf("%v: other parts", tc)
			}
		}
	}
}

func TestBadAttentionParts(t *testing.T) {
	const head = 6
	keys, queries := drawHead(1, head, 300)
	for _, whole := range []bool{false, true} {
		a := train(t, head, keys, queries, AttentionOptions{Whole: whole})
		for _, tc := range []struct {
			change func(p *AttentionParts)
			want   string
		}{
			{func(p *AttentionParts) { p.Scales = nil }, "head of 0 columns"},
			{func(p *AttentionParts) { p.Scales = make([]float32, 257) }, "head of 257 columns"},
			{func(p *AttentionParts) { p.Width = 0 }, "segments of 0 columns"},
			{func(p *AttentionParts) { p.Width = 9 }, "segments of 9 columns"},
			{func(p *AttentionParts) { p.Width = 5 }, "centroids has "},
			{func(p *AttentionParts) { p.Centroids = p.Centroids[1:] }, "centroids has "},
			{func(p *AttentionParts) { p.Zeros = p.Zeros[1:] }, "zero points has 5 values, wanted 6"},
			{func(p *AttentionParts) { p.Zeros[3] = math.MinInt32 }, "zero point 3 is -2147483648"},
			{func(p *AttentionParts) { p.Zeros[3] = zeroLimit + 256 }, "zero point 3 is 16640"},
			{func(p *AttentionParts) { p.Scales[2] = 0 }, "scale 2 is 0"},
			{func(p *AttentionParts) { p.Scales[2] = math.SmallestNonzeroFloat32 }, "scale 2 is 1e-45"},
			{func(p *AttentionParts) { p.Scales[2] = float32(math.NaN()) }, "scale 2 is NaN"},
			{func(p *AttentionParts) { p.Step = float32(math.Inf(1)) }, "step 0 is +Inf"},
			{func(p *AttentionParts) { p.Queries = make([]float32, 9) },
				"centroids of queries has 9 values"},
			{func(p *AttentionParts) { p.QueryScales = make([]float32, 9) },
				"scales of queries has 9 values"},
			{func(p *AttentionParts) {
				p.Queries, p.QueryScales = slices.Clone(queries[:256*head]), make([]float32, head)
			}, "scale of queries 0 is 0"},
			{func(p *AttentionParts) {
				p.Queries = slices.Clone(queries[:256*head])
				p.QueryScales = slices.Repeat([]float32{1}, head)
				p.Queries[7] = float32(math.NaN())
			}, "centroid of queries 7 is NaN"},
		} {
			p := a.Parts()
			p.Scales, p.Zeros = slices.Clone(p.Scales), slices.Clone(p.Zeros)
			tc.change(&p)
			if _, err := NewAttention(p, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("whole %v: %v, want %q", whole, err, tc.want)
			}
		}
	}
	// What passes gives scores, whatever it is.
	p := train(t, head, keys, queries, AttentionOptions{Whole: true}).Parts()
	for j := range head {
		p.Scales[j], p.QueryScales[j], p.Zeros[j] = 0x1p-126, 0x1p-126, -zeroLimit
	}
	p.Step = math.MaxFloat32
	a, err := NewAttention(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	scoresOf(t, cacheOf(t, a, keys), queries)
}

// TestKeysAreTheNearest: no other centroid is nearer to a segment, in the scales of the columns.
func TestKeysAreTheNearest(t *testing.T) {
	for _, tc := range attentionShapes() {
		keys, queries := drawHead(1, tc.head, tc.samples)
		a := train(t, tc.head, keys, queries, tc.opts)
		keys, _ = drawHead(2, tc.head, min(tc.keys, 50))
		c := cacheOf(t, a, keys)
		for i := range c.Len() {
			for s, code := range c.codesOf(i) {
				distance := func(k int) (sum float64) {
					for j := s * a.width; j < min((s+1)*a.width, tc.head); j++ {
						b := a.centroids[a.centroidAt(s, k, j-s*a.width)]
						off := float64(keys[i*tc.head+j])*float64(a.scale[j]) -
							float64(a.step)*float64(int32(b)-a.zeros[j])
						sum += off * off
					}
					return sum
				}
				got := distance(int(code))
				for k := range kernels.Centroids {
					if d := distance(k); d < got-1e-5*(1+got) {
						t.Fatalf("%v: key %d, segment %d: centroid %d at %v, but %d at %v", tc, i,
							s, code, got, k, d)
					}
				}
			}
		}
	}
}

// relativeError is that of scores of new keys and queries beside exact ones, their mean over the
// keys taken off, which does not matter to attention.
func relativeError(t *testing.T, a *Attention, keys, queries []float32) float64 {
	t.Helper()
	c := cacheOf(t, a, keys)
	got := scoresOf(t, c, queries)
	var noise, signal float64
	for i := range len(queries) / a.head {
		exact, mean, meanOff := make([]float64, c.n), 0.0, 0.0
		for k := range exact {
			for j := range a.head {
				exact[k] += float64(queries[i*a.head+j]) * float64(keys[k*a.head+j])
			}
			mean += exact[k] / float64(c.n)
			meanOff += (float64(got[i*c.n+k]) - exact[k]) / float64(c.n)
		}
		for k, v := range exact {
			off := float64(got[i*c.n+k]) - v - meanOff
			noise += off * off
			signal += (v - mean) * (v - mean)
		}
	}
	return math.Sqrt(noise / signal)
}

// TestAttentionError holds what independent Gaussian columns cost, one of which matters by its
// queries alone, and that keys far from 0 and values of any size cost no more.
func TestAttentionError(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on many samples; every tier trains alike")
	}
	const n = 2000
	for _, tc := range []struct {
		head int
		opts AttentionOptions
		most float64
	}{
		{32, AttentionOptions{Width: 1}, 0.03},
		{32, AttentionOptions{Width: 2}, 0.11},
		{32, AttentionOptions{}, 0.35},
		{32, AttentionOptions{Width: 8}, 0.61},
		{6, AttentionOptions{Whole: true}, 0.7}, // too few centroids for many such columns
	} {
		for _, change := range []struct {
			name       string
			key, query func(v float32, j int) float32
		}{
			{"as drawn", nil, nil},
			{"far from 0", func(v float32, j int) float32 { return v + 10*float32(j%5) }, nil},
			{"huge", func(v float32, j int) float32 { return v * 0x1p110 },
				func(v float32, j int) float32 { return v * 0x1p-110 }},
			{"huge keys", func(v float32, j int) float32 { return v * 0x1p110 }, nil},
			{"tiny", func(v float32, j int) float32 { return v * 0x1p-110 },
				func(v float32, j int) float32 { return v * 0x1p100 }},
		} {
			if change.name != "as drawn" && tc.opts.Width > 1 {
				continue
			}
			head := tc.head
			draw := func(seed uint64, n int) (keys, queries []float32) {
				keys, queries = samples.Gaussian(seed, n*head), samples.Gaussian(seed+1, n*head)
				for i := range keys {
					if i%head == 5 {
						keys[i], queries[i] = keys[i]/50, queries[i]*50
					}
					if change.key != nil {
						keys[i] = change.key(keys[i], i%head)
					}
					if change.query != nil {
						queries[i] = change.query(queries[i], i%head)
					}
				}
				return keys, queries
			}
			keys, queries := draw(1, n)
			a := train(t, head, keys, queries, tc.opts)
			keys, queries = draw(3, 300)
			got := relativeError(t, a, keys, queries[:40*head])
			t.Logf("d=%d whole=%v, %s: error %.4f", tc.opts.Width, tc.opts.Whole, change.name, got)
			if !(got <= tc.most) {
				t.Errorf("d=%d whole=%v, %s: error %.4f, want at most %v", tc.opts.Width,
					tc.opts.Whole, change.name, got, tc.most)
			}
		}
	}
}

// TestHeavyQueries: a few values far larger than the rest do not drown these.
func TestHeavyQueries(t *testing.T) {
	const head = 256
	keys, queries := drawHead(1, head, 300)
	a := train(t, head, keys, queries, AttentionOptions{Width: 8})
	c := cacheOf(t, a, keys[:300*head])
	query := slices.Clone(queries[:head])
	query[5] *= 1000
	got := scoresOf(t, c, query)
	key := make([]float32, head)
	var noise, signal float64
	for k, score := range got {
		c.Key(key, k)
		exact := 0.0
		for j, v := range key {
			exact += float64(v) * float64(query[j])
		}
		rest := exact - float64(key[5])*float64(query[5]) // what would be lost
		signal += rest * rest
		noise += (float64(score) - exact) * (float64(score) - exact)
	}
	if off := math.Sqrt(noise / signal); !(off < 0.1) {
		t.Errorf("the other columns are %.3f off", off)
	}
}

// TestFewSamples: keys that all samples have come back as they were, but for rounding to bytes.
func TestFewSamples(t *testing.T) {
	const head = 8
	for _, keys := range [][]float32{
		make([]float32, head),
		slices.Repeat([]float32{5}, 3*head),
		slices.Repeat([]float32{math.MaxFloat32}, head),
		slices.Repeat([]float32{math.SmallestNonzeroFloat32}, head),
		samples.Gaussian(1, 100*head),
	} {
		a := train(t, head, keys, nil, AttentionOptions{})
		c := cacheOf(t, a, keys)
		key, top := make([]float32, head), 0.0
		for _, v := range keys {
			top = max(top, math.Abs(float64(v)))
		}
		for i := range c.Len() {
			c.Key(key, i)
			for j, v := range key {
				if want := keys[i*head+j]; math.Abs(float64(v)-float64(want)) > top/100 {
					t.Errorf("key %d, column %d: %v, want %v", i, j, v, want)
				}
			}
		}
	}
}

func TestTruncate(t *testing.T) {
	const head = 8
	keys, queries := drawHead(1, head, 600)
	a := train(t, head, keys, queries, AttentionOptions{})
	c := cacheOf(t, a, keys)
	c.Truncate(1000)
	c.Truncate(300)
	if err := c.Append(keys[500*head : 510*head]); err != nil {
		t.Fatal(err)
	}
	want := cacheOf(t, a, slices.Concat(keys[:300*head], keys[500*head:510*head]))
	if c.Len() != 310 || !slices.Equal(scoresOf(t, c, queries[:head]), scoresOf(t, want,
		queries[:head])) {
		t.Errorf("%d keys, or other ones", c.Len())
	}
	c.Truncate(0)
	if got := scoresOf(t, c, queries[:head]); len(got) != 0 {
		t.Errorf("%d scores of no keys", len(got))
	}
}

func TestAttentionErrors(t *testing.T) {
	const head = 4
	keys, queries := drawHead(1, head, 20)
	nan := slices.Clone(keys)
	nan[9] = float32(math.NaN())
	inf := slices.Clone(keys)
	inf[3] = float32(math.Inf(-1))
	for _, tc := range []struct {
		name          string
		head          int
		keys, queries []float32
		opts          AttentionOptions
		want          string
	}{
		{"no columns", 0, keys, queries, AttentionOptions{}, "0 columns"},
		{"too many columns", 257, keys, queries, AttentionOptions{}, "257 columns"},
		{"segments too wide", head, keys, queries, AttentionOptions{Width: 9}, "9 columns"},
		{"segments of less than none", head, keys, queries, AttentionOptions{Width: -1}, "-1 col"},
		{"segments of whole keys", head, keys, queries, AttentionOptions{Width: 4, Whole: true},
			"whole"},
		{"no keys", head, nil, queries, AttentionOptions{}, "key samples has 0 values, wanted 4"},
		{"part of a key", head, keys[:7], queries, AttentionOptions{},
			"key samples has 7 values, wanted 4"},
		{"part of a query", head, keys, queries[:5], AttentionOptions{},
			"query samples has 5 values, wanted 4"},
		{"no queries", head, keys, nil, AttentionOptions{Whole: true},
			"query samples has 0 values, wanted 4"},
		{"NaN in a key", head, nan, queries, AttentionOptions{}, "key value 9 is NaN"},
		{"infinity in a query", head, keys, inf, AttentionOptions{}, "query value 3 is -Inf"},
	} {
		_, err := TrainAttention(t.Context(), tc.head, tc.keys, tc.queries, tc.opts)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	a := train(t, head, keys, queries, AttentionOptions{})
	c := cacheOf(t, a, keys)
	want := scoresOf(t, c, queries)
	var shape *ShapeError
	var notFinite *NotFiniteError
	dst := make([]float32, 20)
	for name, got := range map[string]struct {
		err  error
		kind any
	}{
		"part of a key":         {c.Append(keys[:5]), &shape},
		"NaN in a key":          {c.Append(nan), &notFinite},
		"part of a query":       {c.Scores(dst, queries[:5]), &shape},
		"too few scores":        {c.Scores(dst[:19], queries[:head]), &shape},
		"infinity in a query":   {c.Scores(dst, inf[:head]), &notFinite},
		"an infinite key, last": {c.Append(slices.Concat(keys, inf[:head])), &notFinite},
	} {
		if !errors.As(got.err, got.kind) {
			t.Errorf("%s: %v", name, got.err)
		}
	}
	if got := scoresOf(t, c, queries); !slices.Equal(got, want) {
		t.Error("other scores after errors")
	}
	// Values that are no samples of what was trained with: some score, and no fault.
	for _, v := range []float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32} {
		extreme := slices.Repeat([]float32{v}, head)
		if err := c.Append(extreme); err != nil {
			t.Error(err)
		}
		for _, score := range scoresOf(t, c, extreme) {
			if score != score {
				t.Errorf("NaN for a query of %v", v)
			}
		}
	}
}

func TestAttentionAllocations(t *testing.T) {
	if samples.Race {
		t.Skip("the race detector empties pools")
	}
	for _, tc := range attentionShapes() {
		keys, queries := drawHead(1, tc.head, max(tc.samples, tc.keys))
		a := train(t, tc.head, keys, queries, tc.opts)
		c := cacheOf(t, a, keys[:tc.keys*tc.head])
		query, dst := queries[:tc.head], make([]float32, tc.keys)
		if n := testing.AllocsPerRun(20, func() {
			if err := c.Scores(dst, query); err != nil {
				t.Fatal(err)
			}
			c.Truncate(tc.keys - 1)
			if err := c.Append(keys[:tc.head]); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: %v allocations a call", tc, n)
		}
	}
}

// TestScoresAtTheSameTime is for the race detector.
func TestScoresAtTheSameTime(t *testing.T) {
	const head, n = 32, 700
	for _, opts := range []AttentionOptions{{}, {Whole: true}} {
		keys, queries := drawHead(1, head, n)
		a := train(t, head, keys, queries, opts)
		c := cacheOf(t, a, keys)
		want := scoresOf(t, c, queries[:8*head])
		var workers sync.WaitGroup
		for i := range 8 {
			workers.Go(func() {
				other, key := cacheOf(t, a, keys[:3*head]), make([]float32, head)
				for range 20 {
					dst := make([]float32, n)
					if err := c.Scores(dst, queries[i*head:][:head]); err != nil ||
						!slices.Equal(dst, want[i*n:][:n]) {
						t.Errorf("query %d: other scores (%v)", i, err)
					}
					c.Key(key, i)
					if err := other.Append(key); err != nil {
						t.Error(err)
					}
				}
			})
		}
		workers.Wait()
	}
}

// fastest returns the least time of each function, in nanoseconds, of many rounds in which they
// take turns: so what else a machine does falls on none alone.
func fastest(rounds int, fs []func()) []float64 {
	least := slices.Repeat([]float64{math.Inf(1)}, len(fs))
	for range rounds {
		for i, f := range fs {
			start := time.Now()
			f()
			f()
			least[i] = min(least[i], float64(time.Since(start).Nanoseconds())/2)
		}
	}
	return least
}

// TestScoreTimes holds what scores take beside dense float32 products, with PALETTIZE_TIMES set, on
// a CPU that looks 256 entries up in registers.
func TestScoreTimes(t *testing.T) {
	if os.Getenv("PALETTIZE_TIMES") == "" {
		t.Skip("set PALETTIZE_TIMES=1 to measure")
	}
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	ways := []struct {
		name string
		opts AttentionOptions
		goal float64 // times as fast as dense, for 8192 keys
	}{
		{"d = 2", AttentionOptions{Width: 2}, 0},
		{"d = 4", AttentionOptions{}, 4},
		{"d = 8", AttentionOptions{Width: 8}, 0},
		{"whole", AttentionOptions{Whole: true}, 10},
	}
	for _, head := range []int{32, 64} {
		var caches []*KeyCache
		for _, n := range []int{128, 1024, 8192} {
			keys, queries := drawHead(1, head, n)
			dst := make([]float32, n)
			fs := []func(){func() { set.DenseVec(dst, keys, queries[:head]) }}
			caches = nil
			for _, w := range ways {
				some := min(n, 1000) * head
				c := cacheOf(t, train(t, head, keys[:some], queries[:some], w.opts), keys)
				caches = append(caches, c)
				fs = append(fs, func() {
					if err := c.Scores(dst, queries[:head]); err != nil {
						t.Fatal(err)
					}
				})
			}
			least := fastest(3000, fs)
			t.Logf("times of %d keys | %d |%s", n, head, microseconds(least))
			for i, w := range ways {
				times := least[0] / least[i+1]
				if n == 8192 && set.Tier("table") == "avx512vbmi" && times < w.goal {
					t.Errorf("head of %d, %s: %.1f times as fast as dense, want %v", head, w.name,
						times, w.goal)
				}
			}
		}
		key, _ := drawHead(2, head, 1)
		copied := make([]float32, head)
		fs := []func(){func() { copy(copied, key) }}
		for _, c := range caches {
			fs = append(fs, func() {
				c.Truncate(c.Len() - 1)
				if err := c.Append(key); err != nil {
					t.Fatal(err)
				}
			})
		}
		t.Logf("time to append | %d |%s", head, microseconds(fastest(3000, fs)))
	}
}

func microseconds(least []float64) (line string) {
	for _, v := range least {
		line += fmt.Sprintf(" %.2f", v/1000)
	}
	return line
}

// BenchmarkAppend adds one key after the other.
func BenchmarkAppend(b *testing.B) {
	const n = 1024
	for _, head := range []int{32, 64} {
		keys, queries := drawHead(1, head, n)
		for _, opts := range []AttentionOptions{{Width: 2}, {}, {Width: 8}, {Whole: true}} {
			c := train(b, head, keys, queries, opts).NewCache()
			name := fmt.Sprintf("head=%d/d=%d", head, c.a.width)
			b.Run(name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if i%n == 0 {
						c.Truncate(0)
					}
					if err := c.Append(keys[i%n*head:][:head]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
