package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/kernels"
)

// benchShapes are those of real layers: one of a small sentence encoder, one of a middling model, one of a
// large one. All are multiples of what the layouts of kernels need.
func benchShapes() [][2]int { return [][2]int{{384, 1536}, {3072, 1024}, {4096, 4096}} }

// benchmarks is what bench measures.
type benchmarks struct {
	cases []*benchCase
	set   *kernels.Set
	rng   *rand.Rand
	dense map[[2]int]func() error // dense float32 multiplication by shape
	other []byte                  // what timeCold fills the cache with
}

// newBenchmarks lists kernels, layers with random content and the layers of a codebook.
func newBenchmarks(kernel string, args []string) (*benchmarks, error) {
	set, err := kernelSet(kernel)
	if err != nil {
		return nil, err
	}
	b := &benchmarks{set: set, rng: rand.New(rand.NewPCG(1, 2)), dense: make(map[[2]int]func() error)}
	var layers []codebook.NamedLayer
	if len(args) > 0 {
		book, err := openCodebook(args[0])
		if err != nil {
			return nil, err
		}
		defer book.Close()
		if layers, err = namedLayers(book); err != nil {
			return nil, err
		}
	}
	if err := b.addKernels(); err != nil {
		return nil, err
	}
	for _, shape := range benchShapes() {
		for _, s := range []codebook.Scheme{
			{Name: "rows", Width: shape[1], K: 256},
			{Name: "segments", Width: 8, K: 256},
			{Name: "segments", Width: 4, K: 256},
			{Name: "segments", Width: 2, K: 256},
			{Name: "scalar", Width: 1, K: 256},
			{Name: "scalar", Width: 1, K: 16, Group: 16},
		} {
			b.addLayer("", b.randomLayer(shape[0], shape[1], s))
		}
	}
	for _, l := range layers {
		b.addLayer("/layer="+benchName(l.Tensor.Name), l.Layer)
	}
	return b, nil
}

// benchName is a tensor's name without what means something in the Go benchmark format.
func benchName(name string) string {
	return printable(strings.NewReplacer(" ", "_", "/", "_", "=", "_").Replace(name))
}

// addLayer adds a layer, with its data in the cache and not.
func (b *benchmarks) addLayer(label string, l *codebook.Layer) {
	name := fmt.Sprintf("Layer%s/scheme=%s/d=%d/k=%d", label, l.Scheme(), l.Width, l.K())
	if l.Group != 0 {
		name += fmt.Sprintf("/g=%d", l.Group)
	}
	name += fmt.Sprintf("/rows=%d/cols=%d", l.Rows, l.Cols)
	for _, cache := range []string{"hot", "cold"} {
		b.cases = append(b.cases, &benchCase{
			name: name + "/cache=" + cache, rows: l.Rows, cols: l.Cols, cold: cache == "cold",
			prepare: func() (string, func() func() error, error) {
				plan, err := l.Plan(codebook.RunOptions{Kernels: b.set})
				if err != nil {
					return "", nil, err
				}
				return plan.Tier(), func() func() error {
					x, y := b.floats(l.Cols), make([]float32, l.Rows)
					return func() error { return plan.MulVec(y, x) }
				}, nil
			},
		})
	}
}

// randomLayer is as fast as a layer made of a real matrix: kernels do not look at the values.
func (b *benchmarks) randomLayer(rows, cols int, s codebook.Scheme) *codebook.Layer {
	l := &codebook.Layer{
		Rows: rows, Cols: cols, Width: s.Width, Group: s.Group,
		Centroids: b.bytes(s.K * s.Width), ZeroPoint: 128, Scale: 0.001,
	}
	l.Assignments = b.bytes(rows * l.Segments())
	for i := range l.Assignments {
		l.Assignments[i] = byte(int(l.Assignments[i]) % s.K)
	}
	if s.Name != "rows" {
		l.RowScales = b.bytes(rows)
	}
	if s.Group != 0 {
		l.Multipliers = make([]int8, rows*l.Groups())
		for i := range l.Multipliers {
			l.Multipliers[i] = int8(b.rng.IntN(codebook.MaxMultiplier))
		}
	}
	return l
}

// addKernels adds each operation on each tier that runs here and is not beyond the set.
func (b *benchmarks) addKernels() error {
	for _, shape := range benchShapes() {
		reached := make(map[string]bool) // operations whose selected row has come by: the best comes first
		for _, t := range b.set.Tiers() {
			reached[t.Op] = reached[t.Op] || t.Selected
			if !reached[t.Op] || t.Lacks != "" {
				continue
			}
			set, err := kernels.Limited(t.Tier)
			if err != nil {
				return err
			}
			b.addKernel(set, t.Op, shape[0], shape[1])
		}
	}
	return nil
}

