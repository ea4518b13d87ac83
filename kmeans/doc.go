// Package kmeans finds centroids: weighted, seeded, deterministic k-means over points of any
// width, and the optimal solution in one dimension. The same points, weights and options give the
// same bytes on every CPU tier and for any number of threads.
//
// # Points of several coordinates
//
// The first centroids are picked by greedy k-means++ (Arthur and Vassilvitskii 2007) from a few
// weighted points that stand for all (Bachem, Lucic and Krause 2018: the points far out are among
// them, which matters much where tails are heavy) and are moved by Lloyd's iteration over these
// few. Then it runs over all points. Narrow ones are grouped by their first centroid: for a group
// most centroids can be ruled out at once (Kanungo et al. 2002). Of wider ones most are passed over
// while their centroid cannot have changed (Hamerly 2010). Sums follow the points that do change. A
// cluster that loses all its points is given a half of the one with the greatest error.
//
// # Points of one coordinate
//
// Clusters are intervals then, and dynamic programming over at most 16,384 bins finds the best.
// Passes of Lloyd's iteration over the values themselves take back what the bins cost. Values that
// are no more than the bins are solved exactly.
//
// # Same bytes everywhere
//
// Sums are taken over chunks that do not depend on the number of threads and merged in their order.
// Products are rounded before they are added to, so that no compiler fuses the two, and nothing but
// +, -, *, / and the square root, which are exact to the last bit, decides a byte.
package kmeans
