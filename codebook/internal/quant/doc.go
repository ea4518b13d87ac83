// Package quant makes a [codebook.Layer] of one matrix. A scheme says how rows are cut into
// segments and how their assignments are chosen: each as the nearest centroid, or all of a path
// through the matrix together by a Viterbi search, to be stored with windows or entropy coded
// (trellis-coded quantisation).
//
// [Build] makes a layer by the scheme's row in a table, which has all that differs among schemes.
// Where a scheme allows any number of bits a weight, a [Sketch] predicts their cost.
//
// # Terms
//
//   - level: the integer from -127 to 127 that stands for a weight over its step in an
//     entropy-coded layer; centroids are made of the levels afterwards.
//   - step: the quantiser's step size, see [Step]; each column, and in embeddings each row, has a
//     scale for it.
//   - path: the weights that are searched together, several columns of a block of rows.
//   - class: weights of about the same spread, which have a table of the entropy coder.
//   - noise, signal: sums of squared errors and of squared weights, weighted by what is known of
//     the inputs; the root of their ratio is the relative error.
//   - outlier: a weight too large for the levels or windows of the others; it is stored apart, as
//     the upper half of its float32.
package quant
