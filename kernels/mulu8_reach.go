package kernels

import "math"

// runQuads is the number of quads whose products are added up as 16-bit words.
const runQuads = 8

// reach says how large the inputs of a matrix may be for sums of their products to fit words.
type reach struct {
	// [quads][2]: the largest sum of the first or last two inputs of a quad, of one sign, of which
	// no row makes more than fits a word.
	pairs []uint16
	// [quads][2], the same for all quads of a run: the largest sum of squares of the first or last
	// two inputs of each, of which no row makes more than fits a word with weights - 128.
	squares []uint16
}

// reachRoom is what kernels read behind the last pair.
const reachRoom = 14

// reachFunc takes a run of quads of a panel. For its quads i and rows r
//
//	largest[4*i+j] = max(largest[4*i+j], codes[64*i+4*r+j])
//	squares[j] = max(squares[j], sum over i of (codes[64*i+4*r+2*j] - 128)^2 +
//		(codes[64*i+4*r+2*j+1] - 128)^2)
type reachFunc func(largest []byte, squares *[2]int32, codes []byte)

// measure sets the reach, unless groups end within a run.
func (m *Matrix) measure(fn reachFunc) {
	if m.Quads == 0 || m.GroupQuads%runQuads != 0 {
		return
	}
	largest, squares := make([]byte, 4*m.Quads), make([][2]int32, runsOf(m.Quads))
	for p := range m.Panels {
		codes := m.Codes[p*m.Quads*4*PanelRows:][:m.Quads*4*PanelRows]
		for i := range squares {
			lo, hi := runAt(i, m.Quads)
			fn(largest[4*lo:4*hi], &squares[i], codes[lo*4*PanelRows:hi*4*PanelRows])
		}
	}
	r := &reach{make([]uint16, 2*m.Quads+reachRoom), make([]uint16, 2*m.Quads+reachRoom)}
	for i := range squares {
		lo, hi := runAt(i, m.Quads)
		for at := 2 * lo; at < 2*hi; at++ {
			r.pairs[at] = math.MaxInt16 / uint16(max(largest[2*at], largest[2*at+1], 1))
			// The sum is at most the product of the roots of both sums of squares
			// (Cauchy-Schwarz).
			root := math.MaxInt16 / max(1, int(math.Ceil(math.Sqrt(float64(squares[i][at%2])))))
			// Kernels add up to MaxUint16 and no further.
			r.squares[at] = uint16(min(root*root, math.MaxUint16-1))
		}
	}
	m.reach = r
}

// runsOf is the number of runs in a row of quads: those that are left over are runs of their own.
func runsOf(quads int) int { return quads/runQuads + quads%runQuads }

// runAt returns where run i begins and ends.
func runAt(i, quads int) (lo, hi int) {
	if full := quads / runQuads; i >= full {
		lo = full*runQuads + i - full
		return lo, lo + 1
	}
	return i * runQuads, (i + 1) * runQuads
}
