package format

import (
	"context"
	"io"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// Decompress writes the model as an ordinary safetensors file, with its original names, shapes,
// dtypes and metadata. Tensors that were passed through are as they were, bit for bit, those that
// were kept as F16 as that left them; layers are rebuilt and rounded to nearest even. It holds one
// tensor in memory. After an error, and once ctx is done, there is no output.
func Decompress(ctx context.Context, c *Codebook, path string, overwrite bool) error {
	out, err := newOutput(path, overwrite, c.file.info)
	if err != nil {
		return err
	}
	return c.decompress(ctx, out)
}

// DecompressTo is Decompress to a writer. What w has got is a file only if there is no error.
func DecompressTo(ctx context.Context, w io.Writer, c *Codebook) error {
	return c.decompress(ctx, toWriter{w})
}

func (c *Codebook) decompress(ctx context.Context, out destination) error {
	var blobs []blob
	for _, s := range c.layers {
		blobs = append(blobs, blob{s.tensor, func(ctx context.Context, dst []byte) error {
			l, err := c.layer(ctx, s)
			if err != nil {
				return err
			}
			return rebuild(ctx, dst, l, s.tensor)
		}})
	}
	for _, t := range c.rest {
		blobs = append(blobs, c.originals(t)...)
	}
	_, err := out.write(ctx, func(w io.Writer) error {
		return serialize(ctx, w, blobs, c.Info().Metadata)
	})
	return err
}

// originals are what is to be written of a tensor that has no layer: it alone or, with its scales,
// two tensors.
func (c *Codebook) originals(t codebook.Tensor) []blob {
	if _, ok := c.narrowed[t.Name]; ok {
		return []blob{{t, func(ctx context.Context, dst []byte) error {
			return c.widened(ctx, dst, t)
		}}}
	}
	var blobs []blob
	for _, e := range c.file.find(t.Name).together() {
		blobs = append(blobs, blob{e.Tensor, func(ctx context.Context, dst []byte) error {
			return c.file.verified(ctx, e, e.DType, dst, c.sums[e.Name], notItsChecksum)
		}})
	}
	return blobs
}

// widened reads a tensor that is kept as F16 into dst, as values of its original dtype.
func (c *Codebook) widened(ctx context.Context, dst []byte, t codebook.Tensor) error {
	values, err := c.file.floats(ctx, t.Name, c.sums)
	if err != nil {
		return err
	}
	dtype.Of(t.DType).Put(dst, values)
	return nil
}

// rebuild writes the matrix of a layer to dst as the values of its tensor.
func rebuild(ctx context.Context, dst []byte, l *codebook.Layer, t codebook.Tensor) error {
	kind := dtype.Of(t.DType)
	if t.Fold == codebook.FoldTransposed {
		kind.Put(dst, t.Restored(l.Dense()))
		return ctx.Err()
	}
	row := make([]float32, l.Cols)
	width := len(dst) / l.Rows
	for r := range l.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Row(row, r)
		kind.Put(dst[r*width:][:width], row)
	}
	return nil
}
