package codebook

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
)

// randomLayer returns a layer of any shape whose bytes are random: what the kernels see does not
// depend on how the assignments were chosen.
func randomLayer(random *rand.Rand, rows, cols, width, k, group int) *Layer {
	l := &Layer{
		Rows: rows, Cols: cols, Width: width, Group: group, ZeroPoint: byte(random.Uint32()),
		Scale:     0.01,
		Centroids: make([]byte, k*width), RowScales: make([]byte, rows),
	}
	for i := range l.Centroids {
		l.Centroids[i] = byte(random.Uint32())
	}
	for i := range l.RowScales {
		l.RowScales[i] = byte(200 + random.IntN(56))
	}
	l.Assignments = make([]byte, rows*l.Segments())
	for i := range l.Assignments {
		l.Assignments[i] = byte(random.IntN(k))
	}
	l.Multipliers = make([]int8, rows*l.Groups())
	for i := range l.Multipliers {
		l.Multipliers[i] = int8(random.IntN(2*MaxMultiplier+1) - MaxMultiplier)
	}
	return l
}

// randomWindows returns a layer of windows.
func randomWindows(random *rand.Rand, rows, cols, bits int) *Layer {
	l := randomLayer(random, rows, cols, 1, MaxCentroids, 0)
	var window uint16
	for i, code := range l.Assignments {
		if i%cols == 0 {
			window = 0
			for j := range 8 { // the first eight bits of the row, with 0 behind it
				window <<= 1
				if j/bits < cols {
					window |= uint16(l.Assignments[i+j/bits]) >> (bits - 1 - j%bits) & 1
				}
			}
		}
		window = window<<bits&0xfff | uint16(code)&(1<<bits-1)
		l.Assignments[i] = kernels.WindowAssignment(window)
	}
	l.WindowBits = bits
	centroids := l.Centroids[:kernels.WindowCentroids]
	for i, c := range centroids {
		centroids[i] = c>>1 | 1
	}
	l.Centroids = stream.SumCentroids(centroids)
	head := stream.Head{Rows: rows, Cols: cols, Centroids: l.Centroids, WindowBits: bits}
	l.Stream = head.AppendWindows(head.Append(nil), l.Assignments)
	return l
}

// integers returns n vectors of values from -127 to 127, one 127 in each run of 4 at least, so in
// every block: quantisation keeps them as they are, with a scale of exactly 1.
func integers(random *rand.Rand, n, cols int) []float32 {
	x := make([]float32, n*cols)
	for i := range x {
		x[i] = float32(random.IntN(255) - 127)
		if i%cols%4 == 0 {
			x[i] = 127
		}
	}
	return x
}

// exact is the float64 oracle of MulMat, and the sum of |w*x| that bounds its rounding errors.
func exact(l *Layer, x []float32, n int) (y, size []float64) {
	y, size = make([]float64, n*l.Rows), make([]float64, n*l.Rows)
	w := l.Dense()
	for i := range n {
		for r := range l.Rows {
			for c := range l.Cols {
				p := float64(w[r*l.Cols+c]) * float64(x[i*l.Cols+c])
				y[i*l.Rows+r] += p
				size[i*l.Rows+r] += math.Abs(p)
			}
		}
	}
	return y, size
}

// A row without a cost would look like one that takes no time.
func TestEveryTierHasACost(t *testing.T) {
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range set.Tiers() {
		switch info.Op {
		case "mul-u8", "mul-nibble", "mul-lookup", "mul-window", "table", "dense-vector",
			"dense-matrix":
			if tierCosts[info.Op+"/"+info.Tier].work == 0 {
				t.Errorf("%s has no cost for tier %s", info.Op, info.Tier)
			}
		}
	}
}

type planShape struct{ rows, cols, width, k, group, window int }

func (s planShape) layer(random *rand.Rand) *Layer {
	if s.window != 0 {
		return randomWindows(random, s.rows, s.cols, s.window)
	}
	return randomLayer(random, s.rows, s.cols, s.width, s.k, s.group)
}

