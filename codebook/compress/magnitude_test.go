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
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/floats"
)

// everyScheme has one of each way to build a layer. Rates of the trellis are in the settings.
func everyScheme() []Settings {
	all := []Settings{
		{Scheme: Schemes()[0], Bits: 2}, {Scheme: Schemes()[0], Bits: 4},
		{Scheme: Schemes()[0], MaxError: 0.1},
		{Scheme: sixteen}, {Scheme: sixteenRows}, {Scheme: bytesScheme},
		{Scheme: pairs}, {Scheme: eights}, {Scheme: rowsScheme},
		{Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 256, Group: 32}},
		{Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 1, Group: 8}},
		{Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 2, Group: 8}},
		{Scheme: codebook.Scheme{Name: "segments", Width: 3, K: 5}},
	}
	for bits := 2; bits <= 5; bits++ {
		all = append(all, Settings{Scheme: windowScheme(bits)})
	}
	return all
}

// checkBuilt holds a layer against what holds for all: it is valid, it is what is stored, and all
// that it stands for is finite.
func checkBuilt(t testing.TB, l *codebook.Layer, w []float32) codebook.Distortion {
	t.Helper()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	if l.Stream != nil {
		memory.CheckStored(t, l)
	}
	if i := floats.IndexNonfinite(l.Dense()); i >= 0 {
		t.Fatalf("weight %d of %v is rebuilt as %v", i, w[i], l.Dense()[i])
	}
	d := l.Distortion(w, 1)
	for _, v := range []float64{d.Signal, d.Noise, d.Approx, d.Dot, d.Max} {
		if v-v != 0 {
			t.Fatalf("distortion %+v", d)
		}
	}
	return d
}

