//go:build !purego

package kernels

// mulU8ReachAVX2 is a reachFunc. len(codes) > 0.
//
//go:noescape
func mulU8ReachAVX2(largest []byte, squares *[2]int32, codes []byte)

// Measure looks at the codes of a matrix for MulU8, which must not change from then on. With AVX2
// batches take less time if it has; elsewhere it does nothing. Results do not depend on it.
func (s *Set) Measure(m *Matrix) {
	if s.Tier("mul-u8") == "avx2" {
		m.measure(mulU8ReachAVX2)
	}
}
