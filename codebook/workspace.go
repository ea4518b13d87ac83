package codebook

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/palettize/palettize/kernels"
)

// heavy is the largest ratio of a block's largest input to the root of its mean square up to which
// one pass of int8 is good enough: rounding to steps of 1/127 of the largest leaves an error of
// heavy/(127*sqrt(12)), 0.027 of the block. Gaussian inputs stay near 3.
const heavy = 12

// inputLayout says how vectors are quantised.
type inputLayout struct {
	cols   int
	block  int  // columns that share a scale
	group  int  // columns that share a sum
	stride int  // values from one vector to the next
	zero   byte // the layer's zero point
}

func (l inputLayout) blocks() int { return ceilDiv(l.cols, l.block) }
func (l inputLayout) groups() int { return ceilDiv(l.cols, l.group) }

// workspaces are for all layers alike: where a model goes through its layers, what the last one
// wrote is in the cache for the next one to write over.
var workspaces = sync.Pool{New: func() any {
	return &workspace{finished: make(chan struct{}, 1)}
}}

// workspace is the memory of one call. It grows to what the largest call needed.
type workspace struct {
	in          kernels.Input // of the vectors, then of the remainders of heavy ones
	vectors     kernels.Input // the first of in
	remainders  kernels.Input // the others
	heavy       []int         // vectors with a remainder
	remainder   []float32
	squares     []int32   // sums of groups of the last vector
	colScales   []float32 // nil: all 1
	scaled      []float32 // an input times them
	q, shuffled []int8
	row         []byte // the bytes of a row
	tables      kernels.Tables
	distances   [kernels.Centroids]float32 // of centroids from a segment
	rest        []float32                  // scores of a remainder

	// What the parts of a multiplication need beside the input, one part a thread.
	out        []float32 // results, ld from one vector to the next
	ld         int
	vector     int          // the one that tables are for
	x          []float32    // the float32 input, for dense
	n          int          // its vectors
	late       []float32    // those of remainders
	own        []float32    // out, unless that is the caller's y, and late then
	helpers    []*helper    // that do parts
	unfinished atomic.Int32 // parts, and one for the caller until it sleeps
	finished   chan struct{}
}

// grow returns s with length n, what it held included; the rest is unspecified.
func grow[T any](s []T, n int) []T { return slices.Grow(s, max(0, n-len(s)))[:n] }

// quantise fills ws.in for n vectors of x, times ws.colScales. Where a few inputs of a vector are
// far larger than the rest of their block, what rounding has left of the vector follows as one more
// vector, whose result is to be added: a layer then sees the small inputs too. It returns false
// when x holds a NaN or an infinity.
func (ws *workspace) quantise(set *kernels.Set, x []float32, n int, layout inputLayout) bool {
	ws.heavy = ws.heavy[:0]
	ws.in.N, ws.in.Stride = 0, layout.stride
	blocks := layout.blocks()
	for i := range n {
		if !ws.quantiseOne(set, ws.input(set, x, i, layout.cols), layout) {
			return false
		}
		if ws.isHeavy(ws.in.Scales[i*blocks:][:blocks], layout) {
			ws.heavy = append(ws.heavy, i)
		}
	}
	for _, i := range ws.heavy {
		ws.remainder = grow(ws.remainder, layout.cols)
		q, scales := ws.in.Q[i*layout.stride:], ws.in.Scales[i*blocks:]
		from := ws.input(set, x, i, layout.cols)
		for b, at := 0, 0; at < layout.cols; b, at = b+1, at+layout.block {
			block, scale := from[at:min(at+layout.block, layout.cols)], scales[b]
			to, codes := ws.remainder[at:][:len(block)], q[at:][:len(block)]
			for c, v := range block {
				to[c] = v - float32(scale*float32(codes[c]))
			}
		}
		ws.quantiseOne(set, ws.remainder, layout)
	}
	return true
}

// input returns vector i of x, times ws.colScales.
func (ws *workspace) input(set *kernels.Set, x []float32, i, cols int) []float32 {
	x = x[i*cols:][:cols]
	if ws.colScales == nil {
		return x
	}
	ws.scaled = grow(ws.scaled, cols)
	set.ScaleRows(ws.scaled, x, ws.colScales)
	return ws.scaled
}

