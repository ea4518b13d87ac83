package stream

import (
	"fmt"

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

func (c *coded) rows(threads int, do func(row int, assignments []byte)) error {
	errs := make([]error, len(c.blocks))
	par.Ranges(threads, len(c.blocks), func(lo, hi int) {
		levels := make([]byte, c.BlockRows*c.cols)
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
