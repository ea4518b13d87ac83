package compress

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// small is a model of one matrix that no codebook makes smaller.
func small(dtype string, values []float32) *memory.Model {
	m := new(memory.Model)
	m.Add("w", dtype, values, 4, len(values)/4)
	width := map[string]int{"F64": 8, "F32": 4, "F16": 2, "BF16": 2}[dtype]
	m.All[0].Bytes = int64(width * len(values))
	return m
}

// TestNarrows: what no codebook makes smaller is kept as F16 where nobody sees that, else bit for
// bit.
func TestNarrows(t *testing.T) {
	with := func(change func(w []float32)) []float32 {
		w := samples.Gaussian(1, 4*16)
		change(w)
		return w
	}
	times := func(by float32) []float32 {
		return with(func(w []float32) {
			for i := range w {
				w[i] *= by
			}
		})
	}
	ordinary := samples.Gaussian(1, 4*16)
	for _, c := range []struct {
		name, dtype string
		values      []float32
		opts        Options
		narrowed    bool
	}{
		{"ordinary weights", "F32", ordinary, Options{}, true},
		{"ordinary weights of F64", "F64", ordinary, Options{}, true},
		{"what is F16 already", "F16", ordinary, Options{}, false},
		{"what is BF16", "BF16", ordinary, Options{}, false},
		{"small weights", "F32", times(0.001), Options{}, true},
		{"weights below F16", "F32", times(1e-9), Options{}, false},
		{"weights beyond F16", "F32", times(1e6), Options{}, false},
		{"zeros", "F32", make([]float32, 64), Options{}, true},
		{"a zero row", "F32", with(func(w []float32) { clear(w[16:32]) }), Options{}, true},
		{"one tiny weight in a row", "F32", with(func(w []float32) { w[17] = 1e-9 }), Options{},
			true},
		{"a row of tiny weights", "F32", with(func(w []float32) {
			for i := range w[16:32] {
				w[16+i] *= 1e-7
			}
		}), Options{}, false},
		{"the largest of F16", "F32", with(func(w []float32) { w[40] = 65504 }), Options{}, true},
		{"a weight beyond", "F32", with(func(w []float32) { w[40] = 65505 }), Options{}, false},
		{"a NaN", "F32", with(func(w []float32) { w[40] = float32(math.NaN()) }), Options{}, false},
		{"an infinity", "F32", with(func(w []float32) { w[40] = float32(math.Inf(-1)) }), Options{},
			false},
		{"F64 beyond float32", "F64", with(func(w []float32) { w[40] = math.MaxFloat32 }),
			Options{},
			false},
		{"a mask", "F32", with(func(w []float32) {
			for i := range w {
				w[i] = float32(i % 2)
			}
		}), Options{}, false},
		{"a mask of F16", "F32", with(func(w []float32) { w[3] = -65504 }), Options{}, false},
		{"positions", "F32", with(func(w []float32) {
			for i := range w {
				w[i] = float32(i % 16)
			}
		}), Options{}, false},
		{"excluded weights", "F32", ordinary, Options{Exclude: []string{"w"}}, false},
		{"less error than F16 has", "F32", ordinary, Options{Settings: Settings{MaxError: 1e-4}},
			false},
		{"more error than F16 has", "F32", ordinary, Options{Settings: Settings{MaxError: 1e-3}},
			true},
		{"many bits", "F32", ordinary, Options{Settings: Settings{Bits: 9}}, true},
		{"as many for each", "F32", ordinary, Options{Settings: Settings{Each: true}}, true},
		{"for memory", "F32", ordinary, Options{Settings: Settings{For: ForMemory}}, true},
		{"a transpose", "F32", ordinary, Options{Transposed: []string{"w"}}, true},
		{"another scheme", "F32", ordinary, Options{Settings: Settings{Scheme: Schemes()[3]}},
			true},
		{"too few columns for the scheme", "F32", ordinary,
			Options{Settings: Settings{Scheme: codebook.Scheme{Name: "segments", Width: 16,
				K: 256}}}, false},
	} {
		src, dst := small(c.dtype, c.values), new(memory.Model)
		report, err := Compress(context.Background(), dst, src, c.opts)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		e := report.Entries[0]
		if e.Layer != nil || e.Narrowed != c.narrowed || len(dst.Halves) == len(dst.Passed) {
			t.Errorf("%s: %+v; kept as F16 %v, passed through %v", c.name, e, dst.Halves,
				dst.Passed)
		}
		said := strings.HasSuffix(e.Reason, ": kept as F16, 128 bytes")
		if said != c.narrowed || said != (e.Bytes == 128) {
			t.Errorf("%s: reason %q, %d bytes", c.name, e.Reason, e.Bytes)
		}
	}
}

