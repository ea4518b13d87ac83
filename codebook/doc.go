// Package codebook multiplies with weight matrices in their compressed form. A [Layer] is a matrix
// as centroids, assignments and scales; a [Plan] multiplies it with a vector or a batch without
// rebuilding the matrix.
//
// A [Model] multiplies by the names of tensors, from a [Store]: package format implements it for
// files. A matrix is read when it is first used, and only its plan stays in memory.
//
// An [Attention] does for the keys that attention compares queries with what a layer does for
// weights: a [KeyCache] keeps them as codes and scores them by tables.
//
// Package compress makes layers of matrices, package verify compares them with dense float32
// multiplication.
//
// # Terms
//
//   - segment: consecutive columns of a row that one centroid stands for: one column, 2 to 64, or
//     the whole row ([Layer.Width]).
//   - centroid: the values that a segment is rounded to, in bytes; scale * (byte - zero point) is
//     what a byte means. The centroids of a layer, at most 256, are its codebook.
//   - assignment: the index of a segment's centroid. Package kernels, which knows no layers, calls
//     it a code.
//   - scale: a factor of a row or a column, an 8-bit logarithm. A group is a number of columns that
//     share a further factor in each row, its multiplier.
//   - window: the last 12 bits of a row's stream of codes, 2 to 5 a weight, which say the weight's
//     assignment (trellis-coded quantisation, with the trellis of a shift register).
//   - outlier: a weight that no centroid comes near, stored apart.
//   - plan: a way to multiply a layer, and the layout of the layer in memory that it needs.
//   - tier: one of a kernel's implementations, for CPUs with certain features.
//   - bits stored, resident: what a weight takes in the file, and in memory once a plan has it.
package codebook
