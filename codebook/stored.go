package codebook

import (
	"errors"
	"fmt"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/par"
	"github.com/palettize/palettize/kernels"
)

// Outlier is a weight that is stored apart, in 16 bits: the upper half of a float32.
type Outlier = stream.Outlier

// open reads the head of the layer's stream and fills in what it holds.
func (l *Layer) open() (*stream.Stream, error) {
	s, err := stream.Open(l.Stream, l.Rows, l.Cols)
	if err != nil {
		return nil, err
	}
	l.Centroids, l.ColScales, l.RowScales = s.Centroids, s.ColScales, s.RowScales
	l.Outliers, l.WindowBits = s.Outliers, s.WindowBits
	return s, nil
}

// eachRow calls do with the assignments of every row, from several goroutines. They are decoded
// from the stream, a block of rows at a time, where the layer does not have them; head then has
// what the stream holds beside them, else it is the layer itself.
func (l *Layer) eachRow() (head *Layer, each func(do func(r int, assignments []byte)) error,
	err error) {
	segments := l.Segments()
	if l.Assignments != nil || l.Stream == nil {
		return l, func(do func(r int, assignments []byte)) error {
			par.Ranges(par.Threads(0), l.Rows, func(lo, hi int) {
				for r := lo; r < hi; r++ {
					do(r, l.Assignments[r*segments:][:segments])
				}
			})
			return nil
		}, nil
	}
	opened := *l
	s, err := opened.open()
	if err == nil {
		err = opened.validateHead()
	}
	if err != nil {
		return nil, nil, err
	}
	return &opened, func(do func(r int, assignments []byte)) error {
		return s.Rows(par.Threads(0), do)
	}, nil
}

// Decode fills in what the stream of a layer holds: Centroids, ColScales, RowScales, Outliers,
// WindowBits and Assignments, from Stream, for Rows and Cols. Threads is how many to use, 0 for all
// processors. Whatever the bytes, it writes nothing else, and takes memory only in proportion to
// them.
func (l *Layer) Decode(threads int) error {
	s, err := l.open()
	if err != nil {
		return err
	}
	l.Assignments = make([]byte, l.Rows*l.Cols)
	return s.Rows(par.Threads(threads), func(r int, assignments []byte) {
		copy(l.Assignments[r*l.Cols:], assignments)
	})
}

// validateWindows reports what is wrong with a layer that is stored with windows.
func (l *Layer) validateWindows() error {
	if l.WindowBits == 0 {
		return nil
	}
	if err := stream.CheckWindows(l.WindowBits, l.Centroids); err != nil {
		return err
	}
	if l.Width != 1 || l.Group != 0 || l.Stream == nil {
		return errors.New("windows with segments, groups or no stream")
	}
	for r := range l.Rows {
		row := l.Assignments[r*l.Cols:][:l.Cols]
		window := kernels.FirstWindow(row, l.WindowBits)
		for c, a := range row {
			before := window
			window = kernels.NextWindow(before, a, l.WindowBits)
			if kernels.WindowAssignment(window) != a {
				return fmt.Errorf("assignment [%d, %d] is %#02x, which no window of %d new bits "+
					"behind %#03x has", r, c, a, l.WindowBits, before)
			}
		}
	}
	return nil
}
