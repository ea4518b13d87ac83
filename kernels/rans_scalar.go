package kernels

import "encoding/binary"

func ransScalar(d *Rans) {
	s := &d.strip
	var classes [256]uint32 // where the entries of the class of a sum begin, a byte with sign
	last := len(d.Entries)/(2*RansSlots) - 1
	for sum := range 128 {
		classes[sum] = uint32(min(sum>>1, last)) * 2 * RansSlots
	}
	next, entries, zero := &d.Trellis.ransNext, d.Entries, d.Zero
	for b := range s.blocks {
		states, paths, words, at := &d.States[b], &d.paths[b], d.Words[b], 0
		for r := range s.rows {
			code := s.rows[r][b]
			out := s.levels[(b*s.height+r)*s.stride:][:s.lanes]
			for i := range out {
				i &= RansLanes - 1
				x, path := states[i], paths[i]
				entry := uint32(entries[classes[code+byte(s.cols[i])]|path&ransParity|x%RansSlots])
				out[i] = byte(entry) + zero
				paths[i] = uint32(next[path>>8&63|entry<<5&64]) << 8
				states[i] = entry>>20*(x>>ransSlotBits) + entry>>8%RansSlots
			}
			// Which coder needs a word is as good as random, so that a branch would be predicted
			// wrong too often. All bits of short are set where a state is below RansFloor.
			for i := range out {
				i &= RansLanes - 1
				x := states[i]
				short := uint32(int32(x>>16-1) >> 31)
				word := uint32(binary.LittleEndian.Uint16(words[at:]))
				states[i] = x<<(short&16) | word&short
				at += int(short & 2)
			}
		}
		d.Words[b] = words[at:]
	}
}
