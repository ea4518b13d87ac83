package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/kernels"
)

// trellises are the schemes that choose assignments along trellises.
func trellises() []codebook.Scheme {
	var all []codebook.Scheme
	for _, states := range []int{4, 8, 32} {
		s := Schemes()[0]
		s.States = states
		all = append(all, s)
	}
	return all
}

func TestTrellisOfAwkwardMatrices(t *testing.T) {
	normal := samples.Gaussian(1, 64*96)
	for _, m := range []struct {
		name       string
		w          []float32
		rows, cols int
	}{
		{"all zero", make([]float32, 64*96), 64, 96},
		{"all equal", samples.Fill(64*96, func(int) float32 { return -0.7 }), 64, 96},
		{"constant rows", samples.Fill(64*96, func(i int) float32 { return float32(i / 96) }), 64,
			96},
		{"constant columns", samples.Fill(64*96, func(i int) float32 { return float32(i % 96) }),
			64, 96},
		{"equal rows", samples.Fill(64*96, func(i int) float32 { return normal[i%96] }), 64, 96},
		{"one weight that is not zero",
			samples.Fill(64*96, func(i int) float32 { return float32(3 * (i / 6143)) }), 64, 96},
		{"a huge outlier", samples.Fill(64*96, func(i int) float32 {
			return normal[i] +
				1e30*float32(i/777%2*(i%777/776))
		}), 64, 96},
		{"a row of 1e30", samples.Fill(64*96, func(i int) float32 {
			return normal[i] * (1 +
				1e30*float32(i/96/63))
		}), 64, 96},
		{"huge", samples.Fill(64*96, func(i int) float32 { return normal[i] * 1e37 }), 64, 96},
		{"tiny", samples.Fill(64*96, func(i int) float32 { return normal[i] * 1e-35 }), 64, 96},
		{"two values", samples.Fill(64*96, func(i int) float32 {
			return float32(math.Copysign(1,
				float64(normal[i])))
		}), 64, 96},
		{"one column", samples.Gaussian(2, 3000), 3000, 1},
		{"one row", samples.Gaussian(3, 3000), 1, 3000},
		{"seven columns", samples.Gaussian(4, 7000), 1000, 7},
		{"eight columns", samples.Gaussian(4, 8000), 1000, 8},
		{"nine columns", samples.Gaussian(4, 9000), 1000, 9},
		{"[1, 1]", samples.Gaussian(5, 1), 1, 1},
		{"[3, 5]", samples.Gaussian(6, 15), 3, 5},
	} {
		asks := []Settings{{Bits: 4}, {Bits: 1}, {MaxError: 0.5}, {MaxError: 0.1}, {MaxError: 0.02}}
		if testing.Short() {
			asks = asks[:2]
		}
		for _, ask := range asks {
			t.Run(fmt.Sprintf("%s/%+v", m.name, ask), func(t *testing.T) {
				l, err := Build(context.Background(), m.w, m.rows, m.cols, Schemes()[0],
					Options{Settings: ask})
				if err != nil {
					// Bits may be too few for what is not levels; any error can be reached.
					if ask.Bits == 0 || len(m.w) > 3000 ||
						!strings.Contains(err.Error(), "cannot be met: what comes nearest takes ") {
						t.Fatal(err)
					}
					return
				}
				if err := l.Validate(); err != nil {
					t.Fatal(err)
				}
				memory.CheckStored(t, l)
				if bits := float64(l.BytesStored()*8) / float64(len(m.w)); ask.Bits > 0 &&
					bits > ask.Bits {
					t.Errorf("%v bits a weight", bits)
				}
				if d := l.Distortion(m.w, 1); ask.MaxError > 0 && !(d.Relative() <= ask.MaxError) ||
					!(d.Relative() <= 1.000001) {
					t.Errorf("error %v", d.Relative())
				}
			})
		}
	}
}

// TestHugeOutlier: one weight must not take the levels of all others.
func TestHugeOutlier(t *testing.T) {
	w := samples.Gaussian(1, 64*96)
	w[777] = 1e30
	l := build(t, w, 64, 96, Schemes()[0], Options{Settings: Settings{Bits: 4}})
	if row := l.Dense(); math.Abs(float64(row[777])/1e30-1) > 1./256 {
		t.Errorf("the outlier is %v", row[777])
	}
	w[777] = 0
	rest := l.Dense()
	rest[777] = 0
	var d codebook.Distortion
	d.Add(rest, w)
	if d.Relative() > 0.085 {
		t.Errorf("the other weights have an error of %v", d.Relative())
	}
}

func TestBudgetThatCannotBeMet(t *testing.T) {
	w := samples.Gaussian(1, 3000)
	for want, ask := range map[string]Settings{
		"2 bits a weight cannot be met: what comes nearest takes 5.":   {Bits: 2},
		"bits and leaves an error of 1":                                {Bits: 0.5},
		"an error of 0.0001 cannot be met: what comes nearest takes 3": {MaxError: 0.0001},
		"bits and leaves an error of 0.001":                            {MaxError: 0.001},
	} {
		_, err := Build(context.Background(), w, 3000, 1, Schemes()[0], Options{Settings: ask})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", ask, err, want)
		}
	}
}

