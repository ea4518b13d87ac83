package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/kernels"
)

// operation says how an operation of the kernels is measured.
type operation struct {
	detail  string // of the name
	batches []int
	matrix  bool // has a matrix of its own, which can be cold
	content formsFunc
}

// formsFunc makes what a layer [rows, cols] needs of an operation; layOut makes a copy of it.
type formsFunc = func(s *kernels.Set, rows, cols, batch int) (layOut func() form)

var operations = map[string]operation{
	"quantize":      {"", []int{1}, false, quantizeForms},
	"group-sums":    {"", []int{1}, false, groupSumsForms},
	"permute":       {"/d=64", []int{1}, false, permuteForms(64)},
	"mul-u8":        {"", benchBatches, true, mulForms(mulU8)},
	"mul-nibble":    {"/g=16", benchBatches, true, mulForms(mulNibble)},
	"mul-lookup":    {"/d=2", benchBatches, true, mulForms(mulLookup)},
	"mul-window":    {"/bits=3", benchBatches, true, windowForms(3)},
	"table":         {"/d=8", []int{1}, true, tableForms(8)},
	"dense-vector":  {"", []int{1}, true, denseVectorForms},
	"dense-matrix":  {"", []int{8, 128}, true, denseMatrixForms},
	"dense-product": {"/m=32", []int{1}, true, denseProductForms},
	"nearest":       {"/d=2", []int{1}, false, nearestForms(2)},
	"update":        {"/k=128", []int{1}, false, updateForms(128)},
	"trellis":       {"/states=8/searched=16", []int{1}, false, trellisForms(16)},
	"window":        {"/bits=3/searched=1", []int{1}, false, windowSearchForms(3)},
	"rans":          {"/blocks=4", []int{1}, false, ransForms(4)},
	"exp-sum":       {"", []int{1}, false, expSumForms},
	"exp-gelu":      {"", []int{1}, false, expGateForms((*kernels.Set).GELU)},
	"exp-swiglu":    {"", []int{1}, false, expGateForms((*kernels.Set).SwiGLU)},
	"transpose":     {"", []int{1}, true, transposeForms},
	"rows-scale":    {"", []int{1}, false, rowsForms((*kernels.Set).ScaleRows)},
	"rows-add":      {"", []int{1}, false, rowsForms((*kernels.Set).AddRows)},
	"add-norm":      {"", []int{1}, false, addNormForms},
}

// kernelCases lists each operation on each tier that runs here and is not beyond the set. A kernel
// knows no threads.
func kernelCases(set *kernels.Set, shape namedShape) ([]*benchCase, error) {
	var cases []*benchCase
	reached := make(map[string]bool) // operations whose selected row has come by: the best is first
	for _, t := range set.Tiers() {
		reached[t.Op] = reached[t.Op] || t.Selected
		if !reached[t.Op] || t.Lacks != "" {
			continue
		}
		limited, err := kernels.Limited(t.Tier)
		if err != nil {
			return nil, err
		}
		op := operations[t.Op]
		for _, batch := range op.batches {
			for _, cache := range []string{"hot", "cold"} {
				if cache == "cold" && !op.matrix {
					continue
				}
				cases = append(cases, &benchCase{
					name: fmt.Sprintf("BenchmarkKernel/layer=%s/op=%s%s/rows=%d/cols=%d"+
						"/batch=%d/cache=%s/tier=%s/threads=1",
						shape.name, t.Op, op.detail, shape.rows, shape.cols, batch, cache, t.Tier),
					set: set, rows: shape.rows, cols: shape.cols, batch: batch,
					threads: 1, cold: cache == "cold",
					content: func() func() (form, error) {
						layOut := op.content(limited, shape.rows, shape.cols, batch)
						return func() (form, error) { return layOut(), nil }
					},
				})
			}
		}
	}
	return cases, nil
}

// always is a call that cannot fail.
func always(f func()) func() error {
	return func() error { f(); return nil }
}

