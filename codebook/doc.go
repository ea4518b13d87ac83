// Package codebook multiplies with weight matrices as they are compressed: each matrix is at most
// 256 centroids, a one-byte assignment for each segment of a row, and scales (a [Layer]); a layer
// is multiplied with a vector or a batch without being rebuilt, as it is laid out for that (a
// [Plan]).
//
// A [Model] multiplies by the names of tensors, from a [Store]: package format implements it for
// files. What is used is laid out when it is first used, and nothing else stays in memory.
//
// Package compress makes layers of matrices, package verify compares them with dense float32
// multiplication.
package codebook
