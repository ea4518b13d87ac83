package kernels

// The scalar tier of each operation, in SUBJECT_scalar.go, is its meaning in plain loops. Products
// are converted to float32 before they are added, or the compiler might fuse the two.

const (
	// Block is the largest number of columns that share one scale of the quantised input.
	Block = 256
	// Centroids is the number of entries in every lookup of whole bytes: codebooks with fewer are
	// padded.
	Centroids = 256
)

// lanes is how many values activations take at a time, and how many sums they keep.
const lanes = 16

// fold adds sums up, the second half of them to the first until there is one.
func fold(sums *[lanes]float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for i := range half {
			sums[i] += sums[i+half]
		}
	}
	return sums[0]
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