var planShapes = []planShape{
	{1, 2, 2, 1, 0, 0},
	{1, 1, 1, 3, 0, 0},
	{3, 5, 2, 4, 0, 0},
	{16, 256, 2, 256, 0, 0},
	{17, 257, 2, 256, 0, 0},
	{70, 387, 3, 256, 0, 0},
	{65, 130, 4, 200, 0, 0},
	{257, 1023, 4, 256, 0, 0},
	{33, 515, 5, 17, 0, 0},
	{130, 640, 8, 256, 0, 0},
	{64, 387, 9, 100, 0, 0},
	{20, 700, 33, 256, 0, 0},
	{129, 512, 64, 256, 0, 0},
	{40, 1000, 1000, 30, 0, 0},
	{300, 387, 387, 256, 0, 0},
	{5, 17, 1, 16, 0, 0},
	{33, 387, 1, 16, 0, 0},
	{64, 512, 1, 16, 16, 0},
	{19, 387, 1, 13, 8, 0},
	{16, 520, 1, 2, 256, 0},
	{50, 300, 1, 17, 0, 0},
	{31, 387, 1, 256, 32, 0},
	{2, 5000, 2, 256, 0, 0},
	{1, 1, 1, 256, 0, 2},
	{17, 63, 1, 256, 0, 3},
	{33, 257, 1, 256, 0, 4},
	{50, 640, 1, 256, 0, 5},
}

