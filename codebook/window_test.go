package codebook

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/kernels"
)

// windowSchemes are those that store windows.
func windowSchemes() []Scheme {
	var all []Scheme
	for bits := kernels.MinWindowBits; bits <= kernels.MaxWindowBits; bits++ {
		all = append(all, WindowScheme(bits))
	}
	return all
}

// gaussianErrors are what windowTables promise, by bits.
var gaussianErrors = map[int]float64{2: 0.2755, 3: 0.1435, 4: 0.0755, 5: 0.040}

// TestWindowsOfGaussianWeights holds the errors with the tables that training begins with, and that training does no harm.
func TestWindowsOfGaussianWeights(t *testing.T) {
	const rows, cols = 128, 1024
	w := gaussian(1, rows*cols)
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range windowSchemes() {
		table := [MaxCentroids]float32(gaussianWindows(s.Window))
		assigned := make([]byte, len(w))
		begun := math.Sqrt(set.SearchWindows(assigned, new(kernels.WindowWork), w, nil, &table, s.Window, 0) / (rows * cols))
		e := build(t, w, rows, cols, s, Options{}).distortion(w, 1).Relative()
		t.Logf("%d bits: error %.4f to begin with, %.4f in the end", s.Window, begun, e)
		if begun > gaussianErrors[s.Window] || e > 1.005*begun {
			t.Errorf("%d bits: error %.4f to begin with, %.4f in the end, want at most %.4f", s.Window, begun, e, gaussianErrors[s.Window])
		}
	}
}

// TestWindowsFitTheWeights: other distributions than the Gaussian get values of their own.
func TestWindowsFitTheWeights(t *testing.T) {
	const rows, cols = 128, 512
	w := gaussian(1, rows*cols)
	for i, v := range w { // two values and little noise
		w[i] = float32(math.Copysign(1, float64(v))) + 0.1*v
	}
	for _, s := range windowSchemes() {
		if e := build(t, w, rows, cols, s, Options{}).distortion(w, 1).Relative(); e > 0.8*gaussianErrors[s.Window] {
			t.Errorf("%d bits: error %.4f, for Gaussian weights it is %.4f", s.Window, e, gaussianErrors[s.Window])
		}
	}
}

func TestWindowsOfAwkwardMatrices(t *testing.T) {
	normal := gaussian(2, 40*60)
	for _, m := range []struct {
		name       string
		w          []float32
		rows, cols int
		most       float64 // error at 2 bits
	}{
		{"all zero", make([]float32, 40*60), 40, 60, 0},
		{"constant rows", fill(40*60, func(i int) float32 { return float32(i / 60) }), 40, 60, 0.12},
		{"constant columns", fill(40*60, func(i int) float32 { return float32(i % 60) }), 40, 60, 0.12},
		{"a column of zeros", fill(40*60, func(i int) float32 { return normal[i] * float32(min(i%60, 1)) }), 40, 60, 0.28},
		{"a huge outlier", fill(40*60, func(i int) float32 { return normal[i] + 1e30*float32(i/777%2*(i%777/776)) }), 40, 60, 0.28},
		{"one weight that is not zero", fill(40*60, func(i int) float32 { return float32(3 * (i / 2399)) }), 40, 60, 0.01},
		{"huge", fill(40*60, func(i int) float32 { return normal[i] * 1e37 }), 40, 60, 0.28},
		{"tiny", fill(40*60, func(i int) float32 { return normal[i] * 1e-35 }), 40, 60, 0.28},
		{"one column", gaussian(3, 3000), 3000, 1, 0.35},
		{"two columns", gaussian(4, 3000), 1500, 2, 0.35},
		{"three columns", gaussian(5, 3000), 1000, 3, 0.35},
		{"five columns", gaussian(6, 3000), 600, 5, 0.33},
		{"one row", gaussian(7, 600), 1, 600, 0.3},
		{"[1, 1]", gaussian(8, 1), 1, 1, 0.7},
	} {
		for _, s := range windowSchemes() {
			for _, moments := range momentKinds(t, m.cols) {
				most := m.most
				if moments != nil {
					most = min(2*most, 1) // it is not the error of the weights that is made small
				}
				t.Run(fmt.Sprintf("%s/%d bits/%v", m.name, s.Window, moments != nil), func(t *testing.T) {
					l := buildWindowsFor(t, m.w, m.rows, m.cols, s.Window, moments, 2, nil)
					checkStored(t, l)
					if e := l.distortion(m.w, 1).Relative(); !(e <= most) {
						t.Errorf("error %.4f, want at most %.4f", e, most)
					}
				})
			}
		}
	}
}