func quantizeForms(s *kernels.Set, _, cols, _ int) func() form {
	x, q := randomFloats(cols), make([]int8, cols)
	scales := make([]float32, ceilDiv(cols, kernels.Block))
	return func() form {
		return form{mul: always(func() { s.Quantize(q, scales, x, kernels.Block) })}
	}
}

func groupSumsForms(s *kernels.Set, _, cols, _ int) func() form {
	q, groups := make([]int8, cols), ceilDiv(cols, kernels.Block)
	sums, squares := make([]int32, groups), make([]int32, groups)
	return func() form {
		return form{mul: always(func() { s.GroupSums(sums, squares, q, kernels.Block) })}
	}
}

func permuteForms(d int) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		n := ceilDiv(cols, 4*d) * 4 * d
		q, permuted := make([]int8, n), make([]int8, n)
		return func() form {
			return form{mul: always(func() { s.PermuteInput(permuted, q, d) })}
		}
	}
}

// mulOperation is a multiplication of packed codes, and what they are.
type mulOperation struct {
	mul func(s *kernels.Set, dst []float32, ld int, m *kernels.Matrix, in *kernels.Input,
		p0, p1 int)
	matrixKind
}

// matrixKind says what a matrix holds: a code stands for width columns, group columns share a
// multiplier, perByte codes lie in a byte, and they are looked up among lookup bytes.
type matrixKind struct{ width, group, perByte, lookup int }

var (
	mulU8     = mulOperation{(*kernels.Set).MulU8, matrixKind{1, kernels.Block, 1, 0}}
	mulNibble = mulOperation{(*kernels.Set).MulNibble, matrixKind{1, 16, 2, 16}}
	mulLookup = mulOperation{
		(*kernels.Set).MulLookup, matrixKind{2, kernels.Block, 1, 2 * kernels.Centroids},
	}
)

func mulForms(op mulOperation) formsFunc {
	return func(s *kernels.Set, rows, cols, batch int) func() form {
		in, y := randomInput(cols, op.group, batch), make([]float32, batch*rows)
		return func() form {
			m := randomMatrix(rows, cols, op.matrixKind)
			return form{always(func() { op.mul(s, y, rows, m, in, 0, m.Panels) }), 8 * int64(m.Bytes())}
		}
	}
}

func windowForms(bits int) formsFunc {
	return func(s *kernels.Set, rows, cols, batch int) func() form {
		in, y := randomInput(cols, kernels.Block, batch), make([]float32, batch*rows)
		return func() form {
			const blockQuads = kernels.Block / 4
			m := &kernels.Matrix{
				Panels: rows / kernels.PanelRows, Quads: cols / 4,
				BlockQuads: blockQuads, GroupQuads: blockQuads, Bits: bits,
				Codes:  randomBytes(rows * cols * bits / 8),
				Lookup: randomBytes(kernels.WindowCentroids), Scale: randomFloats(rows),
			}
			for i, c := range m.Lookup { // sums of two are bytes
				m.Lookup[i] = c / 2
			}
			return form{always(func() { s.MulWindow(y, rows, m, in, 0, m.Panels) }), 8 * int64(m.Bytes())}
		}
	}
}

func tableForms(width int) formsFunc {
	return func(s *kernels.Set, rows, cols, _ int) func() form {
		segments := cols / width
		in, y := randomInput(cols, width, 1), make([]float32, rows)
		t := kernels.NewTables(segments, kernels.Block/width)
		return func() form {
			centroids := randomBytes(kernels.Centroids * width)
			codes, scale := randomBytes(rows*segments), randomFloats(rows)
			return form{always(func() {
				s.BuildTables(t, centroids, 0, width, in.Q, in.Scales, in.Init)
				s.SpreadTables(y, t, codes, scale, 0, rows/kernels.TablePanelRows)
			}), int64(8*(len(centroids)+len(codes)) + 32*rows)}
		}
	}
}

func denseVectorForms(s *kernels.Set, rows, cols, _ int) func() form {
	given, x, y := randomFloats(rows*cols), randomFloats(cols), make([]float32, rows)
	return func() form {
		w := slices.Clone(given)
		return form{always(func() { s.DenseVec(y, w, x) }), int64(32 * len(w))}
	}
}