// mixedModel has matrices whose weights differ in size, spread and shape.
func mixedModel() *memory.Model {
	m := new(memory.Model)
	m.Add("normal", "F32", samples.Gaussian(1, 384*512), 384, 512)
	wide := samples.Gaussian(2, 512*256)
	for i := range wide {
		wide[i] *= float32(math.Exp2(float64(i/256%8) - 3))
	}
	m.Add("wide", "F32", wide, 512, 256)
	peaked := samples.Gaussian(3, 300*400)
	for i, v := range peaked {
		peaked[i] = 0.02 * v * v * v
	}
	m.Add("peaked", "F32", peaked, 300, 400)
	m.Add("small", "F32", samples.Gaussian(4, 100*131), 100, 131)
	return m
}

// TestBitsAreMet holds that all layers together take what is asked for, to a thousandth and from
// below, and each its share.
func TestBitsAreMet(t *testing.T) {
	long(t)
	for _, bits := range []float64{1, 2, 3.3, 4, 5, 6} {
		m := mixedModel()
		opts := Options{Settings: Settings{Bits: bits}}
		a, err := Allocate(t.Context(), m, m, opts)
		if err != nil {
			t.Fatal(err)
		}
		opts.Allocation = a
		if _, err := Compress(t.Context(), m, m, opts); err != nil {
			t.Fatal(err)
		}
		var stored, asked, weights float64
		for _, p := range a.Matrices {
			l := m.Layers[p.Tensor]
			took := float64(l.BytesStored())
			stored += took
			asked += p.Bytes
			weights += float64(p.Weights)
			least := 0.999
			if took < 25000 { // where a few levels more or less are more than that
				least = 0.97
			}
			if took > p.Bytes || took < least*p.Bytes {
				t.Errorf("%v bits: %s takes %.0f bytes of its %.1f", bits, p.Tensor, took, p.Bytes)
			}
		}
		if most := bits * weights / 8; stored > most || stored < 0.998*most ||
			math.Abs(asked/most-1) > 1e-9 {
			t.Errorf("%v bits: %.0f bytes are taken and %.1f allotted of %.1f", bits, stored, asked,
				most)
		}
	}
}

func TestErrorsAreNotExceeded(t *testing.T) {
	limits := []float64{0.6, 0.3, 0.1, 0.03, 0.012}
	if testing.Short() {
		limits = limits[2:3]
	}
	for _, most := range limits {
		m := mixedModel()
		report, err := Compress(t.Context(), m, m, Options{Settings: Settings{MaxError: most}})
		if err != nil {
			t.Fatal(err)
		}
		var sum codebook.Distortion
		for _, e := range report.Entries {
			sum.Merge(e.Distortion)
		}
		// Matrices that take next to nothing cannot come near what they may leave.
		if got := sum.Relative(); got > most || got < 0.995*most && most <= 0.1 {
			t.Errorf("an error of %v where %v is asked for", got, most)
		}
	}
}

// TestDistanceToTheShannonBound: no quantiser of Gaussian weights has an error below 2^-bits. The
// codes of rows and columns, which such weights have no use for, are not counted.
func TestDistanceToTheShannonBound(t *testing.T) {
	long(t)
	const rows, cols = 1024, 1024
	w := samples.Gaussian(1, rows*cols)
	most := map[int]float64{4: 0.1, 8: 0.085, 32: 0.06}
	for _, s := range trellises() {
		for _, bits := range []float64{2, 2.5, 3, 3.5, 4} {
			l := build(t, w, rows, cols, s, Options{Settings: Settings{Bits: bits}})
			took := float64(l.BytesStored()*8-5*(rows+cols)) / (rows * cols)
			distance := took + math.Log2(l.Distortion(w, 2).Relative())
			t.Logf("%d states, %.4f bits: %.4f bits more than the bound", s.States, took, distance)
			if distance > most[s.States] {
				t.Errorf("%d states, %.4f bits: %.4f bits more than the bound, want at most %v",
					s.States, took, distance, most[s.States])
			}
		}
	}
}

// windowSchemes are those that store windows.
func windowSchemes() (schemes []codebook.Scheme) {
	for bits := kernels.MinWindowBits; bits <= kernels.MaxWindowBits; bits++ {
		schemes = append(schemes, windowScheme(bits))
	}
	return schemes
}

