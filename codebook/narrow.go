package codebook

import (
	"fmt"
	"slices"

	"github.com/palettize/palettize/internal/halves"
)

const (
	// visibleError is the relative error of a row beyond which it shows that the row was rounded to
	// F16: the most that rounding to 11 significant bits leaves of a value.
	visibleError = 0x1p-11
	// largestHalf is the largest finite value of F16.
	largestHalf = 65504
	// entryBytes is about what a tensor without a layer takes in the header of a file.
	entryBytes = 100
)

// Wide reports whether the values are floats of more than 16 bits, which can be kept as F16.
func (t Tensor) Wide() bool { return t.DType == "F32" || t.DType == "F64" }

// Half returns the tensor as it is in a file that keeps its values as F16.
func (t Tensor) Half() Tensor {
	t.DType, t.Bytes = "F16", 2*t.Elements()
	return t
}

// looksTheSame reports whether rows of cols weights can be rounded to F16 with no visible error. It
// looks at each row by itself: a row of small weights may be looked up alone, or be scaled up by
// what follows. The error of all rows together would hide that nothing is left of it.
func looksTheSame(w []float32, cols int) bool {
	rounded := make([]float32, cols)
	for row := range slices.Chunk(w, cols) {
		for i, v := range row {
			if !(max(v, -v) <= largestHalf) { // NaN too
				return false
			}
			rounded[i] = halves.FromF16(halves.ToF16(v))
		}
		var d Distortion
		d.Add(rounded, row)
		if d.Relative() > visibleError {
			return false
		}
	}
	return true
}

// narrows reports whether a matrix of weights w is kept as F16 where it has no codebook: if that
// makes it smaller, and has no visible error, nor more than was asked for.
func (c *compression) narrows(t Tensor, w []float32) bool {
	limit := c.opts.settingsOf(c.opts.group(t.Name)).MaxError
	_, cols, _ := t.Matrix()
	return t.Wide() && c.halfBytes(t) < t.Bytes+entryBytes &&
		(limit == 0 || limit >= visibleError) && looksTheSame(w, cols)
}

// halfBytes is about what a tensor takes in the file as F16. Like that of a layer, it counts its share
// of the header: else F16 would take the place of layers that are smaller.
func (c *compression) halfBytes(t Tensor) int64 {
	return t.Half().Bytes + c.dst.HalfOverhead(t) + entryBytes
}

// keptBytes is about what a matrix of weights w takes in the file without a codebook.
func (c *compression) keptBytes(t Tensor, w []float32) int64 {
	if c.narrows(t, w) {
		return c.halfBytes(t)
	}
	return t.Bytes
}

// grown says of a codebook of so many bytes that it would not make a matrix of weights w smaller,
// "" where it does.
func (c *compression) grown(bytes int64, t Tensor, w []float32) string {
	// Mostly the former holds, which looks at no weight.
	if bytes < min(c.halfBytes(t), t.Bytes) || bytes < c.keptBytes(t, w) {
		return ""
	}
	return fmt.Sprintf("a codebook would take about %d bytes, the tensor takes %d", bytes, t.Bytes)
}

// keep stores the tensor of an entry, which is to have no layer: bit for bit or, where w has its
// weights and they narrow, as F16.
func (c *compression) keep(entry *Entry, w []float32) error {
	if w == nil || !c.narrows(entry.Tensor, w) {
		return c.dst.PutTensor(entry.Tensor)
	}
	entry.Narrowed, entry.Bytes = true, entry.Tensor.Half().Bytes
	entry.Reason += fmt.Sprintf(": kept as F16, %d bytes", entry.Bytes)
	return c.dst.PutHalf(entry.Tensor)
}