// TestChoose asks for the plan of a layer of which nothing but the shapes is there.
func TestFastest(t *testing.T) {
	for _, s := range planShapes {
		l := s.layer(rand.New(rand.NewPCG(2, 2)))
		hollow := &Layer{Rows: s.rows, Cols: s.cols, Width: s.width, Centroids: l.Centroids,
			Group: s.group, WindowBits: s.window}
		for _, batch := range []int{0, 1, 8} {
			p, err := l.Plan(RunOptions{Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			plan, tier, time := hollow.Fastest(batch, p.set.Tier)
			if plan != p.Name() || tier != p.Tier() || !(time > 0) {
				t.Errorf("%+v, batch of %d: %s on %s, %v ns; Plan takes %s on %s",
					s, batch, plan, tier, time, p.Name(), p.Tier())
			}
		}
	}
	narrow := &Layer{Rows: 1, Cols: 2, Width: 1, Centroids: []byte{1}, Assignments: make([]byte, 2)}
	if _, err := narrow.Plan(RunOptions{Plan: "table"}); err == nil {
		t.Error("a table for segments of one column")
	}
}

func TestPlans(t *testing.T) {
	for _, s := range planShapes {
		random := rand.New(rand.NewPCG(1, uint64(s.rows*s.cols)))
		l := s.layer(random)
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 17} {
			x := integers(random, n, s.cols)
			want, size := exact(l, x, n)
			for _, row := range plans {
				if !row.fits(l) {
					continue
				}
				t.Run(fmt.Sprintf("%dx%d d=%d k=%d group=%d window=%d n=%d %s", s.rows, s.cols,
					s.width, s.k, s.group, s.window, n, row.name), func(t *testing.T) {
					y := mulMat(t, l, RunOptions{Plan: row.name}, x, n)
					for i, v := range y {
						// A table is rounded to 16 bits a block; all else to float32.
						tolerance := 1e-6 * size[i]
						switch row.name {
						case "table":
							tolerance += tableRounding(l)
						case "dense":
							tolerance = float64(l.Cols+4) * ulp * size[i]
						}
						if math.Abs(float64(v)-want[i]) > tolerance {
							t.Fatalf("result %d is %v, want %v within %v", i, v, want[i], tolerance)
						}
					}
					if row.name == "dense" {
						return // free order of additions
					}
					for _, opts := range otherWays(t, row.name) {
						got := mulMat(t, l, opts, x, n)
						if !slices.Equal(got, y) {
							t.Fatalf("other bits with %d threads", opts.Threads)
						}
					}
				})
			}
		}
	}
}

// tableRounding bounds what rounding a table to int16 can change in a result for inputs of at most
// 127: half a step for each segment.
func tableRounding(l *Layer) float64 {
	most := 0.0
	for _, c := range l.Centroids {
		most = max(most, math.Abs(float64(c)-float64(l.ZeroPoint)))
	}
	blockSegments := float64(kernels.Block / (4 * l.Width) * 4)
	step := max(1, blockSegments*float64(l.Width)*most*127/(32767-blockSegments))
	return float64(l.Scale) * step / 2 * float64(l.Segments())
}

// otherWays lists thread counts and tiers under which a plan must give the same bits.
func otherWays(t *testing.T, plan string) []RunOptions {
	t.Helper()
	ways := []RunOptions{{Plan: plan, Threads: 2}, {Plan: plan, Threads: 7}}
	for _, set := range samples.Sets() {
		ways = append(ways, RunOptions{Plan: plan, Kernels: set})
	}
	return ways
}

func mulMat(t *testing.T, l *Layer, opts RunOptions, x []float32, n int) []float32 {
	t.Helper()
	p, err := l.Plan(opts)
	if err != nil {
		t.Fatal(err)
	}
	p.threads = opts.Threads // however small the layer
	y := make([]float32, n*l.Rows)
	for i := range y {
		y[i] = float32(math.NaN()) // every result must be written
	}
	if err := p.MulMat(y, x, n); err != nil {
		t.Fatal(err)
	}
	return y
}

// errorShapes are layers whose outputs are neither tiny nor huge.
func errorShapes() []*Layer {
	rows, cols := 512, 384
	if testing.Short() {
		rows = 97
	}
	var layers []*Layer
	for _, s := range []struct{ width, k, group int }{{2, 256, 0}, {3, 256, 0}, {4, 256, 0},
		{8, 256, 0}, {64, 256, 0}, {384, 256, 0}, {1, 16, 16}, {1, 16, 0}, {1, 256, 0}} {
		l := randomLayer(rand.New(rand.NewPCG(2, uint64(s.width))), rows, cols, s.width, s.k, s.group)
		l.ZeroPoint = 128
		layers = append(layers, l)
		if s.width == 1 {
			random := rand.New(rand.NewPCG(5, uint64(s.k)))
			l := randomLayer(random, rows, cols, s.width, s.k, s.group)
			l.ZeroPoint = 128
			addExtras(random, l)
			layers = append(layers, l)
		}
	}
	random := rand.New(rand.NewPCG(6, 6))
	windows := randomWindows(random, rows, cols, 3)
	windows.ZeroPoint = 128
	addExtras(random, windows)
	return append(layers, windows)
}

// addExtras gives a layer outliers, one among 50 weights, and scales of columns.
func addExtras(random *rand.Rand, l *Layer) {
	for i := random.IntN(50); i < l.Rows*l.Cols; i += 1 + random.IntN(100) {
		l.Outliers = append(l.Outliers,
			Outlier{Row: i / l.Cols, Col: i % l.Cols,
				Value: floats.UpperHalf(float32(10 * random.NormFloat64()))})
	}
	l.ColScales = make([]byte, l.Cols)
	for c := range l.ColScales {
		l.ColScales[c] = byte(200 + random.IntN(56))
	}
}

// TestKernelError holds two promises: quantising a Gaussian input costs at most 1 % of the output,
// and one with a few columns 100 times as large as the rest at most 2 %.
func TestKernelError(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many rows; plans give the same bits on every tier")
	}
	const n = 8
	for _, l := range errorShapes() {
		random := rand.New(rand.NewPCG(3, 3))
		x := make([]float32, n*l.Cols)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		tailed := slices.Clone(x)
		for i := range n {
			for _, c := range []int{5, 77, 200, 300} {
				tailed[i*l.Cols+c] *= 100
			}
		}
		for _, p := range plansFor(t, l) {
			for _, c := range []struct {
				what string
				x    []float32
				most float64
			}{{"Gaussian", x, 0.01}, {"heavy-tailed", tailed, 0.02}} {
				y := make([]float32, n*l.Rows)
				if err := p.MulMat(y, c.x, n); err != nil {
					t.Fatal(err)
				}
				found, bound := p.Check(l, y, c.x)
				if found > c.most || found > bound || found == 0 {
					t.Errorf("width %d, k %d, plan %s, %s input: "+
						"error %.5f, want at most %.2f; bound %.4f",
						l.Width, l.K(), p.Name(), c.what, found, c.most, bound)
				}
			}
		}
	}
}