func denseMatrixForms(s *kernels.Set, rows, cols, batch int) func() form {
	given, x, y := randomFloats(rows*cols), randomFloats(batch*cols), make([]float32, batch*rows)
	return func() form {
		w := slices.Clone(given)
		mul := always(func() { s.DenseMat(y, rows, w, x, rows, cols, batch) })
		return form{mul, int64(32 * len(w))}
	}
}

// denseProductForms multiplies m rows with a matrix [cols, rows].
func denseProductForms(s *kernels.Set, rows, cols, _ int) func() form {
	const m = 32
	given, a, c := randomFloats(rows*cols), randomFloats(m*cols), make([]float32, m*rows)
	return func() form {
		b := slices.Clone(given)
		mul := always(func() { s.DenseProduct(c, rows, a, cols, b, rows, m, cols, rows) })
		return form{mul, int64(32 * len(b))}
	}
}

// nearestForms assigns as many points to a full codebook as come to the multiplications of a layer.
func nearestForms(width int) formsFunc {
	return func(s *kernels.Set, rows, cols, _ int) func() form {
		points := rows * cols / (kernels.Centroids * width)
		at, centroids := randomFloats(points*width), randomFloats(kernels.Centroids*width)
		half := randomFloats(kernels.Centroids)
		assignments, scores := make([]byte, points), make([]float32, points)
		return func() form {
			return form{mul: always(func() {
				s.Nearest(assignments, scores, nil, at, points, width, centroids, half)
			})}
		}
	}
}

// updateForms is what error feedback asks for after a block of k columns, for one panel of rows.
func updateForms(k int) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		panel := s.UpdateRows()
		w, coefficients := randomFloats(cols*panel), randomFloats(cols*k)
		errors := randomFloats(k * panel)
		return func() form {
			return form{mul: always(func() { s.Update(w, coefficients, k, cols, errors, k) })}
		}
	}
}

// trellisForms searches this many rows.
func trellisForms(searched int) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		seqs, cost := make([]kernels.Sequence, searched), make([][256]float32, 1)
		work := new(kernels.TrellisWork)
		for i := range seqs {
			seqs[i] = kernels.Sequence{
				X: randomFloats(cols), Class: make([]byte, cols), Levels: make([]byte, cols),
			}
		}
		return func() form {
			return form{mul: always(func() { s.SearchTrellis(kernels.Trellis8, cost, seqs, work) })}
		}
	}
}

// windowSearchForms searches one row.
func windowSearchForms(bits int) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		x, assignments, work := randomFloats(cols), make([]byte, cols), new(kernels.WindowWork)
		table := (*[kernels.WindowCentroids]float32)(randomFloats(kernels.WindowCentroids))
		return func() form {
			return form{mul: always(func() {
				s.SearchWindows(assignments, work, x, nil, table, bits, kernels.RowStart)
			})}
		}
	}
}

// ransForms decodes eight columns of as many blocks, of 64 levels that are all as frequent.
func ransForms(blocks int) formsFunc {
	return func(s *kernels.Set, rows, _, _ int) func() form {
		d := &kernels.Rans{Trellis: kernels.Trellis8}
		const slots = kernels.RansSlots / 64
		for i := range 2 * kernels.RansSlots {
			d.Entries = append(d.Entries,
				kernels.NewRansEntry(int8(i%kernels.RansSlots/slots), slots, uint32(i%slots)))
		}
		levels, words := make([]byte, blocks*rows*8), randomBytes(rows*kernels.RansWords)
		codes, cols := make([][kernels.RansBlocks]byte, rows), make([]int8, 8)
		return func() form {
			return form{mul: always(func() {
				for b := range blocks {
					d.Words[b] = words
				}
				s.DecodeRans(d, levels, blocks, rows, 8, codes, cols)
			})}
		}
	}
}

