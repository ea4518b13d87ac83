package codebook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/palettize/palettize/internal/entropy"
)

// hasColScales is the bit of an entropy-coded layer's first byte that says that it has column scales.
const hasColScales = 1

// appendEntropy appends what stands in front of the stream of levels in an entropy-coded layer: centroids, column
// scales and outliers. FORMAT.md specifies it.
func (l *Layer) appendEntropy(dst []byte) []byte {
	flags := byte(0)
	if l.ColScales != nil {
		flags = hasColScales
	}
	dst = append(dst, flags, byte(l.K()-1))
	dst = append(append(dst, l.Centroids...), l.ColScales...)
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

// errStored is what Decode says of a storage that ends within what stands in front of the levels.
var errStored = errors.New("it ends early")

// Decode fills in what an entropy-coded layer stores: Centroids, ColScales, Outliers and Assignments, from
// Stream, for Rows and Cols. Threads is how many to use, 0 for all processors. Whatever the bytes, it writes nothing else,
// and takes memory only in proportion to them.
func (l *Layer) Decode(threads int) error {
	data := l.Stream
	if len(data) < 2 || !entropy.Fits(len(data), l.Rows, l.Cols) {
		return errStored
	}
	flags, k := data[0], int(data[1])+1
	data = data[2:]
	if flags&^hasColScales != 0 {
		return fmt.Errorf("unknown flags %#x", flags)
	}
	fixed := k
	if flags&hasColScales != 0 {
		fixed += l.Cols
	}
	if len(data) < fixed {
		return errStored
	}
	l.Centroids = data[:k:k]
	if flags&hasColScales != 0 {
		l.ColScales = data[k:fixed:fixed]
	}
	data, err := l.readOutliers(data[fixed:])
	if err != nil {
		return err
	}
	coder, blocks, err := entropy.Parse(data, l.Rows, l.Cols)
	if err != nil {
		return err
	}
	decoder, err := coder.NewDecoder(k)
	if err != nil {
		return err
	}
	l.Assignments = make([]byte, l.Rows*l.Cols)
	errs := make([]error, len(blocks))
	parallel(threadCount(threads), len(blocks), func(lo, hi int) {
		for b := lo; b < hi; b++ {
			errs[b] = decoder.Decode(l.Assignments, blocks[b], b)
		}
	})
	for b, err := range errs {
		if err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
	}
	return nil
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