// quantiseOne appends a vector to ws.in.
func (ws *workspace) quantiseOne(set *kernels.Set, x []float32, layout inputLayout) bool {
	in, i, blocks, groups := &ws.in, ws.in.N, layout.blocks(), layout.groups()
	in.N++
	ws.q = grow(ws.q, in.N*layout.stride)
	in.Q = ws.q
	in.Scales = grow(in.Scales, in.N*blocks)
	in.Init = grow(in.Init, in.N*groups)
	q := in.Q[i*layout.stride:][:layout.stride]
	if !set.Quantize(q, in.Scales[i*blocks:], x, layout.block) {
		return false
	}
	init := in.Init[i*groups:][:groups]
	ws.squares = grow(ws.squares, groups)
	set.GroupSums(init, ws.squares, q[:layout.cols], layout.group)
	for g := range init {
		init[g] *= -int32(layout.zero)
	}
	return true
}

// widen returns segments of width d filled up with zeros to another width. It is q itself where
// that is the same.
func (ws *workspace) widen(q []int8, d, padded int) []int8 {
	if padded == d {
		return q
	}
	segments := len(q) / d
	ws.shuffled = grow(ws.shuffled, segments*padded)
	clear(ws.shuffled)
	for s := range segments {
		copy(ws.shuffled[s*padded:], q[s*d:][:d])
	}
	return ws.shuffled
}

// isHeavy reports whether the last vector has a block with a few values far larger than the rest.
func (ws *workspace) isHeavy(scales []float32, layout inputLayout) bool {
	groups, cols, squares := layout.block/layout.group, layout.cols, ws.squares
	for _, scale := range scales {
		var sum int32
		n := min(groups, len(squares))
		for _, v := range squares[:n] {
			sum += v
		}
		// The largest is 127.
		if scale != 0 && int(sum)*heavy*heavy < 127*127*min(layout.block, cols) {
			return true
		}
		squares, cols = squares[n:], cols-layout.block
	}
	return false
}

// results sets where the results of ws.in go, rows of them padded: to y itself where nothing is
// padded, but for those of remainders.
func (ws *workspace) results(y []float32, rows, padded int) {
	ws.ld = padded
	if rows == padded {
		ws.late = grow(ws.late, len(ws.heavy)*padded)
		ws.out = y
		return
	}
	ws.own = grow(ws.own, ws.in.N*padded)
	vectors := (ws.in.N - len(ws.heavy)) * padded
	ws.out, ws.late = ws.own[:vectors], ws.own[vectors:]
}

// result is where the result of vector i of ws.in goes.
func (ws *workspace) result(i int) []float32 {
	if n := ws.in.N - len(ws.heavy); i >= n {
		return ws.late[(i-n)*ws.ld:][:ws.ld]
	}
	return ws.out[i*ws.ld:][:ws.ld]
}

// separate takes ws.in apart for multiply.
func (ws *workspace) separate(m *kernels.Matrix) {
	ws.vectors, ws.remainders = ws.in, ws.in
	n := ws.in.N - len(ws.heavy)
	ws.vectors.N, ws.remainders.N = n, len(ws.heavy)
	ws.remainders.Q = ws.in.Q[n*ws.in.Stride:]
	ws.remainders.Scales = ws.in.Scales[n*m.Blocks():]
	ws.remainders.Init = ws.in.Init[n*m.Groups():]
}

// multiply multiplies panels lo to hi.
func (ws *workspace) multiply(op panelOp, set *kernels.Set, m *kernels.Matrix, lo, hi int) {
	op(set, ws.out, ws.ld, m, &ws.vectors, lo, hi)
	op(set, ws.late, ws.ld, m, &ws.remainders, lo, hi)
}

// collect copies results to y, unless they are there already, and adds those of remainders.
func (ws *workspace) collect(y []float32, rows int) {
	if rows != ws.ld {
		for i := range ws.in.N - len(ws.heavy) {
			copy(y[i*rows:][:rows], ws.out[i*ws.ld:])
		}
	}
	ws.addRemainders(y, rows, rows)
}

// addRemainders adds the results of remainders to those of their vectors in y, ld apart.
func (ws *workspace) addRemainders(y []float32, ld, rows int) {
	for j, i := range ws.heavy {
		to := y[i*ld:][:rows]
		for r, v := range ws.late[j*ws.ld:][:rows] {
			to[r] += v
		}
	}
}
