// Package transformer runs transformers whose weights a [codebook.Model] multiplies with: encoders
// of the BERT type and decoders of the Llama type. It is meant to be read and copied.
package transformer

import "github.com/palettize/palettize/kernels"

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
