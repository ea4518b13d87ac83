package codebook

import (
	"fmt"

	"github.com/palettize/palettize/internal/entropy"
)

// readEntropy takes the assignments from what follows the head of a stream, entropy coded.
func (l *Layer) readEntropy(data []byte, threads int) error {
	coder, blocks, err := entropy.Parse(data, l.Rows, l.Cols)
	if err != nil {
		return err
	}
	decoder, err := coder.NewDecoder(l.K())
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
