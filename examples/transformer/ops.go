// Package transformer runs transformers whose weights a [codebook.Model] multiplies with: encoders
// of the BERT type and decoders of the Llama type. It is meant to be read and copied.
package transformer

import (
	"math"

	"github.com/palettize/palettize/kernels"
)

// set has the kernels for what is not a product with weights. It is there whatever the error is,
// which whoever opens a model passes on.
var set, setErr = kernels.Best()

// Softmax replaces x by e^x over the sum of all e^x.
func Softmax(x []float32) {
	scale := 1 / set.ExpSum(x, 1)
	for i := range x {
		x[i] *= scale
	}
}

// LayerNorm writes x, brought to a mean of 0 and a mean square of 1, times gain, plus bias to dst,
// which may be x. eps is added to the mean square.
func LayerNorm(dst, x, gain, bias []float32, eps float32) {
	// Four sums each, so that one addition need not wait for the one before.
	var s0, s1, s2, s3 float32
	rest := x
	for ; len(rest) >= 4; rest = rest[4:] {
		s0 += rest[0]
		s1 += rest[1]
		s2 += rest[2]
		s3 += rest[3]
	}
	for _, v := range rest {
		s0 += v
	}
	n := float32(len(x))
	mean := ((s0 + s1) + (s2 + s3)) / n
	s0, s1, s2, s3 = 0, 0, 0, 0
	for rest = x; len(rest) >= 4; rest = rest[4:] {
		a, b, c, d := rest[0]-mean, rest[1]-mean, rest[2]-mean, rest[3]-mean
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
	}
	for _, v := range rest {
		s0 += (v - mean) * (v - mean)
	}
	scale := float32(1 / math.Sqrt(float64(((s0+s1)+(s2+s3))/n+eps)))
	dst, gain, bias = dst[:len(x)], gain[:len(x)], bias[:len(x)]
	for i, v := range x {
		dst[i] = (v-mean)*scale*gain[i] + bias[i]
	}
}
