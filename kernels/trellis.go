package kernels

import (
	"fmt"
	"math/bits"
)

// The trellises to choose from, of 4, 8 and 32 states. Their masks have the least mean squared
// error in a search without costs for normally distributed values with a deviation of 10 steps, of
// all pairs with g0 > 0: 12, 56 and 992 pairs over 2 million values, the best 48 again over 20
// million (32 states: 40 million). Against a uniform quantiser of the same rate, whose error is
// 4/12 as a state allows every other level, they gain 0.997, 1.086 and 1.220 dB of the 1.533 that
// are possible (pi*e/6). The next best pairs gain as much to 0.002 dB.
var (
	Trellis4  = newTrellis(3, 1, 2) // 4 states, as the masks leave out the upper bit
	Trellis8  = newTrellis(3, 2, 5)
	Trellis32 = newTrellis(5, 5, 24)
)

// maxStates is the number of states of the largest trellis.
const maxStates = 32

// Trellis is a machine of 8 or 32 states that allows half of the levels in each. Levels are the
// integers -128 to 127, held as bytes level+128; the subset of a level is level mod 4, the lower
// two bits of its byte. From state s input bit b leads to state (s<<1 | b) mod states, along edge
// s<<1 | b, which allows the levels of subset
//
//	2*(b ^ parity(s & g1)) + parity(s & g0)
//
// So a state fixes whether levels are even or odd, and a level fixes the bit. A Trellis never
// changes; it may be shared. Source: trellis-coded quantisation, Marcellin and Fischer 1990; with
// one code for both subsets of a state, Marcellin 1994.
type Trellis struct {
	// order says, for costs of the subsets r, r+1, r+2 and r+3 mod 4 (r is the first index), at
	// which bytes that of the edge is that comes into a state (the last index) from the lower or
	// the upper of its two predecessors. It shuffles bytes within 16, and so float32, under VPSHUFB
	// and TBL alike.
	order  [4][2][maxStates][4]byte
	levels [256]float32        // of all bytes
	subset [2 * maxStates]byte // of an edge
	next   [maxStates][2]byte  // the state after a level, by bit 1 of its byte
	memory uint                // log2 of the number of states

	ransNext [4 * maxStates]byte // what comes after a ransPath
}

// newTrellis returns the trellis of 2^memory states, memory being 3 or 5, with these masks.
func newTrellis(memory, g0, g1 int) *Trellis {
	states := 1 << memory
	if memory != 3 && memory != 5 || g0 < 0 || g0 >= states || g1 < 0 || g1 >= states {
		panic(fmt.Sprintf("kernels: newTrellis: memory %d, masks %d and %d", memory, g0, g1))
	}
	t := &Trellis{memory: uint(memory)}
	for i := range t.levels {
		t.levels[i] = float32(i - 128)
	}
	for edge := range 2 * states {
		from, b, to := edge>>1, edge&1, edge&(states-1)
		high := b ^ parity(from&g1)
		t.subset[edge] = byte(2*high + parity(from&g0))
		t.next[from][high] = byte(to)
		for r := range t.order {
			at := (t.subset[edge] - byte(r)) & 3 * 4
			t.order[r][edge>>memory][to] = [4]byte{at, at + 1, at + 2, at + 3}
		}
	}
	t.newRansNext()
	return t
}

func parity(mask int) int { return bits.OnesCount(uint(mask)) & 1 }

// States returns the number of states.
func (t *Trellis) States() int { return 1 << t.memory }

// Next returns the state that a level, as byte, leads to. Only bit 1 of the byte matters.
func (t *Trellis) Next(state int, level byte) int { return int(t.next[state][level>>1&1]) }

// Parity returns 0 where the levels allowed in a state are even, 1 where they are odd.
func (t *Trellis) Parity(state int) int { return int(t.subset[2*state] & 1) }