// plansFor lays a layer out in every plan that fits it.
func plansFor(t testing.TB, l *Layer) (all []*Plan) {
	t.Helper()
	for _, row := range plans {
		if !row.fits(l) {
			continue
		}
		p, err := l.Plan(RunOptions{Plan: row.name})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// TestErrorStaysWithinBound tries to break the proof, result by result, with inputs of many kinds.
func TestErrorStaysWithinBound(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	inputs := map[string]func(i int) float64{
		"Gaussian":      func(int) float64 { return random.NormFloat64() },
		"all positive":  func(int) float64 { return random.Float64() },
		"between steps": func(i int) float64 { return []float64{127, 0.5, -1.5, 3.4999}[i%4] },
		"heavy-tailed":  func(int) float64 { return math.Pow(random.NormFloat64(), 5) },
		"one of all":    func(i int) float64 { return map[bool]float64{true: 1}[i == 100] },
		"tiny":          func(int) float64 { return 1e-30 * random.NormFloat64() },
		"vanishing":     func(int) float64 { return 1e-38 * random.NormFloat64() },
		"huge":          func(int) float64 { return 1e30 * random.NormFloat64() },
		"large then not": func(i int) float64 {
			return random.NormFloat64() * math.Pow(10,
				float64(-i%7))
		},
	}
	for _, l := range errorShapes() {
		exactRow, own := make([]float32, l.Cols), make([]float32, l.Cols)
		for name, value := range inputs {
			x, y := make([]float32, l.Cols), make([]float32, l.Rows)
			for i := range x {
				x[i] = float32(value(i))
			}
			for _, p := range plansFor(t, l) {
				if err := p.MulVec(y, x); err != nil {
					t.Fatal(err)
				}
				b := newBound(l, p.engine.precision(), x)
				for r, got := range y {
					l.Row(exactRow, r)
					b.weights(own, r)
					var want float64
					for c, v := range exactRow {
						want += float64(v) * float64(x[c])
					}
					if off, most := math.Abs(float64(got)-want), b.row(r, own); !(off <= most) {
						t.Fatalf("width %d, k %d, group %d, plan %s, %s input: "+
							"row %d is off by %g, bound %g",
							l.Width, l.K(), l.Group, p.Name(), name, r, off, most)
					}
				}
			}
		}
	}
}

func TestMulRefusesBadInput(t *testing.T) {
	l := randomLayer(rand.New(rand.NewPCG(3, 3)), 20, 300, 2, 256, 0)
	plan, err := l.Plan(RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	y, x := make([]float32, 20), make([]float32, 300)
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x[299] = float32(bad)
		if err := plan.MulVec(y, x); err == nil || !strings.Contains(err.Error(), "input 299 is") {
			t.Errorf("%v in the input: error %v", bad, err)
		}
	}
	x[299] = 0
	if err := plan.MulVec(y, x); err != nil {
		t.Error(err)
	}
	if err := plan.MulVec(y[1:], x); err == nil {
		t.Error("no error for a short y")
	}
	if err := plan.MulVec(y, x[1:]); err == nil {
		t.Error("no error for a short x")
	}
	if _, err := l.Plan(RunOptions{Plan: "broadcast"}); err == nil {
		t.Error("no error for a plan that does not fit")
	}
}

func TestMulVecAllocatesNothing(t *testing.T) {
	for _, s := range planShapes {
		l := s.layer(rand.New(rand.NewPCG(4, 4)))
		for _, p := range plansFor(t, l) {
			x, y := make([]float32, l.Cols), make([]float32, l.Rows)
			for _, p.threads = range []int{1, 2} {
				allocs := testing.AllocsPerRun(20, func() {
					if err := p.MulVec(y, x); err != nil {
						t.Fatal(err)
					}
				})
				// The race detector drops items of a pool on purpose.
				if allocs > 0 && !samples.Race {
					t.Errorf("%+v, plan %s, %d threads: %v allocations a call", s, p.Name(),
						p.threads, allocs)
				}
			}
		}
	}
}

// layerKinds are the kinds of layers whose plans are timed.
func layerKinds(rows, cols int) []planShape {
	return []planShape{
		{rows, cols, cols, 256, 0, 0}, {rows, cols, 8, 256, 0, 0}, {rows, cols, 4, 256, 0, 0},
		{rows, cols, 2, 256, 0, 0},
		{rows, cols, 1, 16, 0, 0}, {rows, cols, 1, 16, 16, 0}, {rows, cols, 1, 256, 0, 0},
		{rows, cols, 1, 256, 0, 2}, {rows, cols, 1, 256, 0, 4},
	}
}

func BenchmarkMulVec(b *testing.B) {
	const rows, cols = 3072, 1024
	for _, s := range layerKinds(rows, cols) {
		l := s.layer(rand.New(rand.NewPCG(5, 5)))
		for _, p := range plansFor(b, l) {
			x, y := integers(rand.New(rand.NewPCG(6, 6)), 1, cols), make([]float32, rows)
			b.Run(fmt.Sprintf("d=%d/k=%d/group=%d/window=%d/plan=%s/tier=%s", s.width, s.k, s.group,
				s.window, p.Name(), p.Tier()), func(b *testing.B) {
				for b.Loop() {
					if err := p.MulVec(y, x); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestWindowsStaySmall: a layer stays as small as its file, also where bytes take less work.
func TestWindowsStaySmall(t *testing.T) {
	for bits := kernels.MinWindowBits; bits <= kernels.MaxWindowBits; bits++ {
		l := randomWindows(rand.New(rand.NewPCG(9, 9)), 768, 1024, bits)
		for _, set := range samples.Sets() {
			for _, batch := range []int{1, 8} {
				p, err := l.Plan(RunOptions{Kernels: set, Batch: batch})
				if err != nil {
					t.Fatal(err)
				}
				want, most := "window", float64(bits)+0.1
				if set.Tier("mul-window") == "scalar" {
					want, most = "dense", 32
				}
				if resident := float64(p.BitsResident()) / (768 * 1024); p.Name() != want ||
					resident > most {
					t.Errorf("%s, %d bits, batch of %d: %s, %.2f bits resident",
						set.Tier("mul-window"), bits, batch, p.Name(), resident)
				}
			}
		}
	}
}

// TestPlanRows: every plan gives back the rows of its layer, bit for bit.
func TestPlanRows(t *testing.T) {
	var layers []*Layer
	for _, s := range planShapes {
		layers = append(layers, s.layer(rand.New(rand.NewPCG(8, 8))))
	}
	large := *layers[0]
	large.Scale = math.MaxFloat32 / 2 // products leave float32
	for _, l := range append(append(layers, errorShapes()...), &large) {
		got, want := make([]float32, l.Cols), make([]float32, l.Cols)
		for _, row := range plans {
			p, err := l.Plan(RunOptions{Plan: row.name})
			if err != nil {
				continue // it is not for this layer
			}
			for r := range l.Rows {
				p.Row(got, r)
				if l.Row(want, r); !slices.Equal(got, want) {
					t.Fatalf("[%d, %d], width %d, k %d, plan %s: row %d is %v, want %v",
						l.Rows, l.Cols, l.Width, l.K(), row.name, r, got, want)
				}
			}
		}
	}
}
