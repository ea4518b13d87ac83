package format

import (
	"context"
	"os"

	"github.com/palettize/palettize/codebook"
)

// Decompress writes the model as an ordinary safetensors file, with its original names, shapes,
// dtypes and metadata. Tensors that were passed through are as they were, bit for bit, those that
// were kept as F16 as that left them; layers are rebuilt and rounded to nearest even. It holds one
// tensor in memory. After an error there is no output.
func Decompress(ctx context.Context, c *Codebook, path string, overwrite bool) error {
	out, err := newOutput(path, overwrite, c.file.info)
	if err != nil {
		return err
	}
	var blobs []blob
	for _, s := range c.layers {
		blobs = append(blobs, blob{s.tensor, func(dst []byte) error {
			l, err := c.layer(s)
			if err != nil {
				return err
			}
			return rebuild(ctx, dst, l, s.tensor)
		}})
	}
	for _, t := range c.rest {
		blobs = append(blobs, blob{t, func(dst []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return c.original(dst, t)
		}})
	}
	_, err = out.write(func(f *os.File) error { return fill(f, blobs, c.Info().Metadata) })
	return err
}

// original reads a tensor that has no layer into dst, as values of its original dtype.
func (c *Codebook) original(dst []byte, t codebook.Tensor) error {
	if _, ok := c.narrowed[t.Name]; ok {
		values, err := c.Rest().Floats(t.Name)
		putFloats(dst, values, t.DType)
		return err
	}
	e, err := c.file.entry(t.Name)
	if err != nil {
		return err
	}
	return c.file.verified(e, e.DType, dst, c.sums[t.Name], notItsChecksum)
}

// rebuild writes the matrix of a layer to dst as the values of its tensor.
func rebuild(ctx context.Context, dst []byte, l *codebook.Layer, t codebook.Tensor) error {
	if t.Fold == codebook.FoldTransposed {
		putFloats(dst, t.Restored(l.Dense()), t.DType)
		return ctx.Err()
	}
	row := make([]float32, l.Cols)
	width := len(dst) / l.Rows
	for r := range l.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Row(row, r)
		putFloats(dst[r*width:][:width], row, t.DType)
	}
	return nil
}
