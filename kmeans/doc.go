// Package kmeans finds centroids: weighted, seeded, deterministic k-means over points of any
// width, and the optimal solution in one dimension. The same points, weights and options give the
// same bytes on every CPU tier and for any number of threads.
package kmeans
