//go:build (amd64 || arm64) && !purego

package kernels

// windowCut says how shuffles cut out the windows of 64 columns. A step takes eight columns, which have as many bytes
// as a weight has bits, so that they begin and end with a byte. It takes pairs of words, of two rows.
type windowCut struct {
	steps [8]windowStep
	scale [8]int16 // what takes each of eight windows to the upper of its two bytes when multiplied
}

type windowStep struct {
	upper [16]byte // 255 for what comes from the words that the windows end in, 0 for the words before
	first [16]byte // for each window of the first row the two bytes that it lies in
	other [16]byte // and of the second
	next  int      // bytes to the words of the next step
}

var windowCuts = [...]windowCut{newWindowCut(2), newWindowCut(3), newWindowCut(4), newWindowCut(5)}

func newWindowCut(bits int) (c windowCut) {
	for i := range c.steps {
		s := &c.steps[i]
		end := (i + 1) * bits // in bytes of the stream
		below := -end & 7
		for j := range 8 {
			bit := (7 - j) * bits // from the end of the step
			c.scale[j] = 1 << (8 - bit%8)
			for k := range 2 {
				at := byte(below+bit/8+k) & 7
				s.first[2*j+k], s.other[2*j+k] = at, at+8
			}
			if j >= below {
				s.upper[j], s.upper[j+8] = 255, 255
			}
		}
		s.next = ((end+bits-1)/8 - (end-1)/8) * len(noWords)
	}
	return c
}

// noWords lies before the first words of a panel.
var noWords [PanelRows * windowWord]byte

// windowBlock returns where the words of block b of panel p lie, the word of each row before them, and the number of
// quads.
func (m *Matrix) windowBlock(p, b int) (codes, before *byte, quads int) {
	at := WindowBytes(p, m.Quads, m.Bits) + WindowBytes(1, b*m.BlockQuads, m.Bits)
	codes, before = &m.Codes[at], &noWords[0]
	if b > 0 {
		before = &m.Codes[at-len(noWords)]
	}
	return codes, before, min(m.BlockQuads, m.Quads-b*m.BlockQuads)
}
