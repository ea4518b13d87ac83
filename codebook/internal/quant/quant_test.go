package quant

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// codebook.Scheme scalar holds values on a grid as they are, whatever their number.
func TestExactLayer(t *testing.T) {
	integers := func(r, c int) float64 { return float64((r*64+c)%256 - 128) }
	signs := func(scale float64) func(r, c int) float64 {
		return func(r, c int) float64 { return float64((r+c)%3-1) * scale }
	}
	choose := func(values ...float64) func(r, c int) float64 {
		random := samples.Uniform(5, 64*64)
		return func(r, c int) float64 { return values[int(10000*(random[r*64+c]+0.5))%len(values)] }
	}
	for _, c := range []struct {
		what   string
		values func(r, c int) float64
		k      int
		exact  bool
	}{
		{"256 integers", integers, 256, true},
		{"more than there are centroids", integers, 255, false},
		{"a gap of 257", func(r, c int) float64 { return float64((r + c) % 2 * 257) }, 256, true},
		{"a range of 257", func(r, c int) float64 { return float64((r+c)%3*128) + 1 }, 256, false},
		{"odd values", func(r, _ int) float64 { return float64(r%4*2 - 3) }, 4, true},
		{"values without the least step", choose(-3, -2, 2, 3), 4, true},
		{"denormals", signs(1e-44), 4, true},
		{"the largest", signs(math.MaxFloat32), 4, true},
		{"zeros", choose(0), 4, false},
	} {
		w := samples.Fill(64*64, func(i int) float32 { return float32(c.values(i/64, i%64)) })
		l := exactLayer(&Matrix{W: w, Rows: 64, Cols: 64}, c.k)
		if (l != nil) != c.exact {
			t.Errorf("%s: %+v", c.what, l)
			continue
		}
		if l == nil {
			continue
		}
		if err := l.Validate(); err != nil || !slices.Equal(l.Dense(), w) {
			t.Errorf("%s: not as it was (%v)", c.what, err)
		}
		got := build(t, w, 64, 64, codebook.Scheme{Name: "scalar", Width: 1, K: c.k})
		if !slices.Equal(got.Dense(), w) || got.RowScales != nil {
			t.Errorf("%s: Build makes another layer", c.what)
		}
	}
}

func TestStepBelow(t *testing.T) {
	for s := -300 * Octave; s < 300*Octave; s += 997 {
		v := s.Value()
		if want := math.Exp2(float64(s) / 4096); math.Abs(v/want-1) > 1e-12 {
			t.Fatalf("step %d is %v, want %v", s, v, want)
		}
		if got := stepBelow(v * 1.00001); got != s {
			t.Fatalf("step below %v is %d, want %d", v, got, s)
		}
		if got := stepBelow(v * 0.99999); got != s-1 {
			t.Fatalf("step below a bit less than %v is %d, want %d", v, got, s-1)
		}
	}
}

// TestSampleRow: rows are within the matrix and rise, however many there are.
func TestSampleRow(t *testing.T) {
	for _, rows := range []int{1, 2, 1000, 1 << 17, math.MaxInt32} {
		n := min(rows, 1<<14)
		last := -1
		for i := range n {
			at := sampleRow(i, n, rows)
			if at < last || at >= rows {
				t.Fatalf("row %d of %d of %d: %d, behind %d", i, n, rows, at, last)
			}
			last = at
		}
	}
}

// BenchmarkWindowsWithFeedback leaves out what factoring the moments takes.
func BenchmarkWindowsWithFeedback(b *testing.B) {
	const rows, cols = 1536, 384
	set, err := kernels.Best()
	if err != nil {
		b.Fatal(err)
	}
	w := samples.Gaussian(1, rows*cols)
	c := newWindowCoding(&Matrix{W: w, Rows: rows, Cols: cols}, 4,
		Options{Threads: par.Fixed(1), Kernels: set})
	if err := c.weigh(b.Context(), samples.Correlated(cols, 0.1)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.choose(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w)), "ns/weight")
}

func TestSchemeValidate(t *testing.T) {
	for _, s := range Schemes() {
		if err := Validate(s); err != nil {
			t.Errorf("default %+v: %v", s, err)
		}
	}
	for _, s := range []codebook.Scheme{
		{Name: "segments", Width: 2, K: 0}, {Name: "segments", Width: 2, K: 257},
		{Name: "segments", Width: 1, K: 9},
		{Name: "segments", Width: 65, K: 9}, {Name: "rows", Width: 2, K: 9},
		{Name: "scalar", Width: 2, K: 9},
		{Name: "segments", Width: 2, K: 9, Group: 16}, {Name: "scalar", Width: 1, K: 9, Group: 12},
		{Name: "", K: 9},
	} {
		if Validate(s) == nil {
			t.Errorf("no error for %+v", s)
		}
	}
}

