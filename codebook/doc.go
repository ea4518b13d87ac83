// Package codebook compresses weight matrices and multiplies with them as they are: each matrix
// becomes at most 256 centroids, a one-byte assignment for each segment of a row, and scales (a
// [Layer]); a layer is multiplied with a vector or a batch without being rebuilt (a [Plan]).
//
// [Compress] walks a model from a [Source] to a [Sink]; package format implements both for files.
// [Verify] compares layers with dense float32 multiplication.
package codebook
