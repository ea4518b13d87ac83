package stream

import (
	"fmt"
	"slices"
	"sync"

	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/par"
)

// coded are assignments that are entropy coded, in blocks of rows.
type coded struct {
	*entropy.Decoder
	blocks [][]byte
	cols   int
}

func openEntropy(h *Head, data []byte) (decoder, error) {
	coder, blocks, err := entropy.Parse(data, h.Rows, h.Cols)
	if err != nil {
		return nil, err
	}
	d, err := coder.NewDecoder(len(h.Centroids))
	if err != nil {
		return nil, err
	}
	return &coded{d, blocks, h.Cols}, nil
}

// blockBuffers are buffers for the levels of a block: a quarter of a megabyte each, mostly.
var blockBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (c *coded) rows(threads int, do func(row int, assignments []byte)) error {
	defer c.Release()
	errs := make([]error, len(c.blocks))
	par.Ranges(threads, len(c.blocks), func(lo, hi int) {
		buffer := blockBuffers.Get().(*[]byte)
		defer blockBuffers.Put(buffer)
		*buffer = slices.Grow((*buffer)[:0], c.BlockRows*c.cols)
		levels := (*buffer)[:c.BlockRows*c.cols]
		for b := lo; b < hi; b++ {
			if errs[b] = c.Decode(levels, c.blocks[b], b); errs[b] != nil {
				continue
			}
			for r, end := c.Block(b); r < end; r++ {
				do(r, levels[(r-b*c.BlockRows)*c.cols:][:c.cols])
			}
		}
	})
	for b, err := range errs {
		if err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
	}
	return nil
}
