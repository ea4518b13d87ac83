package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// ransCase is one call of the decoder.
type ransCase struct {
	Rans
	levels                 []byte
	blocks, height, stride int
	rows                   [][RansBlocks]byte
	cols                   []int8
}

// newRansCase draws anything that the checks allow: frequencies need not add up.
func newRansCase(t testing.TB, rng *rand.Rand, p place, trellis *Trellis, n, lanes,
	blocks int) *ransCase {
	c := &ransCase{blocks: blocks, height: n + rng.IntN(3), stride: lanes + rng.IntN(20)}
	c.Trellis, c.Zero = trellis, byte(rng.Uint32())
	c.levels = alloc[byte](t, p, rng, ((blocks-1)*c.height+n-1)*c.stride+lanes)
	c.rows = alloc[[RansBlocks]byte](t, p, rng, n)
	for r := range c.rows {
		fill(rng, c.rows[r][:])
	}
	c.cols = alloc[int8](t, p, rng, lanes)
	for i := range c.cols {
		c.cols[i] = int8(rng.Uint32())
	}
	c.Entries = alloc[RansEntry](t, p, rng, (1+rng.IntN(4))*2*RansSlots)
	for i := range c.Entries {
		// The fewest leading bits, so that all states come about, the lowest too.
		c.Entries[i] = NewRansEntry(int8(rng.Uint32()), rng.Uint32N(RansSlots)>>rng.IntN(12),
			rng.Uint32N(RansSlots))
	}
	for b := range blocks {
		c.Words[b] = alloc[byte](t, p, rng, n*RansWords)
		fill(rng, c.Words[b])
		for i := range c.States[b] {
			c.States[b][i] = rng.Uint32()
			c.paths[b][i] = trellis.ransPath(rng.IntN(trellis.States()))
		}
	}
	return c
}

// check holds a tier against scalar. Nothing may be written beside the levels.
func (c *ransCase) check(t *testing.T, fn ransFunc, what string) {
	t.Helper()
	for i := range c.levels {
		c.levels[i] = 0xa5
	}
	want, wantLevels := c.Rans, slices.Clone(c.levels)
	(&Set{rans: ransScalar}).DecodeRans(&want, wantLevels, c.blocks, c.height, c.stride, c.rows,
		c.cols)
	got := c.Rans
	(&Set{rans: fn}).DecodeRans(&got, c.levels, c.blocks, c.height, c.stride, c.rows, c.cols)
	what = fmt.Sprintf("%s: %d rows of %d columns, %d blocks, %d states", what, len(c.rows),
		len(c.cols), c.blocks, c.Trellis.States())
	if i := firstDifference(c.levels, wantLevels); i >= 0 {
		t.Fatalf("%s: byte %d is %d, want %d", what, i, c.levels[i], wantLevels[i])
	}
	for b := range c.blocks {
		if got.States[b] != want.States[b] || got.paths[b] != want.paths[b] ||
			len(got.Words[b]) != len(want.Words[b]) {
			t.Fatalf("%s: block %d: states %d, paths %#x, %d bytes of words left, want %d, %#x, %d",
				what, b, got.States[b], got.paths[b], len(got.Words[b]), want.States[b],
				want.paths[b], len(want.Words[b]))
		}
	}
}

func TestDecodeRans(t *testing.T) {
	forEachTier(t, "rans", ransTiers, func(t *testing.T, fn ransFunc) {
		rng := rand.New(rand.NewPCG(51, 52))
		for i, n := range []int{1, 2, 5, 60} {
			for _, lanes := range []int{1, 3, RansLanes - 1, RansLanes} {
				for blocks := 1; blocks <= RansBlocks; blocks++ {
					for j, trellis := range []*Trellis{Trellis4, Trellis8, Trellis32} {
						if testing.Short() && (i+j+blocks)%3 != 0 {
							continue
						}
						p := place(i+j+lanes) % places
						newRansCase(t, rng, p, trellis, n, lanes, blocks).check(t, fn, p.String())
					}
				}
			}
		}
	})
}

