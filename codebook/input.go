package codebook

import (
	"slices"

	"github.com/palettize/palettize/kernels"
)

// heavy is the largest ratio of a block's largest input to the root of its mean square up to which one
// pass of int8 is good enough: rounding to steps of 1/127 of the largest leaves an error of
// heavy/(127*sqrt(12)), 0.018 of the block. Gaussian inputs stay near 3.
const heavy = 8

// inputLayout says how vectors are quantised.
type inputLayout struct {
	cols   int
	block  int  // columns that share a scale
	group  int  // columns that share a sum
	stride int  // values from one vector to the next
	zero   byte // the layer's zero point
}

func (lay inputLayout) blocks() int { return ceilDiv(lay.cols, lay.block) }
func (lay inputLayout) groups() int { return ceilDiv(lay.cols, lay.group) }

// workspace is the memory of one call. It grows to what the largest call needed.
type workspace struct {
	in          kernels.Input // of the vectors, then of the remainders of heavy ones
	heavy       []int         // vectors with a remainder
	remainder   []float32
	q, shuffled []int8
	y           []float32
	tables      *kernels.Tables
}

// grow returns s with length n, what it held included; the rest is unspecified.
func grow[T any](s []T, n int) []T {
	if n > len(s) {
		s = slices.Grow(s, n-len(s))
	}
	return s[:n]
}

// quantise fills ws.in for n vectors of x. Where a few inputs of a vector are far larger than the
// rest of their block, what rounding has left of the vector follows as one more vector, whose result
// is to be added: a layer then sees the small inputs too. It returns false when x holds a NaN or
// an infinity.
func (ws *workspace) quantise(set *kernels.Set, x []float32, n int, lay inputLayout) bool {
	ws.heavy = ws.heavy[:0]
	ws.in.N, ws.in.Stride = 0, lay.stride
	for i := range n {
		if !ws.quantiseOne(set, x[i*lay.cols:][:lay.cols], lay) {
			return false
		}
		if ws.isHeavy(i, lay) {
			ws.heavy = append(ws.heavy, i)
		}
	}
	for _, i := range ws.heavy {
		ws.remainder = grow(ws.remainder, lay.cols)
		q, scales := ws.in.Q[i*lay.stride:], ws.in.Scales[i*lay.blocks():]
		for c, v := range x[i*lay.cols:][:lay.cols] {
			ws.remainder[c] = v - float32(scales[c/lay.block]*float32(q[c]))
		}
		ws.quantiseOne(set, ws.remainder, lay)
	}
	return true
}

// quantiseOne appends a vector to ws.in.
func (ws *workspace) quantiseOne(set *kernels.Set, x []float32, lay inputLayout) bool {
	in, i, blocks, groups := &ws.in, ws.in.N, lay.blocks(), lay.groups()
	in.N++
	ws.q = grow(ws.q, in.N*lay.stride)
	in.Q = ws.q
	in.Scales = grow(in.Scales, in.N*blocks)
	in.Init = grow(in.Init, in.N*groups)
	q := in.Q[i*lay.stride:][:lay.stride]
	if !set.Quantize(q, in.Scales[i*blocks:], x, lay.block) {
		return false
	}
	for g, init := 0, in.Init[i*groups:]; g < groups; g++ {
		var sum int32
		for _, v := range q[g*lay.group : min((g+1)*lay.group, lay.cols)] {
			sum += int32(v)
		}
		init[g] = -int32(lay.zero) * sum
	}
	return true
}

// isHeavy reports whether vector i has a block with a few values far larger than the rest.
func (ws *workspace) isHeavy(i int, lay inputLayout) bool {
	q := ws.in.Q[i*lay.stride:][:lay.cols]
	for b, scale := range ws.in.Scales[i*lay.blocks():][:lay.blocks()] {
		block := q[b*lay.block : min((b+1)*lay.block, lay.cols)]
		var squares int32
		for _, v := range block {
			squares += int32(v) * int32(v)
		}
		// The largest is 127.
		if scale != 0 && heavy*heavy*int(squares) < 127*127*len(block) {
			return true
		}
	}
	return false
}

// results returns where the results of ws.in are written, rows of them padded: y itself, when
// nothing is padded or has to be added.
func (ws *workspace) results(y []float32, rows, padded int) []float32 {
	if rows == padded && len(ws.heavy) == 0 {
		return y
	}
	ws.y = grow(ws.y, ws.in.N*padded)
	return ws.y
}

// collect copies results to y, unless they are there already, and adds those of remainders.
func (ws *workspace) collect(y []float32, rows, padded int) {
	if rows == padded && len(ws.heavy) == 0 {
		return
	}
	n := ws.in.N - len(ws.heavy)
	for i := range n {
		copy(y[i*rows:][:rows], ws.y[i*padded:])
	}
	for j, i := range ws.heavy {
		for r, v := range ws.y[(n+j)*padded:][:rows] {
			y[i*rows+r] += v
		}
	}
}
