//go:build !purego

package kernels

// groupSumsAVX512 is groupSumsScalar. len(q) > 0.
//
//go:noescape
func groupSumsAVX512(sums, squares []int32, q []int8, group int)

// groupSumsAVX2 is groupSumsScalar. len(q) > 0.
//
//go:noescape
func groupSumsAVX2(sums, squares []int32, q []int8, group int)
