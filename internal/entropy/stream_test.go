package entropy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source makes matrices of levels as a trellis allows them.
type source struct {
	random       *rand.Rand
	states       int
	rows, cols   int
	classes      Classes
	deviation    float64 // of the levels of class 0, in levels; each class is wider by 2^(1/4)
	extreme      bool    // only the largest levels
	blockRows    int     // 0: as BlockRows says
	zero, spread byte    // byte of level 0, highest code of a row or column
}

// matrix returns a coder and levels for it.
func (s *source) matrix() (*Coder, []byte) {
	c := &Coder{Trellis: TrellisOf(s.states), Classes: s.classes, Zero: s.zero,
		BlockRows: s.blockRows}
	if c.BlockRows == 0 {
		c.BlockRows = BlockRows(s.rows, s.cols)
	}
	codes := func(n int) []byte {
		codes := make([]byte, n)
		for i := range codes {
			codes[i] = byte(s.random.IntN(int(s.spread) + 1))
		}
		return codes
	}
	c.Classes.Rows, c.Classes.Cols = codes(s.rows), codes(s.cols)
	deviation := s.deviation
	for range c.Classes.Count {
		c.Tables = append(c.Tables, Laplace(deviation,
			byte(min(5*deviation+1, float64(s.zero), MaxLevel))))
		deviation *= 1.19
	}
	levels := make([]byte, s.rows*s.cols)
	classes := c.Classes.Table()
	for b := range c.Blocks() {
		lo, hi := c.Block(b)
		for lane := range min(Lanes, s.cols) {
			state := 0
			for col := lane; col < s.cols; col += Lanes {
				for r := lo; r < hi; r++ {
					level := s.level(&c.Tables[classes[c.Classes.Rows[r]+c.Classes.Cols[col]]],
						c.Trellis.Parity(state))
					state = c.Trellis.Next(state, byte(level+origin))
					levels[r*s.cols+col] = byte(level) + s.zero
				}
			}
		}
	}
	return c, levels
}

// level draws a level of a table and a parity.
func (s *source) level(t *Table, parity int) int {
	most := int(t.Max) - (int(t.Max)-parity)%2
	level := most
	if !s.extreme {
		level = min(2*int(s.random.ExpFloat64()*s.deviation/3)+parity, most)
	}
	if s.random.IntN(2) == 0 {
		level = -level
	}
	return level
}

// encode returns the stream of a matrix.
func encode(t testing.TB, c *Coder, levels []byte) []byte {
	t.Helper()
	blocks := make([][]byte, c.Blocks())
	for b := range blocks {
		var err error
		if blocks[b], err = c.Encode(levels, b); err != nil {
			t.Fatal(err)
		}
	}
	return c.Append(nil, blocks)
}

// decode is the way back, for k centroids.
func decode(stream []byte, rows, cols, k int) (*Coder, []byte, error) {
	c, blocks, err := Parse(stream, rows, cols)
	if err != nil {
		return nil, nil, err
	}
	d, err := c.NewDecoder(k)
	if err != nil {
		return nil, nil, err
	}
	levels := make([]byte, rows*cols)
	if err := d.Decode(levels, blocks, 0); err != nil {
		return nil, nil, err
	}
	return c, levels, nil
}

func newSource(seed uint64, states, rows, cols int) *source {
	return &source{random: rand.New(rand.NewPCG(seed, 0)), states: states, rows: rows, cols: cols,
		classes: Classes{Low: 3, Count: 9}, deviation: 3, zero: 127, spread: 14}
}

func TestRoundTrip(t *testing.T) {
	shapes := [][2]int{{1, 1}, {1, 2}, {2, 1}, {1, 7}, {1, 8}, {1, 9}, {3, 5}, {5, 15}, {4, 16},
		{6, 17}, {300, 1}, {1, 300}, {33, 47}, {64, 384}}
	for _, states := range []int{4, 8, 32} {
		for i, shape := range shapes {
			for name, change := range map[string]func(*source){
				"":          func(s *source) {},
				"narrow":    func(s *source) { s.deviation = 0.2 },
				"wide":      func(s *source) { s.deviation = 25 },
				"one class": func(s *source) { s.classes = Classes{Low: 0, Count: 1} },
				"all classes": func(s *source) {
					s.classes, s.spread = Classes{Low: 0, Count: MaxClassCode + 1}, MaxClassCode
				},
				"the last class": func(s *source) {
					s.classes, s.spread = Classes{Low: MaxClassCode, Count: 1}, MaxClassCode
				},
				"extreme":          func(s *source) { s.deviation, s.extreme = 40, true },
				"a row a block":    func(s *source) { s.blockRows = 1 },
				"uneven blocks":    func(s *source) { s.blockRows = min(s.rows, 7) },
				"level 0 at 128":   func(s *source) { s.zero = 128 },
				"level 0 at 20":    func(s *source) { s.zero = 20 },
				"frequent outside": func(s *source) { s.deviation, s.classes = 60, Classes{Low: 0, Count: 20} },
			} {
				t.Run(fmt.Sprintf("%d states/%v/%s", states, shape, name), func(t *testing.T) {
					s := newSource(uint64(i), states, shape[0], shape[1])
					change(s)
					c, levels := s.matrix()
					stream := encode(t, c, levels)
					got, back, err := decode(stream, s.rows, s.cols, min(2*int(s.zero)+1, 256))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(back, levels) {
						t.Error("other levels come back")
					}
					if again := encode(t, got, back); !bytes.Equal(again, stream) {
						t.Error("what comes back is coded differently")
					}
					checkLength(t, c, levels, stream)
				})
			}
		}
	}
}

