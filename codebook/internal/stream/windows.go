package stream

import (
	"fmt"

	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// AppendWindows appends assignments of a layer with windows behind its head: the new bits of the
// windows of each row, the upper bit of the first weight first. Rows begin at bytes.
func (h *Head) AppendWindows(dst, assignments []byte) []byte {
	for r := range h.Rows {
		held, n := 0, 0 // bits that are no byte yet
		for _, a := range assignments[r*h.Cols:][:h.Cols] {
			held = held<<h.WindowBits | int(a)&(1<<h.WindowBits-1)
			if n += h.WindowBits; n >= 8 {
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

// CheckWindows reports what is wrong with windows to which a weight brings so many bits, or with so
// many centroids for them.
func CheckWindows(bits, k int) error {
	if bits < kernels.MinWindowBits || bits > kernels.MaxWindowBits || k != kernels.Centroids {
		return badWindows(bits, k)
	}
	return nil
}

func badWindows(bits, k int) error {
	return fmt.Errorf("windows of %d bits a weight, %d centroids", bits, k)
}

// windows are assignments of which the new bits are stored.
type windows struct {
	data       []byte
	n, cols    int // rows, columns
	bits, size int // new ones a weight, bytes of a row
}

func openWindows(h *Head, data []byte) (decoder, error) {
	if err := CheckWindows(h.WindowBits, len(h.Centroids)); err != nil {
		return nil, err
	}
	size := bitstream.RowBytes(h.Cols, h.WindowBits)
	if len(data) != h.Rows*size {
		return nil, fmt.Errorf("%d bytes of windows for %d rows of %d", len(data), h.Rows, size)
	}
	return &windows{data, h.Rows, h.Cols, h.WindowBits, size}, nil
}

func (w *windows) rows(threads int, do func(row int, assignments []byte)) error {
	padded := make([]bool, w.n)
	par.Ranges(threads, w.n, func(lo, hi int) {
		row := make([]byte, w.cols)
		for r := lo; r < hi; r++ {
			padded[r] = w.row(row, w.data[r*w.size:][:w.size])
			do(r, row)
		}
	})
	for r, ok := range padded {
		if !ok {
			return fmt.Errorf("row %d: bits behind the last weight", r)
		}
	}
	return nil
}

// row returns false where what is left of the last byte is not 0.
func (w *windows) row(dst, data []byte) bool {
	held, n := 0, 0 // the last bits of the stream, of which n are not in a window yet
	for i := range dst {
		if n < w.bits {
			held = held<<8&0xffffff | int(data[0])
			data = data[1:]
			n += 8
		}
		n -= w.bits
		dst[i] = byte(held >> n)
	}
	return len(data) == 0 && held&(1<<n-1) == 0
}
