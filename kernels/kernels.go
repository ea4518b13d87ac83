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

func ceilDiv(a, b int) int { return (a + b - 1) / b }