// checkLength holds that blocks take what the costs say, and no more than Overhead beyond.
func checkLength(t *testing.T, c *Coder, levels, stream []byte) {
	t.Helper()
	costs, err := c.Costs(1)
	if err != nil {
		t.Fatal(err)
	}
	classes := c.Classes.Table()
	_, blocks, err := Parse(stream, len(c.Classes.Rows), len(c.Classes.Cols))
	if err != nil {
		t.Fatal(err)
	}
	for b, data := range blocks {
		bits := 0.0
		lo, hi := c.Block(b)
		for r := lo; r < hi; r++ {
			for col, code := range c.Classes.Cols {
				level := levels[r*len(c.Classes.Cols)+col] - c.Zero + origin
				bits += float64(costs[classes[c.Classes.Rows[r]+code]][level])
			}
		}
		most := 1.001*bits/8 + float64(Overhead(len(c.Classes.Cols)))
		if n := float64(len(data)); n < bits/8*0.999 || n > most {
			t.Errorf("block %d takes %v bytes, its levels %.1f, at most %.1f", b, n, bits/8, most)
		}
	}
}

func TestBlockRows(t *testing.T) {
	for _, c := range []struct{ rows, cols, want int }{
		{1, 1, 1}, {384, 384, 384}, {1536, 384, 512}, {384, 1536, 128}, {30522, 384, 679},
		{5, 1 << 20, 1}, {700, 384, 350},
	} {
		if got := BlockRows(c.rows, c.cols); got != c.want {
			t.Errorf("blocks of [%d, %d] have %d rows, want %d", c.rows, c.cols, got, c.want)
		}
	}
}

func TestEncodeRefusesLevelsBeyondATable(t *testing.T) {
	c, levels := newSource(1, 8, 4, 20).matrix()
	levels[33] = c.Zero + 100
	_, err := c.Encode(levels, 0)
	if err == nil || !strings.Contains(err.Error(), "level 100 of row 1, column 13") {
		t.Errorf("%v", err)
	}
}

// TestCutStreams cuts a stream at every length and adds a byte: none is accepted.
func TestCutStreams(t *testing.T) {
	s := newSource(2, 8, 20, 19)
	s.blockRows = 9
	c, levels := s.matrix()
	stream := encode(t, c, levels)
	for n := range stream {
		if _, _, err := decode(stream[:n:n], s.rows, s.cols, 255); err == nil {
			t.Errorf("accepted when cut to %d of %d bytes", n, len(stream))
		}
	}
	if _, _, err := decode(append(slices.Clone(stream), 0), s.rows, s.cols, 255); !errors.Is(err, errLong) {
		t.Errorf("a byte more: %v", err)
	}
}

// TestChangedBytes decodes a stream with each byte changed: if one is accepted it must be the only
// form of what it holds.
func TestChangedBytes(t *testing.T) {
	s := newSource(3, 32, 6, 21)
	s.blockRows = 4
	c, levels := s.matrix()
	stream := encode(t, c, levels)
	for i := range stream {
		for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
			stream[i] ^= flip
			onlyForm(t, stream, s.rows, s.cols)
			stream[i] ^= flip
		}
	}
}

// onlyForm holds that a stream is refused, or coded in the same bytes when its levels are encoded
// again.
func onlyForm(t *testing.T, stream []byte, rows, cols int) {
	t.Helper()
	c, levels, err := decode(stream, rows, cols, 256)
	if err == nil && !bytes.Equal(encode(t, c, levels), stream) {
		t.Errorf("%x is another form of its levels", stream)
	}
}

