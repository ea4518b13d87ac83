package compress

import (
	"fmt"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/dtype"
)

const (
	// visibleError is the relative error of a row beyond which it shows that the row was rounded to
	// F16: the most that rounding to 11 significant bits leaves of a value.
	visibleError = 0x1p-11
	// entryBytes is about what a tensor without a layer takes in the header of a file.
	entryBytes = 100
)

// looksTheSame reports whether rows of cols weights can be rounded to F16 with no visible error. It
// looks at each row by itself: a row of small weights may be looked up alone, or be scaled up by
// what follows. The error of all rows together would hide that nothing is left of it.
func looksTheSame(w []float32, cols int) bool {
	half := dtype.Of(dtype.F16)
	bytes, rounded := make([]byte, cols*half.Bits/8), make([]float32, 0, cols)
	for row := range slices.Chunk(w, cols) {
		for _, v := range row {
			if !(max(v, -v) <= half.Largest) { // NaN too
				return false
			}
		}
		half.Put(bytes, row)
		rounded = half.Append(rounded[:0], bytes)
		var d codebook.Distortion
		d.Add(rounded, row)
		if d.Relative() > visibleError {
			return false
		}
	}
	return true
}

// narrows reports whether a matrix is kept as F16 where it has no codebook: if that
// makes it smaller, and has no visible error, nor more than was asked for.
func (c *compression) narrows(t codebook.Tensor, m *quant.Matrix) bool {
	limit := c.opts.settingsOf(c.opts.group(t.Name)).MaxError
	return t.Wide() && c.halfBytes(t) < t.Bytes+entryBytes &&
		(limit == 0 || limit >= visibleError) && looksTheSame(m.W, m.Cols)
}

// halfBytes is about what a tensor takes in the file as F16. Like that of a layer, it counts its
// part of the header: else F16 would take the place of layers that are smaller.
func (c *compression) halfBytes(t codebook.Tensor) int64 {
	return t.Half().Bytes + c.dst.HalfOverhead(t) + entryBytes
}

// keptBytes is about what a matrix takes in the file without a codebook.
func (c *compression) keptBytes(t codebook.Tensor, m *quant.Matrix) int64 {
	if c.narrows(t, m) {
		return c.halfBytes(t)
	}
	return t.Bytes
}

// grown says of a codebook of so many bytes that it would not make a matrix smaller,
// "" where it does.
func (c *compression) grown(bytes int64, t codebook.Tensor, m *quant.Matrix) string {
	// Mostly the former holds, which looks at no weight.
	if bytes < min(c.halfBytes(t), t.Bytes) || bytes < c.keptBytes(t, m) {
		return ""
	}
	return about(bytes, t)
}

// about says of a codebook of so many bytes that it would not make a tensor smaller.
func about(bytes int64, t codebook.Tensor) string {
	return fmt.Sprintf("a codebook would take about %d bytes, the tensor takes %d", bytes, t.Bytes)
}

// keep notes how the tensor of an entry is kept, which is to have no layer: bit for bit or, where m
// has its weights and they narrow, as F16.
func (c *compression) keep(entry *Entry, m *quant.Matrix) {
	if m != nil && c.narrows(c.first(entry.Tensor), m) {
		entry.Narrowed, entry.Bytes = true, entry.Tensor.Half().Bytes
		entry.Reason += fmt.Sprintf(": kept as F16, %d bytes", entry.Bytes)
	}
}
