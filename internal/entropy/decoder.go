package entropy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/palettize/palettize/kernels"
)

// Together is how many blocks are decoded side by side.
const Together = kernels.RansBlocks

// Decoder decodes the blocks of a coder. It is safe for concurrent use.
type Decoder struct {
	*Coder
	kernels *kernels.Set
	entries []kernels.RansEntry // of each class, parity and slot
}

// entries are those of decoders that have been released: up to a megabyte each.
var entries = sync.Pool{New: func() any { return new([]kernels.RansEntry) }}

// Release says that the decoder is not used any more, so that another can take its memory.
func (d *Decoder) Release() {
	released := d.entries
	d.entries = nil
	entries.Put(&released)
}

// NewDecoder returns a decoder. It fails where a table has levels that are not the index of one of
// k centroids: not of -Zero to k-1-Zero.
func (c *Coder) NewDecoder(k int) (*Decoder, error) {
	set, err := kernels.Best()
	if err != nil {
		return nil, err
	}
	n := len(c.Tables) * 2 * total
	d := &Decoder{c, set, slices.Grow((*entries.Get().(*[]kernels.RansEntry))[:0], n)[:n]}
	for class := range c.Tables {
		t := &c.Tables[class]
		if int(t.Max) > int(c.Zero) || int(t.Max)+int(c.Zero) >= k {
			return nil, fmt.Errorf("class %d has levels up to %d: level 0 is centroid %d of %d",
				class, t.Max, c.Zero, k)
		}
		for parity := range 2 {
			var starts, freqs [256]uint32
			if err := t.cumulate(&starts, &freqs, parity); err != nil {
				return nil, err
			}
			entries := d.entries[(class*2+parity)*total:][:total]
			for i, freq := range freqs {
				level := int8(i - origin)
				for slot := range freq {
					entries[starts[i]+slot] = kernels.NewRansEntry(level, freq, slot)
				}
			}
		}
	}
	return d, nil
}

var (
	errShort = errors.New("the coded levels end early")
	errLong  = errors.New("bytes are left behind the coded levels")
	errStart = errors.New("the coded levels are damaged: a coder begins below its range")
	errEnd   = errors.New("the coded levels are damaged: a coder does not end where it began")
)

// Decode decodes the blocks from first on, as many as there are in data, to levels [rows of these
// blocks, cols]. Damaged data is an error, that of the first damaged block, or other levels, and
// safe.
func (d *Decoder) Decode(levels []byte, data [][]byte, first int) error {
	w := works.Get().(*work)
	defer func() {
		w.Rans = kernels.Rans{} // the pool is not to keep a stream
		works.Put(w)
	}()
	for len(data) > 0 {
		n := d.together(first, len(data))
		if err := d.decode(w, levels, data[:n], first); err != nil {
			return d.firstError(w, levels, data[:n], first, err)
		}
		levels = levels[n*len(w.rows)*len(d.Classes.Cols):]
		first, data = first+n, data[n:]
	}
	return nil
}

// together is how many of the next n blocks can be decoded side by side: those with as many rows as
// the first.
func (d *Decoder) together(first, n int) int {
	n = min(n, Together)
	if lo, hi := d.Block(first + n - 1); n > 1 && hi-lo < d.BlockRows {
		n--
	}
	return n
}

// firstError decodes blocks, of which one has an error, again, one by one until one fails.
func (d *Decoder) firstError(w *work, levels []byte, data [][]byte, first int, err error) error {
	for b := range data {
		if err := d.decode(w, levels, data[b:b+1], first+b); err != nil {
			return fmt.Errorf("block %d: %w", first+b, err)
		}
	}
	return err
}

// callRows is the largest number of rows in a call of the kernel: enough that the call does not
// matter.
const callRows = 256

// work is what decoding some blocks needs.
type work struct {
	kernels.Rans
	rows [][Together]byte // the codes of the rows of the blocks
	// The kernel looks at more words than a block may have left: near its end Words are a copy of
	// the last ones and zeros, of so many bytes.
	ends  [Together][2 * callRows * kernels.RansWords]byte
	zeros [Together]int
}

var works = sync.Pool{New: func() any { return new(work) }}

// decode decodes blocks with the same number of rows.
func (d *Decoder) decode(w *work, levels []byte, data [][]byte, first int) error {
	if err := w.start(d, data, first); err != nil {
		return err
	}
	cols, height := len(d.Classes.Cols), len(w.rows)
	for c := 0; c < cols; c += Lanes {
		var codes [Lanes]int8
		lanes := min(Lanes, cols-c)
		for i, code := range d.Classes.Cols[c:][:lanes] {
			codes[i] = int8(int(code) - 2*d.Classes.Low)
		}
		for r := 0; r < height; r += callRows {
			rows := w.rows[r:min(r+callRows, height)]
			w.pad(len(data), len(rows))
			d.kernels.DecodeRans(&w.Rans, levels[r*cols+c:], len(data), height, cols, rows,
				codes[:lanes])
			if !w.enough(len(data)) {
				return errShort
			}
		}
	}
	return w.end(len(data), min(cols, Lanes))
}

// start reads the states of the coders.
func (w *work) start(d *Decoder, data [][]byte, first int) error {
	w.Rans = kernels.Rans{Trellis: d.Trellis, Entries: d.entries, Zero: d.Zero}
	lo, hi := d.Block(first)
	w.rows = slices.Grow(w.rows[:0], hi-lo)[:hi-lo]
	lanes := min(len(d.Classes.Cols), Lanes)
	for b, data := range data {
		if len(data) < 4*lanes {
			return errShort
		}
		for i := range lanes {
			if w.States[b][i] = binary.LittleEndian.Uint32(data[4*i:]); w.States[b][i] < floor {
				return errStart
			}
		}
		w.Words[b] = data[4*lanes:]
		w.zeros[b] = 0
		for r, code := range d.Classes.Rows[lo+b*d.BlockRows:][:hi-lo] {
			w.rows[r][b] = code
		}
	}
	return nil
}

// pad makes sure that there are words for so many rows. It copies those of a block once at most:
// what it appends is more than a call takes in, and enough is asked after each.
func (w *work) pad(blocks, rows int) {
	for b, words := range w.Words[:blocks] {
		if len(words) < rows*kernels.RansWords {
			end := w.ends[b][:]
			n := copy(end, words)
			clear(end[n:])
			w.Words[b], w.zeros[b] = end, len(end)-n
		}
	}
}

// enough reports whether each block had the words that it took in.
func (w *work) enough(blocks int) bool {
	for b, words := range w.Words[:blocks] {
		if len(words) < w.zeros[b] {
			return false
		}
	}
	return true
}

// end checks that the blocks end here.
func (w *work) end(blocks, lanes int) error {
	for b := range blocks {
		if len(w.Words[b]) != w.zeros[b] {
			return errLong
		}
		for _, state := range w.States[b][:lanes] {
			if state != floor {
				return errEnd
			}
		}
	}
	return nil
}