// TestEveryMagnitude: a matrix comes out as well as the same one of ordinary size, as far as
// float32 reaches.
func TestEveryMagnitude(t *testing.T) {
	const rows, cols = 48, 40
	normal := samples.Gaussian(1, rows*cols)
	matrices := []struct {
		name string
		at   func(i int) float32 // up to about 1
	}{
		{"normal", func(i int) float32 { return normal[i] / 4 }},
		{"all equal", func(int) float32 { return -0.75 }},
		{"alternating", func(i int) float32 { return float32(1 - i%2*2) }},
		{"one value", func(i int) float32 { return float32(i / (rows*cols - 1)) }},
		{"diagonal", func(i int) float32 { return float32(1 - min(i%(cols+1), 1)) }},
		{"an outlier", func(i int) float32 {
			if i == 777 {
				return 1
			}
			return normal[i] / 1000
		}},
		{"rows of all sizes", func(i int) float32 {
			return normal[i] / 4 * float32(math.Ldexp(1,
				-i/cols))
		}},
	}
	for _, s := range everyScheme() {
		for _, m := range matrices {
			want := -1.0
			// 2^128 is beyond float32, but of what is up to 1 only 1 comes to it.
			exponents := []int{0, -149, -140, -127, -126, -100, -90, -60, -33, 20, 33, 60, 90, 120,
				127, 128}
			if testing.Short() {
				exponents = []int{0, -149, 127}
			}
			for _, e := range exponents {
				w := samples.Fill(rows*cols,
					func(i int) float32 { return floats.Finite(math.Ldexp(float64(m.at(i)), e)) })
				name := fmt.Sprintf("%s/%+v/2^%d", m.name, s, e)
				l, err := Build(t.Context(), w, rows, cols, s.Scheme, Options{Settings: s})
				if err != nil {
					if !strings.Contains(err.Error(), "cannot be met: what comes nearest takes ") {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				got := checkBuilt(t, l, w).Relative()
				if want < 0 {
					want = got
				}
				switch {
				case e < -90: // a scale can be rounded to twice what it is, or to 0
					if got > 2 {
						t.Errorf("%s: error %v", name, got)
					}
				// The largest outlier is 0x1.fep127, 0.004 below the largest float32.
				case s.MaxError > 0 &&
					got <= s.MaxError: // which few different weights have with many steps
				case e < 127 && !(got <= want*1.02+1e-6) || !(got <= want*1.02+0.004):
					t.Errorf("%s: error %v, %v of the same at ordinary size", name, got, want)
				}
			}
		}
	}
}

// TestMixedMagnitudes: rows far below the largest become 0, others do as well as on their own,
// nothing gets lost without a figure that says so.
func TestMixedMagnitudes(t *testing.T) {
	const rows, cols = 24, 40
	normal := samples.Gaussian(2, rows*cols)
	for _, sizes := range [][]float64{
		{0x1p-149, 1}, {0x1p-149, 0x1p-140}, {1e-30, 1e30}, {1e-45, 3.4e37, 1},
		{0x1p-130, 0x1p-127, 0x1p-120}, {0, 1e-40}, {1e-45, 0, 1e38},
	} {
		w := samples.Fill(rows*cols,
			func(i int) float32 { return floats.Finite(float64(normal[i]) * sizes[i/cols%len(sizes)]) })
		for _, s := range everyScheme() {
			name := fmt.Sprintf("%v/%+v", sizes, s)
			l, err := Build(t.Context(), w, rows, cols, s.Scheme, Options{Settings: s})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			d := checkBuilt(t, l, w)
			if top := slices.Max(sizes); top >= 0x1p-96 && !(d.Relative() <= 1.001) {
				t.Errorf("%s: error %v", name, d.Relative())
			}
		}
	}
}

// TestMomentsOfEveryMagnitude: what is known of the inputs says how they compare, however large
// they are, and weights too.
func TestMomentsOfEveryMagnitude(t *testing.T) {
	long(t)
	const rows, cols = 48, 40
	normal := samples.Gaussian(3, rows*cols)
	of := map[string]*moments.Moments{
		"matrix": samples.Correlated(cols, 0.1),
		"squares": samples.Moments(samples.Fill(cols, func(i int) float32 { return float32(i) }),
			cols),
	}
	for kind, plain := range of {
		for _, s := range []codebook.Scheme{Schemes()[0], windowScheme(3)} {
			want := -1.0
			for _, size := range []float64{1, 0x1p-120, 0x1p-80, 0x1p80, 0x1p120} {
				for _, weights := range []float64{1, 0x1p-90, 0x1p90} {
					values := plain.Squares
					if plain.Matrix != nil {
						values = plain.Matrix
					}
					scaled := samples.Fill(len(values),
						func(i int) float32 { return float32(float64(values[i]) * size) })
					m := samples.Moments(scaled, cols)
					src, dst := new(memory.Model), new(memory.Model)
					w := samples.Fill(rows*cols,
						func(i int) float32 { return float32(float64(normal[i]) * weights) })
					src.Add("w", "F32", w, rows, cols)
					report, err := Compress(t.Context(), dst, src, Options{
						Settings: Settings{Scheme: s},
						Moments: func(context.Context, string, int) (*moments.Moments, error) {
							return m, nil
						},
					})
					name := fmt.Sprintf("%s of %g, weights of %g, %+v", kind, size, weights, s)
					if err != nil || dst.Layers["w"] == nil {
						t.Errorf("%s: %v, %+v", name, err, report)
						continue
					}
					got := checkBuilt(t, dst.Layers["w"], w).Relative()
					if want < 0 {
						want = got
					}
					if !(got <= want*1.02) {
						t.Errorf("%s: error %v, %v of ordinary ones", name, got, want)
					}
				}
			}
		}
	}
}

func TestCompressSaysWhatScalesDoNotHold(t *testing.T) {
	const rows, cols = 64, 96
	normal := samples.Gaussian(4, rows*cols)
	times := func(f float64) []float32 {
		return samples.Fill(rows*cols,
			func(i int) float32 { return floats.Finite(float64(normal[i]) * f) })
	}
	with := func(v float32) []float32 {
		w := slices.Clone(normal)
		w[777] = v
		return w
	}
	for _, c := range []struct {
		name, dtype string
		w           []float32
		trellis     string // the reason why scheme trellis passes it through; "": it does not
		scalar      string
	}{
		{"ordinary", "F32", normal, "", ""},
		{"zeros", "F64", make([]float32, rows*cols), "", ""},
		{"small", "F32", times(1e-25), "", ""},
		{"large", "F32", times(1e25), "", ""},
		{"denormal", "F32", times(1e-40), "too small for float32 scales",
			"too small for float32 scales"},
		{"below the least denormal", "F64",
			samples.Fill(rows*cols, func(int) float32 { return 0x1p-149 }),
			"no weight is beyond 1.4e-45: too small", "no weight is beyond 1.4e-45: too small"},
		{"huge", "F32", times(1e37), "too large for float32 scales",
			"too large for float32 scales"},
		{"one huge weight", "F32", with(-0.99 * math.MaxFloat32), "",
			"weights of up to 3.4e+38: too large for float32 scales"},
		{"one beyond float32", "F64", with(-math.MaxFloat32), "value 777 is beyond float32",
			"value 777 is beyond float32"},
		{"one denormal weight", "F64", with(0x1p-149), "", ""},
	} {
		for _, s := range []struct {
			scheme codebook.Scheme
			want   string
		}{{Schemes()[0], c.trellis}, {windowScheme(4), c.trellis}, {sixteen, c.scalar},
			{bytesScheme, c.scalar}} {
			src, dst := new(memory.Model), new(memory.Model)
			src.Add("w", c.dtype, c.w, rows, cols)
			report, err := Compress(t.Context(), dst, src,
				Options{Settings: Settings{Scheme: s.scheme}})
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, s.scheme.Name, err)
				continue
			}
			e := report.Entries[0]
			if (s.want == "") != (e.Reason == "") || !strings.Contains(e.Reason, s.want) {
				t.Errorf("%s, %+v: reason %q, want %q", c.name, s.scheme, e.Reason, s.want)
			}
			if l := dst.Layers["w"]; l != nil {
				checkBuilt(t, l, c.w)
			}
		}
	}
}
