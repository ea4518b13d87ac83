package kernels

import (
	"fmt"
	"slices"
)

const (
	// WindowQuads divides Quads and BlockQuads of a matrix for mul-window: the codes of eight
	// columns are whole bytes for any number of bits a weight.
	WindowQuads = 8

	windowLanes  = 4                       // runs of columns in a block of a row
	windowVector = PanelRows * windowLanes // bytes of codes that one register takes
)

// WindowBytes is the length of Codes for MulWindow, of a matrix of these panels and quads with
// codes of bits each.
func WindowBytes(panels, quads, bits int) int { return panels * PanelRows * quads * 4 * bits / 8 }

// PackWindows writes a row of a matrix for MulWindow into its Codes. assignments has one for each
// column, as SearchWindows leaves them from RowStart on. Columns beyond get code 0.
func (m *Matrix) PackWindows(row int, assignments []byte) {
	m.checkWindowRow("PackWindows", row, len(assignments))
	window, bits := FirstWindow(assignments, m.Bits), m.Bits
	mask := uint16(1<<bits - 1)
	for b := range m.Blocks() {
		for lane := range windowLanes {
			at := m.windowLane(row, b, lane)
			for range m.blockQuads(b) / WindowQuads { // as many columns are whole bytes
				columns := assignments[:min(WindowQuads, len(assignments))]
				assignments = assignments[len(columns):]
				codes := uint64(0)
				for _, a := range columns {
					window = NextWindow(window, a, bits)
					codes = codes<<(bits&7) | uint64(window&mask)
				}
				codes <<= (WindowQuads - len(columns)) * bits
				for shift := 8 * (bits - 1); shift >= 0; shift -= 8 {
					m.Codes[at] = byte(codes >> shift)
					at += windowVector
				}
			}
		}
	}
}

// UnpackWindows writes the assignments of a row, as far as dst reaches, that PackWindows has
// packed.
func (m *Matrix) UnpackWindows(dst []byte, row int) {
	m.checkWindowRow("UnpackWindows", row, len(dst))
	for b := 0; len(dst) > 0; b++ {
		n := min(4*m.blockQuads(b), len(dst))
		m.unpackBlock(dst[:n], row, b)
		dst = dst[n:]
	}
}

// unpackBlock writes the assignments of a row in a block, as far as dst reaches.
func (m *Matrix) unpackBlock(dst []byte, row, b int) {
	// held: the last bits of the stream, n of them to come
	held, n, steps := int(m.Codes[m.windowLane(row, 0, 0)]), 0, m.blockQuads(b)
	if b > 0 {
		end := m.windowLane(row, b, windowLanes-1) // of the block before
		held = int(m.Codes[end-2*windowVector])<<8 | int(m.Codes[end-windowVector])
	}
	at := 0
	for i := range dst {
		if i%steps == 0 {
			at = m.windowLane(row, b, i/steps)
		}
		if n < m.Bits {
			held = held<<8&0xffffff | int(m.Codes[at])
			at += windowVector
			n += 8
		}
		n -= m.Bits
		dst[i] = WindowAssignment(uint16(held>>n) & (1<<windowLength - 1))
	}
}

// blockQuads is the number of quads of block b.
func (m *Matrix) blockQuads(b int) int { return min(m.BlockQuads, m.Quads-b*m.BlockQuads) }

// windowLane is where the first codes of a lane of block b are, in a row.
func (m *Matrix) windowLane(row, b, lane int) int {
	block := WindowBytes(row/PanelRows, m.Quads, m.Bits) + WindowBytes(1, b*m.BlockQuads, m.Bits)
	return block + row%PanelRows*windowLanes + lane
}

// MulWindow is MulU8 with weight = Lookup[16+a>>4] + Lookup[a&15], a being the assignment that the
// window of the weight stands for: see SearchWindows. A sum of two centroids is at most 255. Q is
// permuted (PermuteWindows). Quads and BlockQuads are multiples of WindowQuads, GroupQuads equals
// BlockQuads and Mult is not used.
func (s *Set) MulWindow(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkWindows("MulWindow", m.Quads, m.BlockQuads, m.Bits)
	if m.GroupQuads != m.BlockQuads || len(m.Lookup) != WindowCentroids {
		panic(fmt.Sprintf("kernels: MulWindow: groups of %d in blocks of %d quads, %d centroids",
			m.GroupQuads, m.BlockQuads, len(m.Lookup)))
	}
	most := int(slices.Max(m.Lookup[:windowHalf])) + int(slices.Max(m.Lookup[windowHalf:]))
	if most > 255 {
		panic(fmt.Sprintf("kernels: MulWindow: a weight of %d", most))
	}
	checkMul("MulWindow", dst, ld, m, in, p0, p1, WindowBytes(m.Panels, m.Quads, m.Bits),
		WindowCentroids)
	if p0 < p1 && in.N > 0 {
		s.mulWindow(dst, ld, m, in, p0, p1)
	}
}

func checkWindows(op string, quads, blockQuads, bits int) {
	if bits < MinWindowBits || bits > MaxWindowBits || quads < 0 || quads%WindowQuads != 0 ||
		blockQuads < 1 || blockQuads%WindowQuads != 0 {
		panic(fmt.Sprintf("kernels: %s: %d quads in blocks of %d, %d bits a weight", op, quads,
			blockQuads, bits))
	}
}

// checkWindowRow checks a row of n columns.
func (m *Matrix) checkWindowRow(op string, row, n int) {
	checkWindows(op, m.Quads, m.BlockQuads, m.Bits)
	if row < 0 || n > 4*m.Quads ||
		len(m.Codes) < WindowBytes(row/PanelRows+1, m.Quads, m.Bits) {
		panic(fmt.Sprintf("kernels: %s: %d weights in row %d of %d quads, %d bytes of codes", op, n,
			row, m.Quads, len(m.Codes)))
	}
}
