package entropy

import (
	"errors"
	"math"
	"sync"

	"github.com/palettize/palettize/internal/logscale"
)

const (
	// total is the sum of the frequencies of a table's even levels, and of its odd ones.
	total = 1 << totalBits
	// MaxLevel is the largest magnitude of a level.
	MaxLevel = 127

	leastMax  = 2 // of a table
	totalBits = 12
	origin    = 128 // the byte of level 0: a level is a byte, level + 128
)

// Table is the distribution of the levels of one class, -Max to Max: of the even ones and of the
// odd ones each on their own, since a trellis in some state allows only one of the two. It is
// symmetric and piecewise linear in the logarithm: at some magnitudes, the knots, it has how rare
// the level is, -log2 of its frequency in 16ths, but for a constant.
type Table struct {
	Max   byte      // 2 to MaxLevel: were 0 the only even level, it would take no bits
	Knots [2][]byte // of the even and the odd magnitudes, ascending
}

// members is the number of magnitudes of a parity: 0, 2, 4 .. or 1, 3, 5 .. up to limit.
func members(limit byte, parity int) int { return (int(limit)-parity)/2 + 1 }

// knots appends the positions of the knots among n members: 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 .. and
// the last one.
func knots(at []int, n int) []int {
	for i, step := 0, 1; i < n-1; i += step {
		at = append(at, i)
		if i >= 4 && i&(i-1) == 0 {
			step = i / 2
		}
	}
	return append(at, n-1)
}

// frequencies fills freq with those of the members of a parity: of the level itself, not of both
// signs together. None is 0, and they add up to total over all levels.
func (t *Table) frequencies(freq []uint32, parity int) error {
	var positions [MaxLevel]int
	at := knots(positions[:0], len(freq))
	if len(at) != len(t.Knots[parity]) {
		return errors.New("a table with too few knots or too many")
	}
	var weights [MaxLevel]uint64
	sum := uint64(0)
	for i, k := 0, 0; i < len(freq); i++ {
		if k+1 < len(at) && i == at[k+1] {
			k++
		}
		weights[i] = weight(t.Knots[parity], at, k, i)
		sum += weights[i] * uint64(copies(i, parity))
	}
	if sum == 0 {
		return errors.New("a table of zeros")
	}
	// Each level has 1, and its part of what that leaves; the rest of this division is the first
	// one's.
	left := uint64(total + 1 - parity - 2*len(freq))
	rest := left
	for i := range freq {
		part := weights[i] * left / sum
		rest -= part * uint64(copies(i, parity))
		freq[i] = uint32(1 + part)
	}
	freq[0] += uint32(rest) / uint32(copies(0, parity))
	return nil
}

// copies is the number of levels of a member: one for level 0, else two.
func copies(member, parity int) int {
	if member == 0 && parity == 0 {
		return 1
	}
	return 2
}

// weight is 2^39 times what the knots say of member i, at or beyond knot k.
func weight(rarity []byte, at []int, k, i int) uint64 {
	v := int(rarity[k])
	if i > at[k] {
		gap := at[k+1] - at[k]
		v = (v*(at[k+1]-i) + int(rarity[k+1])*(i-at[k])) / gap
	}
	return uint64(logscale.Value(byte(255-v)) * (1 << 39))
}

// Counts is the number of times that each level occurs, at level + 128.
type Counts [256]uint32

// Fit returns the table under which counts take the fewest bits, as near as a search that changes
// one knot at a time gets. All levels up to limit, and up to the largest that occurs, have a
// frequency.
func Fit(counts *Counts, limit byte) (Table, error) {
	t := Table{Max: max(limit, leastMax)}
	for level := int(t.Max) + 1; level <= MaxLevel; level++ {
		if counts[origin+level]+counts[origin-level] > 0 {
			t.Max = byte(level)
		}
	}
	for parity := range t.Knots {
		if err := t.fitParity(counts, parity); err != nil {
			return t, err
		}
	}
	return t, nil
}

// fitParity finds the knots of one parity: first what the counts around each one say, then any
// change of one knot that saves bits.
func (t *Table) fitParity(counts *Counts, parity int) error {
	n := members(t.Max, parity)
	both := make([]float64, n) // of both signs, by member
	top := 0.0                 // of one level
	for i := range both {
		level := 2*i + parity
		both[i] = float64(counts[origin+level])
		if level > 0 {
			both[i] += float64(counts[origin-level])
		}
		top = max(top, both[i]/float64(copies(i, parity)))
	}
	at := knots(nil, n)
	t.Knots[parity] = make([]byte, len(at))
	for k, i := range at {
		rate := (both[i]/float64(copies(i, parity)) + 0.25) / (top + 0.25)
		t.Knots[parity][k] = 255 - max(1, logscale.Code(float32(rate)))
	}
	freq := make([]uint32, n)
	best, err := t.bits(both, freq, parity)
	if err != nil {
		return err
	}
	for step := 8; step > 0; step /= 2 {
		for k := range at {
			for _, d := range []int{-step, step} {
				old := t.Knots[parity][k]
				if v := int(old) + d; v < 0 || v > 254 {
					continue
				}
				t.Knots[parity][k] = byte(int(old) + d)
				if b, err := t.bits(both, freq, parity); err == nil && b < best {
					best = b
				} else {
					t.Knots[parity][k] = old
				}
			}
		}
	}
	return nil
}

// bits is what the members take. freq is for scratch.
func (t *Table) bits(both []float64, freq []uint32, parity int) (float64, error) {
	if err := t.frequencies(freq, parity); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, f := range freq {
		sum += float64(both[i] * float64(bitsOf(f)))
	}
	return sum, nil
}

// bitsOf is -log2(freq/total). Search decisions hang on it, so that it comes from operations that
// round alike on all CPUs.
func bitsOf(freq uint32) float32 { return bitsTable()[freq] }

var bitsTable = sync.OnceValue(func() []float32 {
	bits := make([]float32, total+1)
	for f := 1; f <= total; f++ {
		const digits = 26
		bits[f] = float32(totalBits - math.Ldexp(float64(logscale.Log2(float64(f), digits)),
			-digits))
	}
	bits[0] = math.MaxFloat32
	return bits
})

// cumulate returns where the levels of a parity begin, in ascending order, and their frequencies,
// both by level + origin.
func (t *Table) cumulate(starts, freqs *[256]uint32, parity int) error {
	freq := make([]uint32, members(t.Max, parity))
	if err := t.frequencies(freq, parity); err != nil {
		return err
	}
	start := uint32(0)
	for level := -int(t.Max); level <= int(t.Max); level++ {
		if level&1 == parity {
			f := freq[max(level, -level)/2]
			starts[origin+level], freqs[origin+level] = start, f
			start += f
		}
	}
	return nil
}

// Laplace returns a table in which levels are distributed about as a Laplace distribution with this
// standard deviation has it.
func Laplace(deviation float64, limit byte) Table {
	t := Table{Max: max(limit, leastMax)}
	// exp(-sqrt(2)|x|/deviation) halves with each 0.49*deviation.
	octaves := 2.04 / max(deviation, 0.125)
	for parity := range t.Knots {
		for _, i := range knots(nil, members(t.Max, parity)) {
			t.Knots[parity] = append(t.Knots[parity], byte(min(16*float64(2*i)*octaves, 200)))
		}
	}
	return t
}
