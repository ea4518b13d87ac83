//go:build !purego

package kernels

// execute runs instruction op of neon_arm64.h, in the order in which neon_arm64.s has them, on v =
// d, n, m and leaves the result in v[0]. Only its test calls it.
//
//go:noescape
func execute(op int, v *[3][16]byte)
