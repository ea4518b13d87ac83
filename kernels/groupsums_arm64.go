//go:build !purego

package kernels

// groupSumsNEON is groupSumsScalar. len(q) > 0.
//
//go:noescape
func groupSumsNEON(sums, squares []int32, q []int8, group int)
