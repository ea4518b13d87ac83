//go:build !purego

package kernels

// mulReachAVX2 is mulReachScalar. len(codes) > 0.
//
//go:noescape
func mulReachAVX2(largest []byte, squares *[2]int32, codes []byte)
