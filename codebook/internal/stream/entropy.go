package stream

import (
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

// blockBuffers are buffers for the levels of the blocks that are decoded side by side: a megabyte
// each, mostly.
var blockBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (c *coded) rows(threads int, do func(row int, assignments []byte)) error {
	defer c.Release()
	errs := make([]error, len(c.blocks)) // of the blocks from this one on
	par.Ranges(threads, len(c.blocks), func(lo, hi int) {
		buffer := blockBuffers.Get().(*[]byte)
		defer blockBuffers.Put(buffer)
		for ; lo < hi; lo += entropy.Together {
			next := min(lo+entropy.Together, hi)
			first, _ := c.Block(lo)
			_, end := c.Block(next - 1)
			size := (end - first) * c.cols
			*buffer = slices.Grow((*buffer)[:0], size)
			levels := (*buffer)[:size]
			if errs[lo] = c.Decode(levels, c.blocks[lo:next], lo); errs[lo] != nil {
				continue
			}
			for r := first; r < end; r++ {
				do(r, levels[(r-first)*c.cols:][:c.cols])
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
