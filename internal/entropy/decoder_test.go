package entropy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// plain decodes one block one level after the other: what Decode is held against, in levels, in
// errors and in time.
func (d *Decoder) plain(levels, data []byte, block int) error {
	cols := len(d.Classes.Cols)
	lo, hi := d.Block(block)
	lanes := min(cols, Lanes)
	if len(data) < 4*lanes {
		return errShort
	}
	var x [Lanes]uint32
	var at [Lanes]byte // states in the trellis
	for i := range lanes {
		if x[i] = binary.LittleEndian.Uint32(data[4*i:]); x[i] < floor {
			return errStart
		}
	}
	data = data[4*lanes:]
	var parities [32]uint32
	var next [32][2]byte
	for s := range d.Trellis.States() {
		parities[s] = uint32(d.Trellis.Parity(s)) * total
		next[s] = [2]byte{byte(d.Trellis.Next(s, 0)), byte(d.Trellis.Next(s, 2))}
	}
	classes := d.Classes.Table()
	for c0 := 0; c0 < cols; c0 += Lanes {
		codes := d.Classes.Cols[c0:min(c0+Lanes, cols)]
		for r := lo; r < hi; r++ {
			out := levels[(r-lo)*cols+c0:][:len(codes)]
			sums := classes[d.Classes.Rows[r]:]
			for i, code := range codes {
				i &= Lanes - 1
				v, s := x[i], at[i]&31
				entry := uint32(d.entries[uint32(sums[code])*2*total+parities[s]+v%total])
				out[i] = byte(entry) + d.Zero
				v = entry>>20*(v>>totalBits) + entry>>8%total
				at[i] = next[s][entry>>1&1]
				if v < floor {
					if len(data) < 2 {
						return errShort
					}
					v = v<<16 | uint32(binary.LittleEndian.Uint16(data))
					data = data[2:]
				}
				x[i] = v
			}
		}
	}
	if len(data) != 0 {
		return errLong
	}
	for _, v := range x[:lanes] {
		if v != floor {
			return errEnd
		}
	}
	return nil
}

// sets are those of the tiers that run here.
func sets(t testing.TB) (names []string, sets []*kernels.Set) {
	best, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, tier := range best.Tiers() {
		if tier.Op != "rans" || tier.Lacks != "" {
			continue
		}
		set, err := kernels.Limited(tier.Tier)
		if err != nil {
			t.Fatal(err)
		}
		names, sets = append(names, tier.Tier), append(sets, set)
	}
	return names, sets
}

// asPlain holds Decode against plain, on each tier: levels bit for bit, errors word for word.
func asPlain(t *testing.T, d *Decoder, data [][]byte) {
	t.Helper()
	cols := len(d.Classes.Cols)
	want := make([]byte, len(d.Classes.Rows)*cols)
	wantErr := "<nil>"
	for b := range data {
		if err := d.plain(want[b*d.BlockRows*cols:], data[b], b); err != nil {
			wantErr = fmt.Sprintf("block %d: %v", b, err)
			break
		}
	}
	names, sets := sets(t)
	for i, set := range sets {
		got := make([]byte, len(want))
		decoder := &Decoder{d.Coder, set, d.entries}
		err := decoder.Decode(got, data, 0)
		if fmt.Sprint(err) != wantErr {
			t.Errorf("%s: error %v, want %v", names[i], err, wantErr)
		} else if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: other levels", names[i])
		}
	}
}

// TestDecodeAsPlain has blocks side by side, a last one that is shorter, words that the kernel
// copies in the middle of a strip, and damage in any block.
func TestDecodeAsPlain(t *testing.T) {
	for i, shape := range [][3]int{{9, 24, 1}, {40, 19, 3}, {64, 64, 16}, {700, 16, 300},
		{1200, 9, 600}, {50, 5, 7}} {
		for _, states := range []int{4, 8, 32} {
			s := newSource(uint64(i), states, shape[0], shape[1])
			s.blockRows = shape[2]
			d, data := s.decoder(t)
			asPlain(t, d, data)
			for range 40 {
				damaged := slices.Clone(data)
				for range 1 + s.random.IntN(2) {
					b := s.random.IntN(len(data))
					damaged[b] = s.damage(damaged[b])
				}
				asPlain(t, d, damaged)
			}
		}
	}
}