// randomMatrix is as fast as one made of a real matrix: kernels do not look at the values.
func randomMatrix(rows, cols int, k matrixKind) *kernels.Matrix {
	quad := 4 * k.width
	m := &kernels.Matrix{
		Panels: rows / kernels.PanelRows, Quads: cols / quad,
		BlockQuads: kernels.Block / quad, GroupQuads: k.group / quad,
		Codes:  randomBytes(rows * cols / k.width / k.perByte),
		Lookup: randomBytes(k.lookup), Scale: randomFloats(rows),
	}
	m.Mult = randomMultipliers(rows * m.Groups())
	return m
}

// randomInput is n quantised vectors; group columns share a sum.
func randomInput(cols, group, n int) *kernels.Input {
	in := &kernels.Input{
		N: n, Stride: cols, Q: make([]int8, n*cols),
		Scales: randomFloats(n * ceilDiv(cols, kernels.Block)),
		Init:   make([]int32, n*ceilDiv(cols, group)),
	}
	for i, v := range randomBytes(len(in.Q)) {
		in.Q[i] = int8(v)
	}
	return in
}

// randomLayer is a layer of a scheme with random content.
func randomLayer(rows, cols int, s codebook.Scheme) *codebook.Layer {
	l := &codebook.Layer{
		Rows: rows, Cols: cols, Width: s.Width, Group: s.Group, WindowBits: s.WindowBits,
		Centroids: randomBytes(s.K * s.Width), ZeroPoint: 128, Scale: 0.001, Stream: noStream(s),
	}
	l.Assignments = randomBytes(rows * l.Segments())
	for i := range l.Assignments {
		l.Assignments[i] = byte(int(l.Assignments[i]) % s.K)
	}
	if s.WindowBits != 0 { // sums of one of 16 by each half of the assignment
		for a := range l.Centroids {
			l.Centroids[a] = byte(a%16*8 + a/16*8)
		}
	}
	if s.Name != "rows" {
		l.RowScales = randomBytes(rows)
	}
	if s.Group != 0 {
		l.Multipliers = randomMultipliers(rows * l.Groups())
	}
	return l
}

func randomMultipliers(n int) []int8 {
	multipliers := make([]int8, n)
	for i, v := range randomBytes(n) {
		multipliers[i] = int8(v % codebook.MaxMultiplier)
	}
	return multipliers
}

func randomFloats(n int) []float32 {
	rng, v := newRandom(n), make([]float32, n)
	for i := range v {
		v[i] = rng.Float32() - 0.5
	}
	return v
}

func randomBytes(n int) []byte {
	rng, v := newRandom(n), make([]byte, (n+7)/8*8)
	for i := 0; i < len(v); i += 8 {
		binary.LittleEndian.PutUint64(v[i:], rng.Uint64())
	}
	return v[:n:n]
}

// newRandom is seeded, so that all runs measure the same.
func newRandom(n int) *rand.Rand { return rand.New(rand.NewPCG(1, uint64(n))) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func expSumForms(s *kernels.Set, _, cols, _ int) func() form {
	x := make([]float32, cols)
	return func() form { return form{mul: always(func() { s.ExpSum(x, 1) })} }
}

func expGateForms(op func(s *kernels.Set, x, y []float32)) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		x, y := make([]float32, cols), make([]float32, cols)
		return func() form { return form{mul: always(func() { op(s, x, y) })} }
	}
}

func addNormForms(s *kernels.Set, _, cols, _ int) func() form {
	x, y := randomFloats(cols), randomFloats(cols)
	return func() form { return form{mul: always(func() { s.AddNorm(x, y, y, y, y, 1e-12) })} }
}

func rowsForms(op func(s *kernels.Set, dst, x, by []float32)) formsFunc {
	return func(s *kernels.Set, _, cols, _ int) func() form {
		x, dst := randomFloats(cols), make([]float32, cols)
		return func() form { return form{mul: always(func() { op(s, dst, x, x) })} }
	}
}

func transposeForms(s *kernels.Set, rows, cols, _ int) func() form {
	given, dst := randomFloats(rows*cols), make([]float32, rows*cols)
	return func() form {
		x := slices.Clone(given)
		return form{always(func() { s.Transpose(dst, x, rows, cols) }), int64(32 * len(x))}
	}
}
