package codebook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/entropy"
)

// The bits of the first byte of a stream: what else there is.
const (
	hasColScales = 1 << iota
	hasRowScales
	hasWindows
	allFlags = 1<<iota - 1
)

// appendHead appends what stands in front of the assignments in the stream of a layer: centroids, scales of columns and
// rows, and outliers. FORMAT.md specifies it.
func (l *Layer) appendHead(dst []byte) []byte {
	flags := byte(0)
	if l.ColScales != nil {
		flags |= hasColScales
	}
	if l.RowScales != nil {
		flags |= hasRowScales
	}
	if l.WindowBits != 0 {
		flags |= hasWindows
	}
	dst = append(dst, flags, byte(l.K()-1))
	if l.WindowBits != 0 {
		dst = append(dst, byte(l.WindowBits))
	}
	dst = append(append(append(dst, l.Centroids...), l.ColScales...), l.RowScales...)
	dst = binary.AppendUvarint(dst, uint64(len(l.Outliers)))
	next := 0 // the first weight that can be the next outlier
	for _, o := range l.Outliers {
		at := o.Row*l.Cols + o.Col
		dst = binary.AppendUvarint(dst, uint64(at-next))
		next = at + 1
	}
	for _, o := range l.Outliers {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(math.Float32bits(o.Value)>>16))
	}
	return dst
}

// errStored is what Decode says of a stream that ends within what stands in front of the assignments.
var errStored = errors.New("it ends early")

// Decode fills in what the stream of a layer holds: Centroids, ColScales, RowScales, Outliers, WindowBits and
// Assignments, from Stream, for Rows and Cols. Threads is how many to use, 0 for all processors. Whatever the bytes, it writes
// nothing else, and takes memory only in proportion to them.
func (l *Layer) Decode(threads int) error {
	data := l.Stream
	if !entropy.Fits(len(data), l.Rows, l.Cols) {
		return errStored
	}
	take := func(n int) ([]byte, error) {
		if len(data) < n {
			return nil, errStored
		}
		taken := data[:n:n]
		data = data[n:]
		return taken, nil
	}
	head, err := take(2)
	if err != nil {
		return err
	}
	flags, k := head[0], int(head[1])+1
	if flags&^allFlags != 0 {
		return fmt.Errorf("unknown flags %#x", flags)
	}
	if flags&hasWindows != 0 {
		bits, err := take(1)
		if err != nil {
			return err
		}
		l.WindowBits = int(bits[0])
	}
	if l.Centroids, err = take(k); err == nil && flags&hasColScales != 0 {
		l.ColScales, err = take(l.Cols)
	}
	if err == nil && flags&hasRowScales != 0 {
		l.RowScales, err = take(l.Rows)
	}
	if err != nil {
		return err
	}
	if data, err = l.readOutliers(data); err != nil {
		return err
	}
	if flags&hasWindows != 0 {
		return l.readWindows(data, threads)
	}
	return l.readEntropy(data, threads)
}

// readOutliers takes the outliers from the front of data and returns the rest.
func (l *Layer) readOutliers(data []byte) ([]byte, error) {
	n, size, err := entropy.Uvarint(data)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(data)-size)/3 { // each takes three bytes or more
		return nil, errStored
	}
	data = data[size:]
	l.Outliers = make([]Outlier, n)
	next := uint64(0)
	for i := range l.Outliers {
		gap, size, err := entropy.Uvarint(data)
		if err != nil {
			return nil, err
		}
		data = data[size:]
		at := next + gap
		if at < next || at >= uint64(l.Rows)*uint64(l.Cols) {
			return nil, fmt.Errorf("outlier %d lies beyond the matrix", i)
		}
		l.Outliers[i].Row, l.Outliers[i].Col = int(at/uint64(l.Cols)), int(at%uint64(l.Cols))
		next = at + 1
	}
	if uint64(len(data)) < 2*n {
		return nil, errStored
	}
	for i := range l.Outliers {
		l.Outliers[i].Value = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
	}
	return data[2*n:], nil
}
