//go:build (amd64 || arm64) && !purego

package kernels

// windowBlock returns the codes of block b of panel p, and two registers of codes before, of which
// a kernel takes the last lanes: of the first block it is the byte that RowStart stands for.
func (m *Matrix) windowBlock(ends *[2 * windowVector]byte, p, b int) (codes, before *byte) {
	at := m.windowLane(p*PanelRows, b, 0)
	if b > 0 {
		return &m.Codes[at], &m.Codes[at-len(ends)]
	}
	*ends = [2 * windowVector]byte{}
	for lane := 0; lane < windowVector; lane += windowLanes {
		ends[windowVector+lane+windowLanes-1] = m.Codes[at+lane]
	}
	return &m.Codes[at], &ends[0]
}
