package kernels

import "fmt"

// permuteFunc is PermuteInput.
type permuteFunc func(dst, src []int8, d int)

// PermuteInput puts quantised values in the order of MulLookup: within each 4*d of them, which four
// segments meet, first the four of the first column of each segment, then those of the second and
// so on. dst and src have the same length, a multiple of 4*d, and do not overlap.
func (s *Set) PermuteInput(dst, src []int8, d int) {
	if d < 1 || len(src)%(4*d) != 0 || len(dst) != len(src) {
		panic(fmt.Sprintf("kernels: PermuteInput: %d values for %d in segments of %d", len(dst),
			len(src), d))
	}
	s.permute(dst, src, d)
}

// PermuteWindows puts quantised values in the order of MulWindow: in each block of 4*BlockQuads,
// first the first of each quarter of it, then the second of each, and so on. dst and src have
// 4*Quads values and do not overlap.
func (s *Set) PermuteWindows(dst, src []int8, m *Matrix) {
	for b := range m.Blocks() {
		d := m.blockQuads(b)
		s.PermuteInput(dst[:4*d], src[:4*d], d)
		dst, src = dst[4*d:], src[4*d:]
	}
}