// TestRansPaths: paths lead where the trellis does.
func TestRansPaths(t *testing.T) {
	for _, trellis := range []*Trellis{Trellis4, Trellis8, Trellis32} {
		for state := range trellis.States() {
			for _, level := range []byte{128, 129, 130, 131} {
				path := trellis.ransPath(state)
				next := uint32(trellis.ransNext[path>>8|uint32(level>>1&1)<<6]) << 8
				if want := trellis.ransPath(trellis.Next(state, level)); next != want {
					t.Errorf("%d states: %#x leads to %#x, want %#x", trellis.States(), path, next,
						want)
				}
				if parity := int(path & ransParity / ransParity); parity != trellis.Parity(state) {
					t.Errorf("%d states: state %d has parity %d", trellis.States(), state, parity)
				}
			}
		}
	}
}

func TestDecodeRansPanics(t *testing.T) {
	for name, change := range map[string]func(c *ransCase){
		"too many blocks":   func(c *ransCase) { c.blocks = RansBlocks + 1 },
		"too many columns":  func(c *ransCase) { c.cols = make([]int8, RansLanes+1) },
		"rows that overlap": func(c *ransCase) { c.stride = RansLanes - 1 },
		"blocks that overlap": func(c *ransCase) {
			c.height = len(c.rows) - 1
		},
		"too few levels":   func(c *ransCase) { c.levels = c.levels[1:] },
		"too few words":    func(c *ransCase) { c.Words[1] = c.Words[1][1:] },
		"no entries":       func(c *ransCase) { c.Entries = nil },
		"half a class":     func(c *ransCase) { c.Entries = make([]RansEntry, RansSlots) },
		"too many classes": func(c *ransCase) { c.Entries = make([]RansEntry, 66*RansSlots) },
	} {
		rng := rand.New(rand.NewPCG(53, 54))
		c := newRansCase(t, rng, offset, Trellis8, 5, RansLanes, 2)
		change(c)
		if !panics(func() {
			best.DecodeRans(&c.Rans, c.levels, c.blocks, c.height, c.stride, c.rows, c.cols)
		}) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func TestDecodeRansAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(55, 56))
	c := newRansCase(t, rng, offset, Trellis8, 20, RansLanes, RansBlocks)
	words := c.Words
	if n := testing.AllocsPerRun(10, func() {
		c.Words = words
		best.DecodeRans(&c.Rans, c.levels, c.blocks, c.height, c.stride, c.rows, c.cols)
	}); n != 0 {
		t.Errorf("DecodeRans allocates %v times", n)
	}
}

func FuzzDecodeRans(f *testing.F) {
	f.Add([]byte{10, 8, 4, 0})
	f.Add([]byte{40, 8, 1, 1, 255, 255, 255, 255})
	f.Add([]byte{3, 5, 2, 2, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := fuzzRNG(data)
		trellis := []*Trellis{Trellis4, Trellis8, Trellis32}[byteAt(data, 3)%3]
		c := newRansCase(t, rng, offset, trellis, 1+byteAt(data, 0)%64,
			1+byteAt(data, 1)%RansLanes, 1+byteAt(data, 2)%RansBlocks)
		// The rest of the data are entries, states and words, over and over.
		for i := range data[min(len(data), 24):] {
			c.Entries[rng.IntN(len(c.Entries))] ^= RansEntry(data[i]) << rng.IntN(32)
			c.Words[i%c.blocks][i%len(c.Words[0])] = data[i]
			c.States[i%c.blocks][i%RansLanes] ^= uint32(data[i]) << rng.IntN(32)
		}
		for _, tr := range ransTiers {
			if tr.need != 0 && tr.need&^host == 0 {
				c.check(t, tr.fn, tr.name)
			}
		}
	})
}

func BenchmarkDecodeRans(b *testing.B) {
	rng := rand.New(rand.NewPCG(57, 58))
	for blocks := 1; blocks <= RansBlocks; blocks++ {
		c := newRansCase(b, rng, offset, Trellis8, 256, RansLanes, blocks)
		words := c.Words
		benchEachTier(b, ransTiers, fmt.Sprintf("blocks=%d", blocks),
			func(b *testing.B, fn ransFunc) {
				s := &Set{rans: fn}
				for b.Loop() {
					c.Words = words
					s.DecodeRans(&c.Rans, c.levels, blocks, c.height, c.stride, c.rows, c.cols)
				}
				weights := float64(b.N * blocks * len(c.rows) * RansLanes)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/weights, "ns/weight")
			})
	}
}
