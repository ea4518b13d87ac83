package codebook

import (
	"errors"
	"fmt"

	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/kernels"
)

// windowRowBytes is what the new bits of a row take.
func (l *Layer) windowRowBytes() int { return bitstream.RowBytes(l.Cols, l.WindowBits) }

// appendWindows appends the new bits of the windows of each row, the upper bit of the first weight first. Rows begin at bytes.
func (l *Layer) appendWindows(dst []byte) []byte {
	for r := range l.Rows {
		held, n := 0, 0 // bits that are no byte yet
		for _, a := range l.Assignments[r*l.Cols:][:l.Cols] {
			held = held<<l.WindowBits | int(a)&(1<<l.WindowBits-1)
			if n += l.WindowBits; n >= 8 {
				n -= 8
				dst = append(dst, byte(held>>n))
			}
		}
		if n > 0 {
			dst = append(dst, byte(held<<(8-n)))
		}
	}
	return dst
}

// checkWindows reports what is wrong with the number of bits or of centroids of a layer with windows.
func (l *Layer) checkWindows() error {
	if l.WindowBits < kernels.MinWindowBits || l.WindowBits > kernels.MaxWindowBits || l.K() != MaxCentroids {
		return fmt.Errorf("windows of %d bits a weight, %d centroids", l.WindowBits, l.K())
	}
	return nil
}

// readWindows takes the assignments from what follows the head of a stream: the new bits of windows.
func (l *Layer) readWindows(data []byte, threads int) error {
	if err := l.checkWindows(); err != nil {
		return err
	}
	row := l.windowRowBytes()
	if len(data) != l.Rows*row {
		return fmt.Errorf("%d bytes of windows for %d rows of %d", len(data), l.Rows, row)
	}
	l.Assignments = make([]byte, l.Rows*l.Cols)
	padded := make([]bool, l.Rows)
	parallel(threadCount(threads), l.Rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			padded[r] = l.readWindowRow(l.Assignments[r*l.Cols:][:l.Cols], data[r*row:][:row])
		}
	})
	for r, ok := range padded {
		if !ok {
			return fmt.Errorf("row %d: bits behind the last weight", r)
		}
	}
	return nil
}

// readWindowRow returns false where what is left of the last byte is not 0.
func (l *Layer) readWindowRow(windows, data []byte) bool {
	held, n := 0, 0 // the last bits of the stream, of which n are not in a window yet
	for i := range windows {
		if n < l.WindowBits {
			held = held<<8&0xffffff | int(data[0])
			data = data[1:]
			n += 8
		}
		n -= l.WindowBits
		windows[i] = byte(held >> n)
	}
	return len(data) == 0 && held&(1<<n-1) == 0
}

// validateWindows reports what is wrong with a layer that is stored with windows.
func (l *Layer) validateWindows() error {
	if l.WindowBits == 0 {
		return nil
	}
	if err := l.checkWindows(); err != nil {
		return err
	}
	if l.Width != 1 || l.Group != 0 || l.Stream == nil {
		return errors.New("windows with segments, groups or no stream")
	}
	for r := range l.Rows {
		before := byte(0)
		for c, a := range l.Assignments[r*l.Cols:][:l.Cols] {
			if a>>l.WindowBits != before<<l.WindowBits>>l.WindowBits {
				return fmt.Errorf("window [%d, %d] is %#02x, behind %#02x: not the same bits, moved up by %d", r, c, a, before, l.WindowBits)
			}
			before = a
		}
	}
	return nil
}