func TestParseRefuses(t *testing.T) {
	s := newSource(4, 8, 5, 13)
	c, levels := s.matrix()
	stream := encode(t, c, levels)
	const rowCodes, colCodes = 5, 9 // behind the five bytes before them, and 25 bits of rows
	tables := colCodes + (13*classBits+7)/8
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"states", func(b []byte) []byte { b[0] = 4; return b }, "no trellis has 2^4 states"},
		{"level 0", func(b []byte) []byte { b[1] = 3; return b }, "level 0 is centroid 3 of 255"},
		{"no classes", func(b []byte) []byte { b[3] = 0; return b }, "0 classes from 3 on"},
		{"classes", func(b []byte) []byte { b[3] = 30; return b }, "30 classes from 3 on"},
		{"no rows a block", func(b []byte) []byte { b[4] = 0; return b }, "blocks of 0 rows in 5"},
		{"rows a block", func(b []byte) []byte { b[4] = 6; return b }, "blocks of 6 rows in 5"},
		{"long number", func(b []byte) []byte { b[4] |= 0x80; return slices.Insert(b, 5, 0) },
			errNumber.Error()},
		{"huge number", func(b []byte) []byte {
			return slices.Replace(b, 4, 5, slices.Repeat([]byte{0xff}, 11)...)
		}, errNumber.Error()},
		{"padding of rows", func(b []byte) []byte { b[rowCodes+3] |= 0x80; return b },
			errPadding.Error()},
		{"padding of columns", func(b []byte) []byte { b[tables-1] |= 0x80; return b },
			errPadding.Error()},
		{"narrow table", func(b []byte) []byte { b[tables] = 1; return b },
			"class 0 has levels up to 1"},
		{"wide table", func(b []byte) []byte { b[tables] = 128; return b },
			"class 0 has levels up to 128"},
		{"zeros", func(b []byte) []byte {
			n := len(knots(nil, members(c.Tables[0].Max, 0)))
			copy(b[tables+1:], slices.Repeat([]byte{255}, n))
			return b
		}, "a table of zeros"},
		{"a coder's start", func(b []byte) []byte {
			states := len(b) - len(encode1(t, c, levels))
			binary.LittleEndian.PutUint32(b[states:], floor-1)
			return b
		}, errStart.Error()},
		{"a coder's end", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, ""},
	} {
		_, _, err := decode(tt.change(slices.Clone(stream)), s.rows, s.cols, 255)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func encode1(t *testing.T, c *Coder, levels []byte) []byte {
	t.Helper()
	block, err := c.Encode(levels, 0)
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// TestClaims: a shape comes from elsewhere, and nothing may be allocated for it that the stream
// does not back.
func TestClaims(t *testing.T) {
	c, levels := newSource(5, 8, 5, 13).matrix()
	stream := encode(t, c, levels)
	const most = math.MaxInt
	for _, shape := range [][2]int{
		{most >> 2, 13}, {5, most >> 2}, {1 << (strconv.IntSize / 2), 1 << (strconv.IntSize / 2)},
		{most>>1 + 1, most>>1 + 1}, {most, most},
		{0, 13}, {-5, 13}, {5, -13}, {-most - 1, -most - 1}, {5, 14}, {6, 13},
	} {
		if _, _, err := decode(stream, shape[0], shape[1], 255); err == nil {
			t.Errorf("accepted as %v", shape)
		}
	}
}

// TestZerosFit: what takes the fewest bits of all must not look like a claim.
func TestZerosFit(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {2000, 3000}, {3, 1 << 20}, {1 << 20, 3}} {
		rows, cols := shape[0], shape[1]
		var counts Counts
		counts[origin] = uint32(rows * cols)
		table, err := Fit(&counts, 0)
		if err != nil {
			t.Fatal(err)
		}
		// one block: the least overhead
		c := &Coder{Trellis: TrellisOf(32), Zero: 2, BlockRows: rows, Tables: []Table{table},
			Classes: Classes{Rows: make([]byte, rows), Cols: make([]byte, cols), Count: 1}}
		levels := bytes.Repeat([]byte{2}, rows*cols)
		if _, back, err := decode(encode(t, c, levels), rows, cols, 5); err != nil ||
			!bytes.Equal(back, levels) {
			t.Errorf("%v: %v", shape, err)
		}
	}
}

// FuzzDecode: no stream makes the decoder panic, whatever it is said to hold, and what is accepted
// has one form.
func FuzzDecode(f *testing.F) {
	for i, states := range []int{4, 8, 32} {
		for _, shape := range [][2]int{{1, 1}, {5, 13}, {9, 3}} {
			s := newSource(uint64(i), states, shape[0], shape[1])
			s.blockRows = min(4, s.rows)
			s.classes = Classes{Low: 5, Count: 3}
			c, levels := s.matrix()
			f.Add(encode(f, c, levels), uint16(s.rows), uint16(s.cols))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, rows, cols uint16) {
		if int(rows)*int(cols) < 1<<20 {
			onlyForm(t, stream, int(rows), int(cols))
		}
	})
}
