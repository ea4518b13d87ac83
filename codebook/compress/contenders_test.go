package compress

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// layersOf returns the error of the layers of a report together, and the bits a weight of these and
// of what is kept as F16.
func layersOf(r *Report, dst *memory.Model) (d codebook.Distortion, bits float64) {
	weights := 0.0
	for _, e := range r.Entries {
		d.Merge(e.Distortion)
		weights += float64(e.Tensor.Elements())
		if e.Narrowed {
			bits += float64(8 * e.Bytes)
			continue
		}
		bits += float64(dst.Layers[e.Tensor.Name].BytesStored() * 8)
	}
	return d, bits / weights
}

func twoMatrices() *memory.Model {
	m := new(memory.Model)
	m.Add("wide", "F32", samples.Gaussian(1, 256*512), 256, 512)
	m.Add("tall", "F32", samples.Gaussian(2, 768*128), 768, 128)
	return m
}

func TestCompressForSpeed(t *testing.T) {
	long(t)
	for _, limit := range []float64{0.03, 0.08, 0.2, 0.6} {
		dst := new(memory.Model)
		report, err := Compress(context.Background(), dst, twoMatrices(),
			Options{Settings: Settings{MaxError: limit, For: ForSpeed}})
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := layersOf(report, dst); d.Relative() > limit {
			t.Errorf("error %.4f, asked for %v", d.Relative(), limit)
		}
		for _, e := range report.Entries {
			if fast := e.Layer.Name != "trellis"; fast != (limit > 0.07) {
				t.Errorf("error of %v: %s has scheme %s", limit, e.Tensor.Name, e.Layer.Name)
			}
		}
	}
}

// TestCompressKeepsErrors: contenders are tried on a sample, which can have less error than the
// whole. One that leaves more than its cap on the whole gives way.
func TestCompressKeepsErrors(t *testing.T) {
	const rows, cols = 256, 128
	src := new(memory.Model)
	src.Add("w", "F32", samples.Gaussian(3, rows*cols), rows, cols)
	// 16 values leave 0.096.
	for limit, want := range map[float64]string{0.1: "scalar", 0.09: "trellis"} {
		allocation := &Allocation{Matrices: []Allotted{{
			Tensor: "w", Weights: rows * cols,
			Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 16}, Bytes: rows * cols / 2,
			Cap: limit,
		}}}
		report, err := Compress(context.Background(), new(memory.Model), src,
			Options{Allocation: allocation})
		if err != nil {
			t.Fatal(err)
		}
		e := report.Entries[0]
		if r := e.Distortion.Relative(); r > limit || e.Layer.Name != want {
			t.Errorf("at most %v: error %.4f of scheme %s, want %s", limit, r, e.Layer.Name, want)
		}
	}
}

func TestCompressForMemory(t *testing.T) {
	long(t)
	for _, bits := range []float64{2.5, 4, 4.2, 6} {
		dst := new(memory.Model)
		report, err := Compress(context.Background(), dst, twoMatrices(),
			Options{Settings: Settings{Bits: bits, For: ForMemory}})
		if err != nil {
			t.Fatal(err)
		}
		// What stands beside the windows is on top.
		if _, took := layersOf(report, dst); took > bits+0.2 || bits == 4 && took < 4 {
			t.Errorf("%.3f bits, asked for %v", took, bits)
		}
		for _, e := range report.Entries {
			if e.Layer.WindowBits == 0 {
				t.Errorf("%v bits: %s has scheme %+v, which needs more memory for the error than windows",
					bits, e.Tensor.Name, *e.Layer)
			}
		}
	}
	_, err := Compress(context.Background(), new(memory.Model), twoMatrices(),
		Options{Settings: Settings{Bits: 0.5, For: ForMemory}})
	const want = "0.5 bits a weight cannot be met: what comes nearest takes 1"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("half a bit for memory: %v", err)
	}
}

// TestWrittenOut: where there are no kernels for windows, the report of a run for memory says so.
func TestWrittenOut(t *testing.T) {
	long(t)
	report, err := Compress(context.Background(), new(memory.Model), twoMatrices(),
		Options{Settings: Settings{Bits: 4, For: ForMemory}})
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range samples.Sets() {
		want := 2
		if set.Tier("mul-window") != "scalar" {
			want = 0
		}
		if got := report.WrittenOut(set); got != want {
			t.Errorf("%s: %d layers, want %d", set.Tier("mul-window"), got, want)
		}
	}
}

func TestForNeedsItsTerms(t *testing.T) {
	for want, s := range map[string]Settings{
		"for speed an error has to be given": {For: ForSpeed, Bits: 4},
		`for "money"`:                        {For: "money"},
		"where none is asked for":            {For: ForMemory, Scheme: Schemes()[1]},
	} {
		_, err := Compress(context.Background(), new(memory.Model), twoMatrices(),
			Options{Settings: s})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}

// TestElect holds the choice against all choices: its sum is least but for what one price for all
// cannot tell apart.
func TestElect(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		members := make([]*member, 4)
		for i := range members {
			members[i] = new(member)
			for range 4 {
				members[i].contenders = append(members[i].contenders,
					contender{time: random.Float64(), cost: quant.Cost{Noise: random.Float64()}})
			}
		}
		limit := 0.5 + 2*random.Float64()
		time := func(c contender) float64 { return c.time }
		noise := func(c contender) float64 { return c.cost.Noise }
		least, most, nearest := math.Inf(1), 0.0, math.Inf(1)
		for code := range 256 {
			sum, off := 0.0, 0.0
			for i, p := range members {
				c := p.contenders[code>>(2*i)&3]
				sum, off = sum+c.time, off+c.cost.Noise
				most = max(most, c.time)
			}
			if nearest = min(nearest, off); off <= limit {
				least = min(least, sum)
			}
		}
		chosen, met := elect(members, time, noise, limit)
		sum, off := 0.0, 0.0
		for _, c := range chosen {
			sum, off = sum+c.time, off+c.cost.Noise
		}
		if met != (nearest <= limit) || !met && off > nearest+1e-9 {
			t.Fatalf("limit %v, nearest %v: met %v with %v", limit, nearest, met, off)
		}
		if !met {
			continue
		}
		if off > limit || sum < least || sum > least+most {
			t.Fatalf("time %v and noise %v of %v; the least time is %v", sum, off, limit, least)
		}
	}
}
