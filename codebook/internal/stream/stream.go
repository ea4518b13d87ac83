// Package stream codes a layer of scheme trellis as one string of bytes, NAME.trellis of FORMAT.md:
// what stands in front of the assignments, its head, then these, with windows or entropy coded.
package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/kernels"
)

// Outlier is a weight that is stored apart, in 16 bits: the upper half of a float32.
type Outlier struct {
	Row, Col int
	Value    float32
}

// Head is what stands in front of the assignments of a layer [Rows, Cols].
type Head struct {
	Rows, Cols int
	Centroids  []byte
	ColScales  []byte // nil: none
	RowScales  []byte // nil: none
	Outliers   []Outlier
	WindowBits int // new bits that a weight brings to a window; 0: assignments are entropy coded
}

// The bits of the first byte: what else there is.
const (
	hasColScales = 1 << iota
	hasRowScales
	hasWindows
	allFlags = 1<<iota - 1
)

// Append appends the head's bytes. Centroids of windows are what SplitCentroids takes.
func (h *Head) Append(dst []byte) []byte {
	flags := byte(0)
	if h.ColScales != nil {
		flags |= hasColScales
	}
	if h.RowScales != nil {
		flags |= hasRowScales
	}
	if h.WindowBits != 0 {
		flags |= hasWindows
	}
	centroids := h.Centroids
	if h.WindowBits != 0 {
		centroids, _ = SplitCentroids(centroids)
	}
	dst = append(dst, flags, byte(len(centroids)-1))
	if h.WindowBits != 0 {
		dst = append(dst, byte(h.WindowBits))
	}
	dst = append(append(append(dst, centroids...), h.ColScales...), h.RowScales...)
	dst = binary.AppendUvarint(dst, uint64(len(h.Outliers)))
	next := 0 // the first weight that can be the next outlier
	for _, o := range h.Outliers {
		at := o.Row*h.Cols + o.Col
		dst = binary.AppendUvarint(dst, uint64(at-next))
		next = at + 1
	}
	for _, o := range h.Outliers {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(math.Float32bits(o.Value)>>16))
	}
	return dst
}

// errEarly is what is said of a stream that ends within its head.
var errEarly = errors.New("it ends early")

// Stream is a stream whose head has been read.
type Stream struct {
	Head
	assignments decoder
}

// decoder decodes assignments. Rows calls do for every row, from several goroutines, with what is
// valid until do returns.
type decoder interface {
	rows(threads int, do func(row int, assignments []byte)) error
}

// Open reads the head of a stream for a layer [rows, cols] and checks how the assignments begin.
// Whatever the bytes, it takes memory only in proportion to them. It keeps data.
func Open(data []byte, rows, cols int) (*Stream, error) {
	if !entropy.Fits(len(data), rows, cols) {
		return nil, errEarly
	}
	s := &Stream{Head: Head{Rows: rows, Cols: cols}}
	windowBits, data, err := s.open(data)
	if err != nil {
		return nil, err
	}
	if windowBits != 0 {
		s.assignments, err = openWindows(&s.Head, windowBits, data)
	} else {
		s.assignments, err = openEntropy(&s.Head, data)
	}
	return s, err
}

// Rows decodes the assignments and calls do for every row, from up to so many goroutines. The slice
// is valid until do returns. It can be called once.
func (s *Stream) Rows(threads int, do func(row int, assignments []byte)) error {
	return s.assignments.rows(threads, do)
}

// Centroids is the number of centroids of the layer with this stream, as its first bytes say; 0
// where these are missing.
func Centroids(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	k := int(data[1]) + 1
	if data[0]&hasWindows != 0 && k == kernels.WindowCentroids {
		return kernels.Centroids // what SumCentroids makes of them
	}
	return k
}

// open reads the head from the front of data and returns the rest, and the bits of windows.
func (h *Head) open(data []byte) (windowBits int, rest []byte, err error) {
	take := func(n int) ([]byte, error) {
		if len(data) < n {
			return nil, errEarly
		}
		taken := data[:n:n]
		data = data[n:]
		return taken, nil
	}
	head, err := take(2)
	if err != nil {
		return 0, nil, err
	}
	flags, k := head[0], int(head[1])+1
	if flags&^allFlags != 0 {
		return 0, nil, fmt.Errorf("unknown flags %#x", flags)
	}
	if flags&hasWindows != 0 {
		bits, err := take(1)
		if err != nil {
			return 0, nil, err
		}
		if windowBits = int(bits[0]); windowBits == 0 {
			return 0, nil, checkBits(0)
		}
	}
	if h.Centroids, err = take(k); err == nil && flags&hasColScales != 0 {
		h.ColScales, err = take(h.Cols)
	}
	if err == nil && flags&hasRowScales != 0 {
		h.RowScales, err = take(h.Rows)
	}
	if err != nil {
		return 0, nil, err
	}
	rest, err = h.openOutliers(data)
	return windowBits, rest, err
}

// openOutliers takes the outliers from the front of data and returns the rest.
func (h *Head) openOutliers(data []byte) ([]byte, error) {
	n, size, err := entropy.Uvarint(data)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(data)-size)/3 { // each takes three bytes or more
		return nil, errEarly
	}
	data = data[size:]
	h.Outliers = make([]Outlier, n)
	next := uint64(0)
	for i := range h.Outliers {
		gap, size, err := entropy.Uvarint(data)
		if err != nil {
			return nil, err
		}
		data = data[size:]
		at := next + gap
		if at < next || at >= uint64(h.Rows)*uint64(h.Cols) {
			return nil, fmt.Errorf("outlier %d lies beyond the matrix", i)
		}
		h.Outliers[i].Row, h.Outliers[i].Col = int(at/uint64(h.Cols)), int(at%uint64(h.Cols))
		next = at + 1
	}
	if uint64(len(data)) < 2*n {
		return nil, errEarly
	}
	for i := range h.Outliers {
		upper := uint32(binary.LittleEndian.Uint16(data[2*i:]))
		h.Outliers[i].Value = math.Float32frombits(upper << 16)
	}
	return data[2*n:], nil
}
