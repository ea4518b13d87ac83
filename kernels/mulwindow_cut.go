//go:build (amd64 || arm64) && !purego

package kernels

// windowCut says how shuffles cut out the windows of 64 columns. A step takes eight columns, which
// have as many bytes as a weight has bits, so that they begin and end with a byte. It takes pairs
// of words, of two rows.
type windowCut struct {
	steps [8]windowStep
	scale [8]int16 // what takes each of eight windows to the upper of its two bytes when multiplied
}

type windowStep struct {
	upper [16]byte // 255 for what comes from the words that windows end in, 0 for the words before
	first [16]byte // for each window of the first row the two bytes that it is in
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

// noWords are the words before the first ones of a panel.
var noWords [PanelRows * windowWord]byte

// windowWords returns where the words of block b of panel p are, and the word of each row before
// them.
func (m *Matrix) windowWords(p, b int) (codes, before *byte) {
	at := WindowBytes(p, m.Quads, m.Bits) + WindowBytes(1, b*m.BlockQuads, m.Bits)
	if b == 0 {
		return &m.Codes[at], &noWords[0]
	}
	return &m.Codes[at], &m.Codes[at-len(noWords)]
}
