package kernels

import (
	"encoding/binary"
	"fmt"
)

const (
	windowWord = 8 // bytes of a word of mul-window
	// WindowQuads divides Quads and BlockQuads of a matrix for mul-window: 64 columns, whose bits
	// are whole words for any number of bits a weight.
	WindowQuads = 16
)

// WindowBytes is the length of Codes for MulWindow, of a matrix of these panels and quads with
// codes of bits each.
func WindowBytes(panels, quads, bits int) int { return panels * PanelRows * quads * 4 * bits / 8 }

// PackWindows writes one row of a matrix for MulWindow, of 4*quads columns with codes of bits each,
// into codes, the Codes of that matrix. windows has a byte for each weight, whose lower bits are
// its code, as SearchWindows leaves them. Columns beyond get code 0.
func PackWindows(codes []byte, quads, bits, row int, windows []byte) {
	checkWindowBits("PackWindows", quads, bits)
	if row < 0 || len(windows) > 4*quads || len(codes) < WindowBytes(row/PanelRows+1, quads, bits) {
		panic(fmt.Sprintf("kernels: PackWindows: %d weights into row %d of %d quads, %d bytes",
			len(windows), row, quads, len(codes)))
	}
	at := (row/PanelRows*quads*4*bits/64*PanelRows + row%PanelRows) * windowWord
	var word uint64
	free := 64
	put := func() {
		binary.LittleEndian.PutUint64(codes[at:], word)
		at += PanelRows * windowWord
	}
	for c := range 4 * quads {
		var v uint64
		if c < len(windows) {
			v = uint64(windows[c]) & (1<<bits - 1)
		}
		free -= bits
		if free > 0 {
			word |= v << free
			continue
		}
		word |= v >> -free
		put()
		free += 64
		word = v << free // nothing where free is 64
	}
}

// UnpackWindows writes the windows of one row, as far as dst reaches, that PackWindows has packed.
func UnpackWindows(dst, codes []byte, quads, bits, row int) {
	checkWindowBits("UnpackWindows", quads, bits)
	if row < 0 || len(dst) > 4*quads || len(codes) < WindowBytes(row/PanelRows+1, quads, bits) {
		panic(fmt.Sprintf("kernels: UnpackWindows: %d weights of row %d of %d quads, %d bytes",
			len(dst), row, quads, len(codes)))
	}
	at := (row/PanelRows*quads*4*bits/64*PanelRows + row%PanelRows) * windowWord
	var word uint64 // what is left of it, the next bit the highest
	left, window := 0, byte(0)
	for c := range dst {
		for range bits {
			if left == 0 {
				word, left = binary.LittleEndian.Uint64(codes[at:]), 64
				at += PanelRows * windowWord
			}
			window = window<<1 | byte(word>>63)
			word <<= 1
			left--
		}
		dst[c] = window
	}
}

// MulWindow is MulU8 with weight = Lookup[window], the window being the 8 bits that end with the
// Bits new bits of the weight. Quads and BlockQuads are multiples of WindowQuads, GroupQuads equals
// BlockQuads and Mult is not used.
func (s *Set) MulWindow(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	checkWindowBits("MulWindow", m.Quads, m.Bits)
	if m.BlockQuads%WindowQuads != 0 || m.GroupQuads != m.BlockQuads || len(m.Lookup) != Centroids {
		panic(fmt.Sprintf("kernels: MulWindow: groups of %d in blocks of %d quads, %d centroids",
			m.GroupQuads, m.BlockQuads, len(m.Lookup)))
	}
	checkMul("MulWindow", dst, ld, m, in, p0, p1, WindowBytes(m.Panels, m.Quads, m.Bits), Centroids)
	if p0 < p1 && in.N > 0 {
		s.mulWindow(dst, ld, m, in, p0, p1)
	}
}

func checkWindowBits(op string, quads, bits int) {
	if bits < MinWindowBits || bits > MaxWindowBits || quads < 0 || quads%WindowQuads != 0 {
		panic(fmt.Sprintf("kernels: %s: %d quads of %d bits a weight", op, quads, bits))
	}
}
