//go:build !purego

package kernels

// ransArgs is what the assembly of rans takes. Vectors have the same in each lane, but for cols.
type ransArgs struct {
	entries       *RansEntry
	next          *byte // Trellis.ransNext
	spread        *byte // ransSpread, for AVX2
	states, paths *[RansBlocks][RansLanes]uint32
	words         [RansBlocks]*byte
	taken         [RansBlocks]int // bytes of words, set at the end
	levels        *byte
	block, stride int // bytes from one block and one row to the next
	blocks        int
	rows          *[RansBlocks]byte
	row, n        int               // the next row, the number of them
	cols          [RansLanes]uint32 // four times the code
	top           [RansLanes]uint32 // four times twice the last class and 1
	zero          [RansLanes]uint32 // four times the byte of level 0
	upper         [RansLanes]uint32 // what a path's upper bit adds to the next path
	high          [RansLanes]uint32 // what bit 1 of a level adds
}

// ransRowsAVX2 is ransScalar for 8 columns.
//
//go:noescape
func ransRowsAVX2(a *ransArgs)

//go:noescape
func ransRowsAVX512(a *ransArgs)

func ransAVX2(d *Rans) {
	a := newRansArgs(d)
	ransRowsAVX2(&a)
	a.end(d)
}

func ransAVX512(d *Rans) {
	a := newRansArgs(d)
	ransRowsAVX512(&a)
	a.end(d)
}

// end takes the words off that the coders have taken in.
func (a *ransArgs) end(d *Rans) {
	for b, n := range a.taken[:a.blocks] {
		d.Words[b] = d.Words[b][n:]
	}
}

// ransSpread shuffles for each set of coders 16-bit words, so that each coder of the set gets the
// next one, and 0 the others.
var ransSpread = func() (spread [1 << RansLanes][2 * RansLanes]byte) {
	for set := range spread {
		next := byte(0)
		for lane := range RansLanes {
			low, high := byte(0x80), byte(0x80)
			if set>>lane&1 != 0 {
				low, high = next, next+1
				next += 2
			}
			spread[set][2*lane], spread[set][2*lane+1] = low, high
		}
	}
	return spread
}()

func newRansArgs(d *Rans) ransArgs {
	s, next := &d.strip, &d.Trellis.ransNext
	a := ransArgs{entries: &d.Entries[0], next: &next[0], spread: &ransSpread[0][0],
		states: &d.States, paths: &d.paths, levels: &s.levels[0], block: s.height * s.stride,
		stride: s.stride, blocks: s.blocks, rows: &s.rows[0], row: 0, n: len(s.rows)}
	for b, words := range d.Words[:s.blocks] {
		a.words[b] = &words[0]
	}
	const four = 1<<24 | 1<<16 | 1<<8 | 1
	top := uint32(len(d.Entries)/RansSlots-1) * four
	zero, upper, high := uint32(d.Zero)*four, uint32(next[32])<<8, uint32(next[64])<<8
	for i, code := range s.cols {
		a.cols[i] = uint32(byte(code)) * four
		a.top[i], a.zero[i], a.upper[i], a.high[i] = top, zero, upper, high
	}
	return a
}