// TestSamplesShareABound: of many small matrices, little is kept until bits are divided among them.
func TestSamplesShareABound(t *testing.T) {
	const n, rows, cols = 300, 64, 64
	w := samples.Gaussian(1, rows*cols)
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	m := &Matrix{W: w, Rows: rows, Cols: cols}
	o := Options{Threads: par.Fixed(1), Kernels: set, Sampled: 1 << 10}
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, sketches := used(), make([]*Sketch, n)
	for i := range sketches {
		if sketches[i], err = NewSketch(t.Context(), m, Schemes()[0], o); err != nil {
			t.Fatal(err)
		}
		if _, err := sketches[i].At(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	each := (used() - before) / n
	runtime.KeepAlive(sketches)
	if t.Logf("%d bytes", each); each > 16<<10 {
		t.Errorf("%d bytes of each matrix", each)
	}
}

// long leaves a test of how good layers are out of short runs: under the race detector, in 32 bits,
// on slow tiers. TestWindowsSameBytesOnEveryTierAndThreadCount shows that they are the same there.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// TestWindowsOfGaussianWeights holds the errors with the tables that training begins with, and that
// training does no harm.
func TestWindowsOfGaussianWeights(t *testing.T) {
	long(t)
	const rows, cols = 128, 1024
	w := samples.Gaussian(1, rows*cols)
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range windowSchemes() {
		table := gaussianWindows(s.WindowBits)
		assigned := make([]byte, cols)
		sum, work := 0.0, new(kernels.WindowWork)
		for r := range rows {
			set.SearchWindows(assigned, work, w[r*cols:][:cols], nil, &table, s.WindowBits,
				kernels.RowStart)
			for i, a := range assigned {
				e := float64(w[r*cols+i] - table[a&15] - table[16+a>>4])
				sum += e * e
			}
		}
		begun := math.Sqrt(sum / (rows * cols))
		e := build(t, w, rows, cols, s).Distortion(w, 1).Relative()
		t.Logf("%d bits: error %.4f to begin with, %.4f in the end", s.WindowBits, begun, e)
		if begun > gaussianErrors[s.WindowBits] || e > 1.005*begun {
			t.Errorf("%d bits: error %.4f to begin with, %.4f in the end, want at most %.4f",
				s.WindowBits, begun, e, gaussianErrors[s.WindowBits])
		}
	}
}

func TestWindowsOfAwkwardMatrices(t *testing.T) {
	normal := samples.Gaussian(2, 40*60)
	for _, m := range []struct {
		name       string
		w          []float32
		rows, cols int
		most       float64 // error at 2 bits
	}{
		{"all zero", make([]float32, 40*60), 40, 60, 0},
		{"constant rows", samples.Fill(40*60, func(i int) float32 { return float32(i / 60) }), 40,
			60, 0.12},
		{"constant columns", samples.Fill(40*60, func(i int) float32 { return float32(i % 60) }),
			40, 60, 0.12},
		{"a column of zeros", samples.Fill(40*60,
			func(i int) float32 { return normal[i] * float32(min(i%60, 1)) }), 40, 60, 0.28},
		{"a huge outlier", samples.Fill(40*60,
			func(i int) float32 {
				return normal[i] +
					1e30*float32(i/777%2*(i%777/776))
			}), 40, 60, 0.28},
		{"one weight that is not zero",
			samples.Fill(40*60, func(i int) float32 { return float32(3 * (i / 2399)) }), 40, 60,
			0.01},
		{"huge", samples.Fill(40*60, func(i int) float32 { return normal[i] * 1e37 }), 40, 60,
			0.285},
		{"tiny", samples.Fill(40*60, func(i int) float32 { return normal[i] * 1e-35 }), 40, 60,
			0.285},
		{"one column", samples.Gaussian(3, 3000), 3000, 1, 0.35},
		{"two columns", samples.Gaussian(4, 3000), 1500, 2, 0.35},
		{"three columns", samples.Gaussian(5, 3000), 1000, 3, 0.35},
		{"five columns", samples.Gaussian(6, 3000), 600, 5, 0.335},
		{"one row", samples.Gaussian(7, 600), 1, 600, 0.3},
		{"[1, 1]", samples.Gaussian(8, 1), 1, 1, 0.7},
	} {
		for _, s := range windowSchemes() {
			for _, moments := range momentKinds(t, m.cols) {
				most := m.most
				if moments != nil {
					most = min(2*most, 1) // it is not the error of the weights that is made small
				}
				t.Run(fmt.Sprintf("%s/%d bits/%v", m.name, s.WindowBits, moments != nil),
					func(t *testing.T) {
						l := buildWindowsFor(t, m.w, m.rows, m.cols, s.WindowBits, moments, 2, nil)
						memory.CheckStored(t, l)
						if e := l.Distortion(m.w, 1).Relative(); !(e <= most) {
							t.Errorf("error %.4f, want at most %.4f", e, most)
						}
					})
			}
		}
	}
}

func buildWindowsFor(t *testing.T, w []float32, rows, cols, bits int, m *moments.Moments,
	threads int, set *kernels.Set) *codebook.Layer {
	t.Helper()
	if set == nil {
		var err error
		if set, err = kernels.Best(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Build(context.Background(), &Matrix{W: w, Rows: rows, Cols: cols, Moments: m},
		windowScheme(bits), Target{}, Options{Threads: par.Fixed(threads), Kernels: set})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l
}

// kinds of what can be known of inputs.
func momentKinds(t *testing.T, cols int) []*moments.Moments {
	m := samples.Correlated(cols, 0.1)
	for i := range m.Squares {
		m.Squares[i] *= float32(1 + i%7*(i%7)) // which feedback does not read
	}
	return []*moments.Moments{nil, {Squares: m.Squares}, {Squares: make([]float32, cols)}, m}
}

// TestWindowsHeedTheInputs: what is known of the inputs has to make outputs better.
func TestWindowsHeedTheInputs(t *testing.T) {
	long(t)
	const rows, cols = 96, 200
	w := samples.Gaussian(9, rows*cols)
	for _, s := range windowSchemes() {
		for _, m := range []*moments.Moments{momentKinds(t, cols)[1], momentKinds(t, cols)[3]} {
			seen, most := m, 0.5
			if m.Matrix == nil {
				h := make([]float32, cols*cols)
				for i, v := range m.Squares {
					h[i*cols+i] = v
				}
				seen, most = samples.Moments(h, cols), 0.9
			}
			blind := samples.OutputNoise(seen, w, build(t, w, rows, cols, s).Dense())
			with := samples.OutputNoise(seen, w,
				buildWindowsFor(t, w, rows, cols, s.WindowBits, m, 2, nil).Dense())
			t.Logf("%d bits: noise %.3g, %.3f times", s.WindowBits, blind, with/blind)
			if with > most*blind {
				t.Errorf("%d bits: noise %.3g of %.3g, %.3f times, want at most %.3f", s.WindowBits,
					with, blind, with/blind, most)
			}
		}
	}
}

// It also pins the bytes, so that other CPUs have to agree.
func TestWindowsSameBytesOnEveryTierAndThreadCount(t *testing.T) {
	rows, cols, pinned := 150, 131, "3fd785b8b8d71663"
	if testing.Short() {
		rows, cols, pinned = 70, 50, "c7181982ed5acdbf"
	}
	w := samples.Uniform(10, rows*cols)
	w[77] = 50
	sum := fnv.New64a()
	for _, s := range windowSchemes() {
		for _, m := range momentKinds(t, cols) {
			want := buildWindowsFor(t, w, rows, cols, s.WindowBits, m, 1, nil)
			check := func(got *codebook.Layer, how string) {
				if !slices.Equal(got.Stream, want.Stream) || got.Scale != want.Scale ||
					got.ZeroPoint != want.ZeroPoint {
					t.Errorf("%d bits: other bytes with %s", s.WindowBits, how)
				}
			}
			for _, threads := range []int{2, 7} {
				check(buildWindowsFor(t, w, rows, cols, s.WindowBits, m, threads, nil),
					fmt.Sprint(threads, " threads"))
			}
			for _, set := range samples.Sets() {
				check(buildWindowsFor(t, w, rows, cols, s.WindowBits, m, 1, set), set.Tier("window"))
			}
			sum.Write(want.Stream)
		}
	}
	if got := fmt.Sprintf("%x", sum.Sum64()); got != pinned {
		t.Errorf("checksum %s", got)
	}
}

// windowSchemes are those that store windows.
func windowSchemes() []codebook.Scheme {
	var all []codebook.Scheme
	for bits := kernels.MinWindowBits; bits <= kernels.MaxWindowBits; bits++ {
		all = append(all, codebook.Scheme{Name: "trellis", Width: 1, K: codebook.MaxCentroids,
			WindowBits: bits})
	}
	return all
}

// gaussianErrors are what windowTables promise, by bits.
var gaussianErrors = map[int]float64{2: 0.2765, 3: 0.1400, 4: 0.0735, 5: 0.0382}

// TestWindowsFitTheWeights: other distributions than the Gaussian get values of their own.
func TestWindowsFitTheWeights(t *testing.T) {
	long(t)
	const rows, cols = 128, 512
	w := samples.Gaussian(1, rows*cols)
	for i, v := range w { // two values and little noise
		w[i] = float32(math.Copysign(1, float64(v))) + 0.1*v
	}
	for _, s := range windowSchemes() {
		if e := build(t, w, rows, cols, s).Distortion(w,
			1).Relative(); e > 0.95*gaussianErrors[s.WindowBits] {
			t.Errorf("%d bits: error %.4f, for Gaussian weights it is %.4f", s.WindowBits, e,
				gaussianErrors[s.WindowBits])
		}
	}
}

func TestWindowsRefuse(t *testing.T) {
	w := samples.Gaussian(11, 6*9)
	good := build(t, w, 6, 9, windowSchemes()[1]) // 27 bits a row
	for _, tt := range []struct {
		name, want string
		change     func(l *codebook.Layer)
	}{
		{"six bits", "windows of 6 bits a weight", func(l *codebook.Layer) { l.Stream[2] = 6 }},
		{"a bit", "windows of 1 bits a weight", func(l *codebook.Layer) { l.Stream[2] = 1 }},
		{"fewer centroids", "31 centroids", func(l *codebook.Layer) {
			l.Stream[1]--
			l.Stream = slices.Delete(l.Stream, 3, 4)
		}},
		{"a weight of 256", "not sums",
			func(l *codebook.Layer) { l.Stream[3], l.Stream[34] = 255, 1 }},
		{"a byte more", "25 bytes of windows for 6 rows of 4",
			func(l *codebook.Layer) { l.Stream = append(l.Stream, 0) }},
		{"a byte less", "23 bytes of windows for 6 rows of 4",
			func(l *codebook.Layer) { l.Stream = l.Stream[:len(l.Stream)-1] }},
		{"padding", "row 5: bits behind the last weight",
			func(l *codebook.Layer) { l.Stream[len(l.Stream)-1] |= 1 }},
		{"four bits", "24 bytes of windows for 6 rows of 5",
			func(l *codebook.Layer) { l.Stream[2] = 4 }},
		{"no row scales", "", func(l *codebook.Layer) { l.Stream[0] &^= 2 }},
		{"another flag", "unknown flags 0xf", func(l *codebook.Layer) { l.Stream[0] |= 8 }},
	} {
		l := codebook.Layer{Rows: 6, Cols: 9, Width: 1, Stream: slices.Clone(good.Stream)}
		tt.change(&l)
		if err := l.Decode(1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for n := range good.Stream {
		if err := (&codebook.Layer{Rows: 6, Cols: 9, Width: 1,
			Stream: good.Stream[:n:n]}).Decode(1); err == nil {
			t.Errorf("accepted when cut to %d of %d bytes", n, len(good.Stream))
		}
	}
	for want, change := range map[string]func(l *codebook.Layer){
		"assignment [0, 0] is":       func(l *codebook.Layer) { l.Assignments[0] |= 0x80 },
		"assignment [2, 5] is":       func(l *codebook.Layer) { l.Assignments[2*9+5] ^= 16 },
		"not sums":                   func(l *codebook.Layer) { l.Centroids[77] ^= 1 },
		"windows of 6 bits a weight": func(l *codebook.Layer) { l.WindowBits = 6 },
		"no stream":                  func(l *codebook.Layer) { l.Stream = nil },
	} {
		l := codebook.Layer{Rows: 6, Cols: 9, Width: 1, Stream: good.Stream}
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
		l := build(t, samples.Gaussian(12, 5*11), 5, 11, s)
		n := bitstream.RowBytes(11, s.WindowBits)
		rows := l.Stream[len(l.Stream)-5*n:]
		for r := range 5 {
			head := stream.Head{Rows: 1, Cols: 11, Centroids: l.Centroids, WindowBits: s.WindowBits}
			got := codebook.Layer{Rows: 1, Cols: 11, Width: 1,
				Stream: append(head.Append(nil), rows[r*n:][:n]...)}
			err := got.Decode(1)
			if err != nil || !slices.Equal(got.Assignments, l.Assignments[r*11:][:11]) {
				t.Errorf("%d bits: row %d decodes to %v, %v", s.WindowBits, r, got.Assignments, err)
			}
		}
	}
}

func windowScheme(bits int) codebook.Scheme {
	return codebook.Scheme{Name: "trellis", Width: 1, K: codebook.MaxCentroids, WindowBits: bits}
}

// build makes a layer of a scheme without rates.
func build(t *testing.T, w []float32, rows, cols int, s codebook.Scheme) *codebook.Layer {
	t.Helper()
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	m := &Matrix{W: w, Rows: rows, Cols: cols}
	l, err := Build(t.Context(), m, s, Target{}, Options{Threads: par.Fixed(2), Kernels: set})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l
}