// withFront puts new outliers and column scales in front of what a layer stores.
func withFront(t testing.TB, l *codebook.Layer, outliers []codebook.Outlier,
	colScales []byte) *codebook.Layer {
	t.Helper()
	s, err := stream.Open(l.Stream, l.Rows, l.Cols)
	if err != nil {
		t.Fatal(err)
	}
	levels := l.Stream[len(s.Append(nil)):]
	s.Outliers, s.ColScales = outliers, colScales
	return &codebook.Layer{Rows: l.Rows, Cols: l.Cols, Width: 1, ZeroPoint: l.ZeroPoint,
		Scale: l.Scale, Centroids: l.Centroids, Assignments: l.Assignments,
		Outliers: outliers, ColScales: colScales, Stream: append(s.Append(nil), levels...)}
}

func TestCutStreamsAreRefused(t *testing.T) {
	plain := build(t, samples.Gaussian(1, 40*60), 40, 60, Schemes()[0],
		Options{Settings: Settings{Bits: 4}})
	outliers := []codebook.Outlier{{Row: 1, Col: 40, Value: 50}, {Row: 39, Col: 59, Value: -60}}
	for _, l := range []*codebook.Layer{withFront(t, plain, outliers, nil),
		withFront(t, plain, outliers, slices.Repeat([]byte{250}, 60))} {
		memory.CheckStored(t, l)
		for n := range l.Stream {
			cut := codebook.Layer{Rows: 40, Cols: 60, Width: 1, Stream: l.Stream[:n:n]}
			if err := cut.Decode(1); err == nil {
				t.Errorf("accepted when cut to %d of %d bytes", n, len(l.Stream))
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	plain := build(t, samples.Gaussian(1, 40*60), 40, 60, Schemes()[0],
		Options{Settings: Settings{Bits: 4}})
	good := withFront(t, plain, []codebook.Outlier{{Row: 1, Col: 40, Value: 50}, {Row: 39, Col: 59,
		Value: -60}}, nil) // with gaps of 100 and 2298
	outliers := 2 + good.K()
	for _, tt := range []struct {
		name, want string
		change     func(l *codebook.Layer)
	}{
		{"flags", "unknown flags 0x8", func(l *codebook.Layer) { l.Stream[0] = 8 }},
		{"fewer centroids", "level 0 is centroid", func(l *codebook.Layer) {
			l.Stream[1] -= 2
			l.Stream = slices.Delete(l.Stream, 2, 4)
		}},
		{"an outlier beyond the matrix", "outlier 1 lies beyond the matrix",
			func(l *codebook.Layer) { l.Stream[outliers+2]++ }},
		{"many outliers", "it ends early",
			func(l *codebook.Layer) {
				l.Stream = slices.Replace(l.Stream, outliers, outliers+1,
					0xff, 0x7f)
			}},
		{"a long number", "a number that takes more bytes than it needs", func(l *codebook.Layer) {
			l.Stream[outliers] |= 0x80
			l.Stream = slices.Insert(l.Stream, outliers+1, 0)
		}},
		{"a gap that wraps around", "outlier 1 lies beyond the matrix", func(l *codebook.Layer) {
			l.Stream = slices.Replace(l.Stream, outliers+2, outliers+4, 0xff, 0xff, 0xff, 0xff,
				0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
		}},
		{"rows", "ends early", func(l *codebook.Layer) { l.Rows = math.MaxInt >> 13 }},
		{"columns", "ends early", func(l *codebook.Layer) { l.Cols = math.MaxInt/2 + 1 }},
		{"no rows", "ends early", func(l *codebook.Layer) { l.Rows = 0 }},
		{"other columns", "", func(l *codebook.Layer) { l.Cols = 59 }},
		{"nothing", "it ends early", func(l *codebook.Layer) { l.Stream = nil }},
	} {
		l := codebook.Layer{Rows: 40, Cols: 60, Width: 1, Stream: slices.Clone(good.Stream)}
		tt.change(&l)
		if err := l.Decode(1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// FuzzLayerDecode: without checksums, no bytes make the decoder panic or take memory beyond what
// they back.
func FuzzLayerDecode(f *testing.F) {
	for i, s := range append(trellises(), windowSchemes()...) {
		w := samples.Gaussian(uint64(i), 24*20)
		w[5] = 100
		var ask Settings
		if quant.AnyRate(s) {
			ask.MaxError = 0.2
		}
		l, err := Build(context.Background(), w, 24, 20, s, Options{Settings: ask})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(l.Stream, uint16(24), uint16(20))
		f.Add(withFront(f, l, l.Outliers, make([]byte, 20)).Stream, uint16(24), uint16(20))
	}
	f.Fuzz(func(t *testing.T, stream []byte, rows, cols uint16) {
		if !entropy.Fits(len(stream), int(rows), int(cols)) || int(rows)*int(cols) > 1<<20 {
			return
		}
		l := codebook.Layer{Rows: int(rows), Cols: int(cols), Width: 1, ZeroPoint: 128, Scale: 1,
			Stream: stream}
		if l.Decode(1) == nil && l.Validate() == nil {
			l.Dense()
		}
	})
}
