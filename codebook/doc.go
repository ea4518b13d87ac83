// Package codebook compresses weight matrices and multiplies with them as they are: each matrix
// becomes at most 256 centroids, a one-byte assignment for each segment of a row, and scales (a
// [Layer]); a layer is multiplied with a vector or a batch without being rebuilt (a [Plan]).
//
// A [Scheme] says how segments are cut and assignments are chosen: each as the nearest centroid, or
// all together along the paths of a trellis, for a budget of bits or an error, to be stored entropy
// coded.
//
// [Compress] walks a model from a [Source] to a [Sink]; package format implements both for files.
// [Verify] compares layers with dense float32 multiplication.
package codebook