// decoder returns a decoder for a matrix and its blocks.
func (s *source) decoder(t testing.TB) (*Decoder, [][]byte) {
	t.Helper()
	c, levels := s.matrix()
	_, data, err := Parse(encode(t, c, levels), s.rows, s.cols)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.NewDecoder(256)
	if err != nil {
		t.Fatal(err)
	}
	return d, data
}

// damage returns another form of a block.
func (s *source) damage(data []byte) []byte {
	data = slices.Clone(data)
	switch s.random.IntN(4) {
	case 0:
		return data[:s.random.IntN(len(data)+1)]
	case 1:
		return append(data, make([]byte, 1+s.random.IntN(5))...)
	case 2:
		binary.LittleEndian.PutUint16(data[2:], uint16(s.random.IntN(2)))
	default:
		data[s.random.IntN(len(data))] ^= byte(1 + s.random.IntN(255))
	}
	return data
}

// FuzzDecodeAsPlain decodes any bytes, in blocks cut anywhere, on each tier and plainly.
func FuzzDecodeAsPlain(f *testing.F) {
	for i, states := range []int{4, 8, 32} {
		s := newSource(uint64(i), states, 23, 19)
		s.blockRows = 6
		_, data := s.decoder(f)
		f.Add(byte(states), byte(s.cols), byte(s.blockRows), bytes.Join(data, nil),
			uint16(len(data[0])), uint16(len(data[1])))
	}
	f.Fuzz(func(t *testing.T, states, cols, blockRows byte, data []byte, first, second uint16) {
		s := newSource(uint64(cols), []int{4, 8, 32}[states%3], 3*(1+int(blockRows%32)),
			1+int(cols%40))
		s.blockRows = s.rows / 3
		d, blocks := s.decoder(t)
		at := min(int(first), len(data))
		next := min(at+int(second), len(data))
		asPlain(t, d, [][]byte{data[:at], data[at:next], data[next:]})
		// Behind good states there is more to decode.
		for b, block := range blocks {
			blocks[b] = append(slices.Clone(block[:min(len(block), 4*Lanes)]), data...)
		}
		asPlain(t, d, blocks)
	})
}

// BenchmarkDecode has plain beside the tiers.
func BenchmarkDecode(b *testing.B) {
	for _, shape := range [][2]int{{384, 384}, {1536, 384}, {4096, 4096}} {
		s := newSource(6, 8, shape[0], shape[1])
		d, data := s.decoder(b)
		levels := make([]byte, s.rows*s.cols)
		run := func(name string, threads int, decode func(lo, hi int) error) {
			b.Run(fmt.Sprintf("tier=%s/rows=%d/cols=%d/threads=%d", name, s.rows, s.cols, threads),
				func(b *testing.B) {
					b.SetBytes(int64(len(levels)))
					for b.Loop() {
						par.Ranges(threads, len(data), func(lo, hi int) {
							if err := decode(lo, hi); err != nil {
								b.Error(err)
							}
						})
					}
				})
		}
		for threads := 1; threads <= min(len(data), 2); threads++ {
			run("plain", threads, func(lo, hi int) error {
				for i, data := range data[lo:hi] {
					to := levels[(lo+i)*d.BlockRows*s.cols:]
					if err := d.plain(to, data, lo+i); err != nil {
						return err
					}
				}
				return nil
			})
		}
		names, sets := sets(b)
		for i, set := range sets {
			decoder := &Decoder{d.Coder, set, d.entries}
			for threads := 1; threads <= min(len(data), 2); threads++ {
				run(names[i], threads, func(lo, hi int) error {
					return decoder.Decode(levels[lo*d.BlockRows*s.cols:], data[lo:hi], lo)
				})
			}
		}
	}
}
