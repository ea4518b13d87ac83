package compress

import (
	"context"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
)

// Preview lists what Compress would do with each tensor of src, as far as headers tell: which would
// become layers, and about how many bytes these would take, at the rate that is asked for. It reads
// no values but the beginnings of matrices that may be the same. What the weights decide it cannot
// know: matrices that hold a NaN, or that no codebook makes smaller, and bits where an error is
// asked for; dst stores nothing.
func Preview(ctx context.Context, dst Sink, src codebook.Source, opts Options) (*Report, error) {
	c, err := newCompression(ctx, dst, src, opts)
	if err != nil {
		return nil, err
	}
	for _, t := range c.tensors {
		entry := Entry{Tensor: t, Reason: c.filter.reason(t)}
		settings := c.opts.settingsOf(c.opts.group(t.Name))
		rows, cols, _ := t.Matrix()
		bytes := quant.FileBytes(settings.Scheme, rows, cols, settings.Bits)
		switch {
		case entry.Reason != "":
		case bytes >= t.Bytes:
			entry.Reason = about(bytes, t)
		default:
			entry.Layer, entry.Bytes = &settings.Scheme, bytes
		}
		if as := c.first(t); as.Name != t.Name {
			entry.As = as.Name
		}
		c.report.Entries = append(c.report.Entries, entry)
	}
	return c.report, nil
}
