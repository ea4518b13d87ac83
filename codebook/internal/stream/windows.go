package stream

import (
	"errors"
	"fmt"

	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// AppendWindows appends assignments of a layer with windows behind its head: the new bits of the
// windows of each row, the upper bit of the first weight first. Rows begin at bytes.
func (h *Head) AppendWindows(dst, assignments []byte) []byte {
	for r := range h.Rows {
		row := assignments[r*h.Cols:][:h.Cols]
		window := kernels.FirstWindow(row, h.WindowBits)
		held, n := 0, 0 // bits that are no byte yet
		for _, a := range row {
			window = kernels.NextWindow(window, a, h.WindowBits)
			held = held<<h.WindowBits | int(window)&(1<<h.WindowBits-1)
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

// CheckWindows reports what is wrong with windows to which a weight brings so many bits, or with
// what their assignments stand for.
func CheckWindows(bits int, centroids []byte) error {
	err := checkBits(bits)
	if err == nil {
		_, err = SplitCentroids(centroids)
	}
	return err
}

func checkBits(bits int) error {
	if bits < kernels.MinWindowBits || bits > kernels.MaxWindowBits {
		return fmt.Errorf("windows of %d bits a weight", bits)
	}
	return nil
}

var errNoSums = errors.New("centroids of windows that are not sums, up to 255, of two of 16")

// SumCentroids returns what the assignments of windows stand for, by assignment, given the
// centroids of their lower halves, then those of the upper ones.
func SumCentroids(centroids []byte) []byte {
	sums := make([]byte, kernels.Centroids)
	for a := range sums {
		sums[a] = centroids[a&15] + centroids[kernels.WindowCentroids/2+a>>4]
	}
	return sums
}

// SplitCentroids undoes SumCentroids. The least of the upper halves' centroids is 0.
func SplitCentroids(sums []byte) ([]byte, error) {
	if len(sums) != kernels.Centroids {
		return nil, errNoSums
	}
	split := make([]byte, kernels.WindowCentroids)
	lower, upper := split[:kernels.WindowCentroids/2], split[kernels.WindowCentroids/2:]
	least := 0
	for m := range upper {
		if sums[16*m] < sums[16*least] {
			least = m
		}
	}
	copy(lower, sums[16*least:])
	for a, sum := range sums {
		if a%16 == 0 {
			upper[a/16] = sum - lower[0]
		}
		if int(lower[a%16])+int(upper[a/16]) != int(sum) {
			return nil, errNoSums
		}
	}
	return split, nil
}

// windows are assignments of which the new bits are stored.
type windows struct {
	data       []byte
	n, cols    int  // rows, columns
	bits, size int  // new ones a weight, bytes of a row
	sums       bool // of two centroids; else those of version 1
}

func openWindows(h *Head, bits int, data []byte) (decoder, error) {
	if err := checkBits(bits); err != nil {
		return nil, err
	}
	w := &windows{data: data, n: h.Rows, cols: h.Cols, bits: bits,
		size: bitstream.RowBytes(h.Cols, bits)}
	switch len(h.Centroids) {
	case kernels.WindowCentroids:
		sums := SumCentroids(h.Centroids)
		if _, err := SplitCentroids(sums); err != nil {
			return nil, err
		}
		h.Centroids, h.WindowBits, w.sums = sums, bits, true
	case kernels.Centroids:
		// Those of version 1. No plan is made for them: they are what any other assignments are.
	default:
		return nil, fmt.Errorf("windows of %d centroids", len(h.Centroids))
	}
	if len(data) != h.Rows*w.size {
		return nil, fmt.Errorf("%d bytes of windows for %d rows of %d", len(data), h.Rows, w.size)
	}
	return w, nil
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
	// the last bits of the stream, of which n, at most 12, are not in a window yet
	held, n, bits := uint32(0), uint(0), uint(w.bits)
	if w.sums {
		held = uint32(data[0])
	}
	for i := range dst {
		if n < bits {
			held = held<<8 | uint32(data[0])
			data = data[1:]
			n += 8
		}
		n -= bits
		if window := held >> (n & 15); w.sums {
			dst[i] = kernels.WindowAssignment(uint16(window) & 0xfff)
		} else {
			dst[i] = byte(window)
		}
	}
	return len(data) == 0 && held&(1<<n-1) == 0
}