// addKernel adds an operation as a layer of this shape needs it.
func (b *benchmarks) addKernel(set *kernels.Set, op string, rows, cols int) {
	name := fmt.Sprintf("Kernel/op=%s/rows=%d/cols=%d", op, rows, cols)
	add := func(detail string, setUp func() (run func())) {
		b.cases = append(b.cases, &benchCase{
			name: name + detail, rows: rows, cols: cols,
			prepare: func() (string, func() func() error, error) {
				return set.Tier(op), func() func() error {
					run := setUp()
					return func() error { run(); return nil }
				}, nil
			},
		})
	}
	switch op {
	case "quantize":
		add("", func() func() {
			x, q, scales := b.floats(cols), make([]int8, cols), make([]float32, cols/kernels.Block)
			return func() { set.Quantize(q, scales, x, kernels.Block) }
		})
	case "mul-u8":
		add("", func() func() {
			return mulCall(set.MulU8, b.matrix(rows, cols, 1, kernels.Block, 1, 0), b.input(cols, kernels.Block))
		})
	case "mul-nibble":
		add("/g=16", func() func() {
			return mulCall(set.MulNibble, b.matrix(rows, cols, 1, 16, 2, 16), b.input(cols, 16))
		})
	case "mul-lookup":
		add("/d=2", func() func() {
			return mulCall(set.MulLookup, b.matrix(rows, cols, 2, kernels.Block, 1, 2*kernels.Centroids), b.input(cols, kernels.Block))
		})
	case "table":
		add("/d=8", func() func() { return b.tableCall(set, rows, cols, 8) })
	case "dense-vector":
		add("", func() func() {
			w, x, y := b.floats(rows*cols), b.floats(cols), make([]float32, rows)
			return func() { set.DenseVec(y, w, x) }
		})
	case "dense-matrix":
		add("/batch=8", func() func() {
			w, x, y := b.floats(rows*cols), b.floats(8*cols), make([]float32, 8*rows)
			return func() { set.DenseMat(y, rows, w, x, rows, cols, 8) }
		})
	case "nearest":
		// What compress asks for: points of two columns against a full codebook.
		const points, d = 4096, 2
		add(fmt.Sprintf("/points=%d/d=%d", points, d), func() func() {
			at, centroids, half := b.floats(points*d), b.floats(kernels.Centroids*d), b.floats(kernels.Centroids)
			assignments, scores := make([]byte, points), make([]float32, points)
			return func() { set.Nearest(assignments, scores, nil, at, points, d, centroids, half) }
		})
	}
}

type mulFunc func(dst []float32, ld int, m *kernels.Matrix, in *kernels.Input, p0, p1 int)

func mulCall(mul mulFunc, m *kernels.Matrix, in *kernels.Input) func() {
	y := make([]float32, len(m.Scale))
	return func() { mul(y, len(y), m, in, 0, m.Panels) }
}

func (b *benchmarks) tableCall(set *kernels.Set, rows, cols, width int) func() {
	segments := cols / width
	t := kernels.NewTables(segments, kernels.Block/width)
	in := b.input(cols, width)
	centroids, codes := b.bytes(kernels.Centroids*width), b.bytes(rows*segments)
	scale, y := b.floats(rows), make([]float32, rows)
	return func() {
		set.BuildTables(t, centroids, width, in.Q, in.Scales, in.Init)
		set.SpreadTables(y, t, codes, scale, 0, rows/kernels.TablePanelRows)
	}
}

// matrix is one with random content. A code stands for width columns, group columns share a
// multiplier, perByte codes lie in a byte.
func (b *benchmarks) matrix(rows, cols, width, group, perByte, lookup int) *kernels.Matrix {
	quad := 4 * width
	m := &kernels.Matrix{
		Panels: rows / kernels.PanelRows, Quads: cols / quad,
		BlockQuads: kernels.Block / quad, GroupQuads: group / quad,
		Codes: b.bytes(rows * cols / width / perByte), Lookup: b.bytes(lookup), Scale: b.floats(rows),
	}
	m.Mult = make([]int8, rows*m.Groups())
	for i := range m.Mult {
		m.Mult[i] = int8(b.rng.IntN(codebook.MaxMultiplier))
	}
	return m
}

// input is a random quantised vector; group columns share a sum.
func (b *benchmarks) input(cols, group int) *kernels.Input {
	in := &kernels.Input{
		N: 1, Stride: cols, Q: make([]int8, cols),
		Scales: b.floats(cols / kernels.Block), Init: make([]int32, cols/group),
	}
	for i, v := range b.bytes(cols) {
		in.Q[i] = int8(v)
	}
	return in
}

// denseVec returns the float32 multiplication that everything of this shape is held against, on the
// best kernels of the set. Shapes share their weights.
func (b *benchmarks) denseVec(rows, cols int) func() error {
	shape := [2]int{rows, cols}
	if b.dense[shape] == nil {
		w, x, y := b.floats(rows*cols), b.floats(cols), make([]float32, rows)
		b.dense[shape] = func() error { b.set.DenseVec(y, w, x); return nil }
	}
	return b.dense[shape]
}

func (b *benchmarks) floats(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = b.rng.Float32() - 0.5
	}
	return v
}

func (b *benchmarks) bytes(n int) []byte {
	v := make([]byte, (n+7)/8*8)
	for i := 0; i < len(v); i += 8 {
		binary.LittleEndian.PutUint64(v[i:], b.rng.Uint64())
	}
	return v[:n:n]
}