func buildWindowsFor(t *testing.T, w []float32, rows, cols, bits int, m *Moments, threads int, set *kernels.Set) *Layer {
	t.Helper()
	if set == nil {
		var err error
		if set, err = kernels.Best(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := buildWindows(context.Background(), w, rows, cols, m, bits, Options{Threads: threads, Kernels: set})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l
}

// kinds of what can be known of inputs.
func momentKinds(t *testing.T, cols int) []*Moments {
	m := correlated(t, cols, 0.1)
	for i := range m.Squares {
		m.Squares[i] *= float32(1 + i%7*(i%7)) // which feedback does not read
	}
	return []*Moments{nil, {Squares: m.Squares}, {Squares: make([]float32, cols)}, m}
}

// TestWindowsHeedTheInputs: what is known of the inputs has to make outputs better.
func TestWindowsHeedTheInputs(t *testing.T) {
	const rows, cols = 96, 200
	w := gaussian(9, rows*cols)
	for _, s := range windowSchemes() {
		for _, m := range []*Moments{momentKinds(t, cols)[1], momentKinds(t, cols)[3]} {
			seen, most := m, 0.5
			if m.Matrix == nil {
				h := make([]float32, cols*cols)
				for i, v := range m.Squares {
					h[i*cols+i] = v
				}
				seen, most = moments(t, h, cols), 0.9
			}
			blind := outputNoise(seen, w, build(t, w, rows, cols, s, Options{}).Dense())
			with := outputNoise(seen, w, buildWindowsFor(t, w, rows, cols, s.Window, m, 2, nil).Dense())
			t.Logf("%d bits: noise %.3g, %.3f times", s.Window, blind, with/blind)
			if with > most*blind {
				t.Errorf("%d bits: noise %.3g of %.3g, %.3f times, want at most %.3f", s.Window, with, blind, with/blind, most)
			}
		}
	}
}

// It also pins the bytes, so that other CPUs have to agree.
func TestWindowsSameBytesOnEveryTierAndThreadCount(t *testing.T) {
	rows, cols, pinned := 150, 131, "6203b41f05f13593"
	if testing.Short() {
		rows, cols, pinned = 70, 50, "4a68d19b9e8e0c02"
	}
	w := uniform(10, rows*cols)
	w[77] = 50
	sum := fnv.New64a()
	for _, s := range windowSchemes() {
		for _, m := range momentKinds(t, cols) {
			want := buildWindowsFor(t, w, rows, cols, s.Window, m, 1, nil)
			check := func(got *Layer, how string) {
				if !slices.Equal(got.Stream, want.Stream) || got.Scale != want.Scale || got.ZeroPoint != want.ZeroPoint {
					t.Errorf("%d bits: other bytes with %s", s.Window, how)
				}
			}
			for _, threads := range []int{2, 7} {
				check(buildWindowsFor(t, w, rows, cols, s.Window, m, threads, nil), fmt.Sprint(threads, " threads"))
			}
			for _, set := range runnableSets(t) {
				check(buildWindowsFor(t, w, rows, cols, s.Window, m, 1, set), set.Tier("window"))
			}
			sum.Write(want.Stream)
		}
	}
	if got := fmt.Sprintf("%x", sum.Sum64()); got != pinned {
		t.Errorf("checksum %s", got)
	}
}

func TestWindowsRefuse(t *testing.T) {
	w := gaussian(11, 6*9)
	good := build(t, w, 6, 9, windowSchemes()[1], Options{}) // 27 bits a row
	for _, tt := range []struct {
		name, want string
		change     func(l *Layer)
	}{
		{"six bits", "windows of 6 bits a weight", func(l *Layer) { l.Stream[2] = 6 }},
		{"a bit", "windows of 1 bits a weight", func(l *Layer) { l.Stream[2] = 1 }},
		{"fewer centroids", "255 centroids", func(l *Layer) {
			l.Stream[1]--
			l.Stream = slices.Delete(l.Stream, 3, 4)
		}},
		{"a byte more", "25 bytes of windows for 6 rows of 4", func(l *Layer) { l.Stream = append(l.Stream, 0) }},
		{"a byte less", "23 bytes of windows for 6 rows of 4", func(l *Layer) { l.Stream = l.Stream[:len(l.Stream)-1] }},
		{"padding", "row 5: bits behind the last weight", func(l *Layer) { l.Stream[len(l.Stream)-1] |= 1 }},
		{"four bits", "24 bytes of windows for 6 rows of 5", func(l *Layer) { l.Stream[2] = 4 }},
		{"no row scales", "", func(l *Layer) { l.Stream[0] &^= 2 }},
		{"another flag", "unknown flags 0xf", func(l *Layer) { l.Stream[0] |= 8 }},
	} {
		l := Layer{Rows: 6, Cols: 9, Width: 1, Stream: slices.Clone(good.Stream)}
		tt.change(&l)
		if err := l.Decode(1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for n := range good.Stream {
		if err := (&Layer{Rows: 6, Cols: 9, Width: 1, Stream: good.Stream[:n:n]}).Decode(1); err == nil {
			t.Errorf("accepted when cut to %d of %d bytes", n, len(good.Stream))
		}
	}
	for want, change := range map[string]func(l *Layer){
		"window [0, 0] is":           func(l *Layer) { l.Assignments[0] |= 0x80 },
		"window [2, 5] is":           func(l *Layer) { l.Assignments[2*9+5] ^= 8 },
		"windows of 6 bits a weight": func(l *Layer) { l.WindowBits = 6 },
		"no stream":                  func(l *Layer) { l.Stream = nil },
	} {
		l := Layer{Rows: 6, Cols: 9, Width: 1, Stream: good.Stream}
		if err := l.Decode(1); err != nil {
			t.Fatal(err)
		}
		change(&l)
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestWindowRowsStandAlone: the bits of a row say all of its windows.
func TestWindowRowsStandAlone(t *testing.T) {
	for _, s := range windowSchemes() {
		l := build(t, gaussian(12, 5*11), 5, 11, s, Options{})
		n := bitstream.RowBytes(11, s.Window)
		rows := l.Stream[len(l.Stream)-5*n:]
		for r := range 5 {
			head := stream.Head{Rows: 1, Cols: 11, Centroids: l.Centroids, WindowBits: s.Window}
			got := Layer{Rows: 1, Cols: 11, Width: 1, Stream: append(head.Append(nil), rows[r*n:][:n]...)}
			err := got.Decode(1)
			if err != nil || !slices.Equal(got.Assignments, l.Assignments[r*11:][:11]) {
				t.Errorf("%d bits: row %d decodes to %v, %v", s.Window, r, got.Assignments, err)
			}
		}
	}
}