// TestNarrowedColumns: rows are those of the matrix, so of the transpose where that is one.
func TestNarrowedColumns(t *testing.T) {
	w := samples.Gaussian(1, 4*16)
	for i := range w {
		if i%16 == 5 {
			w[i] *= 1e-7
		}
	}
	for _, transposed := range [][]string{nil, {"w"}} {
		report, _ := compress(t, small("F32", w), Options{Transposed: transposed})
		if got := report.Entries[0].Narrowed; got != (transposed == nil) {
			t.Errorf("transposed %v: kept as F16 %v", transposed, got)
		}
	}
}

// TestNarrowedBesideCodebook: a codebook that is smaller than the tensor gives way to F16 where
// that is smaller still.
func TestNarrowedBesideCodebook(t *testing.T) {
	for _, c := range []struct {
		dtype    string
		size     float32
		narrowed bool
	}{{"F32", 1, true}, {"F64", 1, true}, {"F32", 1e-9, false}, {"F64", 1e-9, false}} {
		const weights = 240 // at 4 bits about 620 bytes, 580 as F16
		report, dst := compress(t, small(c.dtype, scaled(1, weights, c.size)), Options{})
		e := report.Entries[0]
		if e.Narrowed != c.narrowed || (e.Layer == nil) != c.narrowed ||
			len(dst.Halves)+len(dst.Layers) != 1 {
			t.Errorf("%+v: %+v", c, e)
		}
	}
}

// wordy is a sink that takes as many bytes to say that a tensor is kept as F16 as that saves.
type wordy struct{ memory.Model }

func (*wordy) HalfOverhead(t codebook.Tensor) int64 { return t.Bytes - t.Half().Bytes }

func TestNarrowedIsSmaller(t *testing.T) {
	dst := new(wordy)
	report, err := Compress(context.Background(), dst, small("F32", samples.Gaussian(1, 64)),
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := report.Entries[0]; e.Narrowed || !slices.Equal(dst.Passed, []string{"w"}) {
		t.Errorf("%+v", e)
	}
}

// TestNarrowedContender: at the highest rates a matrix without a layer counts 16 bits a weight
// where it may be kept as F16, and a plan says so to who follows it.
func TestNarrowedContender(t *testing.T) {
	for limit, narrowed := range map[float64]bool{1e-4: false, 6e-4: true} {
		opts := Options{Settings: Settings{MaxError: limit}}
		src := new(memory.Model)
		src.Add("w", "F32", samples.Gaussian(1, 64*64), 64, 64)
		a, err := Allocate(context.Background(), new(memory.Model), src, opts)
		if err != nil {
			t.Fatal(err)
		}
		m, bits := a.Matrices[0], 32.0
		if narrowed {
			bits = 16 + 8*entryBytes/4096.
		}
		if m.Scheme != unchanged || m.Bits != bits || m.Cap != 0 || a.validate() != nil {
			t.Errorf("at most %v: %+v", limit, m)
		}
		for _, o := range []Options{opts, {Allocation: a}} {
			report, dst := compress(t, src, o)
			if e := report.Entries[0]; e.Narrowed != narrowed ||
				len(dst.Halves)+len(dst.Passed) != 1 ||
				!strings.HasPrefix(e.Reason,
					"no layer of fewer bytes leaves as little error as is asked for") {
				t.Errorf("at most %v, planned %v: %+v", limit, o.Allocation != nil, e)
			}
		}
	}
}
