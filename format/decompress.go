package format

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

// Decompress writes the model as ordinary safetensors files, with its original names, shapes,
// dtypes and metadata: as one file or, where the options have a ShardSize, as a folder, with the
// original's configuration. Tensors that were passed through are as they were, bit for bit, those
// that were kept as F16 as that left them; layers are rebuilt and rounded to nearest even. It holds
// one tensor in memory, of a stack one slice. After an error, and once ctx is done, there is no
// output.
func Decompress(ctx context.Context, c *Codebook, path string, opts CreateOptions) (
	size int64, err error) {
	out, err := newDestination(path, opts, c.file)
	if err != nil {
		return 0, err
	}
	return c.decompress(ctx, out, opts.ShardSize)
}

// DecompressTo is Decompress to a writer. What w has got is a file only if there is no error.
func DecompressTo(ctx context.Context, w io.Writer, c *Codebook) error {
	_, err := c.decompress(ctx, toWriter{w}, 0)
	return err
}

// Only returns the codebook with those tensors of the original alone of which keep is true. It is
// asked once of each, of stacks and not of their slices. It is the same open file: closing one
// closes the other.
func (c *Codebook) Only(keep func(tensor string) bool) *Codebook {
	o, kept := *c, make(map[string]bool)
	of := func(name string) string { // the tensor of the original that it is, or a slice of
		if whole, _, ok := stack.Cut(name); ok && c.stacks[whole] > 0 {
			return whole
		}
		return name
	}
	for _, t := range c.originals() {
		name := of(t.Name)
		if _, asked := kept[name]; !asked {
			kept[name] = keep(name)
		}
	}
	drop := func(name string) bool { return !kept[of(name)] }
	o.layers = slices.DeleteFunc(slices.Clone(c.layers),
		func(s *stored) bool { return drop(s.tensor.Name) })
	o.rest = slices.DeleteFunc(slices.Clone(c.rest),
		func(t codebook.Tensor) bool { return drop(t.Name) })
	o.names, o.without = maps.Clone(c.names), maps.Clone(c.without)
	o.narrowed, o.stacks = maps.Clone(c.narrowed), maps.Clone(c.stacks)
	maps.DeleteFunc(o.names, func(name string, _ *stored) bool { return drop(name) })
	maps.DeleteFunc(o.without, func(name string, _ bool) bool { return drop(name) })
	maps.DeleteFunc(o.narrowed, func(name, _ string) bool { return drop(name) })
	maps.DeleteFunc(o.stacks, func(name string, _ int) bool { return drop(name) })
	return &o
}

func (c *Codebook) decompress(ctx context.Context, out destination, shardSize int64) (
	size int64, err error) {
	units := make(map[string][]blob)
	q, err := c.file.folder.quantisation()
	if err != nil {
		return 0, err
	}
	// The layers become BF16, and the configuration cannot say it of some only.
	unscale := shardSize > 0 && q.eightBit()
	for _, b := range c.joined(c.blobs(unscale)) {
		units[b.Name] = []blob{b}
	}
	shards, metadata := split(units, shardSize, modelExt), c.Info().Metadata
	for i := range shards {
		shards[i].metadata = metadata
	}
	if shardSize == 0 {
		return writeScratch(ctx, out, shards[0].content())
	}
	edit := unmarkConfig
	if unscale {
		edit = unquantisedConfig
	}
	config, err := c.file.config(edit)
	if err != nil {
		return 0, err
	}
	return writeScratch(ctx, out, append(contentsOf(shards, modelExt), config...)...)
}

// writeScratch writes files in the folder of a run until they are complete: a run that is killed
// leaves what the next one finds and removes.
func writeScratch(ctx context.Context, out destination, files ...content) (int64, error) {
	if out.partial() == "" {
		return out.write(ctx, "", files...)
	}
	p, err := newScratch(out.partial())
	if err != nil {
		return 0, err
	}
	defer p.remove()
	return out.write(ctx, p.scratch(), files...)
}

// blobs are the tensors of the original, of stacks the slices. Those with scales come with these,
// or are what the scales make of them.
func (c *Codebook) blobs(unscale bool) []blob {
	var blobs []blob
	for _, s := range c.layers {
		load := func(ctx context.Context, dst []byte) error {
			l, err := c.layer(ctx, s)
			if err != nil {
				return err
			}
			return rebuild(ctx, dst, l, s.tensor)
		}
		blobs = append(blobs, blob{Tensor: s.tensor, load: load})
	}
	for _, t := range c.rest {
		blobs = append(blobs, c.restored(t, unscale)...)
	}
	return blobs
}

// restored is what is to be written of a tensor that has no layer: it alone or, with its scales,
// two tensors.
func (c *Codebook) restored(t codebook.Tensor, unscale bool) []blob {
	if _, ok := c.narrowed[t.Name]; ok || unscale && t.Scaled {
		t = t.Unscaled()
		load := func(ctx context.Context, dst []byte) error { return c.converted(ctx, dst, t) }
		return []blob{{Tensor: t, load: load}}
	}
	var blobs []blob
	for _, e := range c.file.find(t.Name).together() {
		load := func(ctx context.Context, dst []byte) error {
			return c.file.verified(ctx, e, e.DType, dst, c.sums[e.Name], notItsChecksum)
		}
		blobs = append(blobs, blob{Tensor: e.Tensor, load: load})
	}
	return blobs
}

// converted reads a tensor that has no layer into dst, as values of the dtype of t.
func (c *Codebook) converted(ctx context.Context, dst []byte, t codebook.Tensor) error {
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
