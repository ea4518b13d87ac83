package codebook

import (
	"context"

	"github.com/palettize/palettize/internal/dtype"
)

// Tensor describes one tensor of a model: what a file's header says of it.
type Tensor struct {
	Name  string
	DType string // as in the file: "F32", "BF16", "I64" ...
	Shape []int
	Bytes int64 // what its values take in the file
	Fold  Fold  // how it is seen as a matrix
	// Scaled says that its values are of 8 bits in the file and count with scales beside them, one
	// for each block of a matrix. Bytes are those of both.
	Scaled bool
}

// Fold says how a tensor of two or more dimensions is seen as a matrix: how many leading dimensions
// make up its rows, or one of the constants.
type Fold int

const (
	// FoldByShape stands for what Folding finds.
	FoldByShape Fold = 0
	// FoldTransposed swaps the last two dimensions, of which the last one and all before make up
	// the rows: for weights stored as [in, out], or [experts, in, out].
	FoldTransposed Fold = -1
)

// maxKernel is the size of a kernel up to which three dimensions are those of a convolution,
// whatever the others are.
const maxKernel = 16

// Elements is the number of values.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Folding returns Fold or, where that is FoldByShape, what the shape suggests. A row is to be what
// one output multiplies its inputs with. Leading dimensions of 1 belong to the rows. Of the others,
//
//   - two are [rows, cols];
//   - three are those of a convolution, [out, in, kernel], whose rows are in * kernel, or of
//     matrices on top of each other, such as [directions, out, in] of recurrent nets and [experts,
//     out, in], whose rows are in. They are taken for matrices where the first is 2 or less, and
//     where the last is above 16 and no smaller than the first: kernels are small beside the number
//     of outputs, and inputs are more than experts;
//   - four or more are those of a convolution, [out, in, kernel...].
func (t Tensor) Folding() Fold {
	if t.Fold != FoldByShape {
		return t.Fold
	}
	ones := 0
	for ones < len(t.Shape)-2 && t.Shape[ones] == 1 {
		ones++
	}
	s := t.Shape[ones:]
	if len(s) == 3 && (s[0] <= 2 || s[2] > maxKernel && s[2] >= s[0]) {
		return Fold(ones + 2)
	}
	return Fold(ones + 1)
}

// Matrix returns the rows and columns under which a tensor is compressed, as Folding says. ok is
// false for tensors of fewer than two dimensions.
func (t Tensor) Matrix() (rows, cols int, ok bool) {
	if len(t.Shape) < 2 {
		return 0, 0, false
	}
	rows, cols = 1, 1
	fold := t.Folding()
	for i, d := range t.Shape {
		isRow := i < int(fold)
		if fold == FoldTransposed {
			isRow = i != len(t.Shape)-2
		}
		if isRow {
			rows *= d
		} else {
			cols *= d
		}
	}
	return rows, cols, true
}

// Vector reports whether no more than one dimension is above 1, as in [1, n] and [n, 1, 1].
func (t Tensor) Vector() bool {
	above := 0
	for _, d := range t.Shape {
		if d > 1 {
			above++
		}
	}
	return above < 2
}

// Arranged returns the tensor's values, which are in the order of its shape, as rows of its Matrix.
// It is the slice itself where the order is the same.
func (t Tensor) Arranged(values []float32) []float32 {
	if t.Fold != FoldTransposed {
		return values
	}
	return transposed(values, t.Shape[len(t.Shape)-2], t.Shape[len(t.Shape)-1])
}

// Restored undoes Arranged.
func (t Tensor) Restored(w []float32) []float32 {
	if t.Fold != FoldTransposed {
		return w
	}
	return transposed(w, t.Shape[len(t.Shape)-1], t.Shape[len(t.Shape)-2])
}

// transposed returns matrices [rows, cols], one after the other, as [cols, rows]. It walks through
// squares, so that both sides are touched along lines of the cache.
func transposed(w []float32, rows, cols int) []float32 {
	const side = 32
	out := make([]float32, len(w))
	for at := 0; at < len(w); at += rows * cols {
		from, to := w[at:], out[at:]
		for top := 0; top < rows; top += side {
			for left := 0; left < cols; left += side {
				for r := top; r < min(top+side, rows); r++ {
					for c := left; c < min(left+side, cols); c++ {
						to[c*rows+r] = from[r*cols+c]
					}
				}
			}
		}
	}
	return out
}

// Float reports whether the values are floating-point numbers that a Source can read.
func (t Tensor) Float() bool { return dtype.Of(t.DType).Float() }

// Kind returns what to count a tensor among that is no matrix: "vectors", "integers", "single
// values" or "empty tensors", "" for a matrix; and why it is never compressed, whatever the
// options, "" where it can be. A matrix of values that are not read as floats has a reason, but no
// kind.
func (t Tensor) Kind() (kind, reason string) {
	integer := dtype.Of(t.DType).Integer
	switch {
	case t.Elements() == 0:
		kind, reason = "empty tensors", "empty"
	case t.Elements() == 1:
		kind, reason = "single values", "a single value"
	case integer && len(t.Shape) > 1:
		kind = "integers"
	case t.Vector():
		kind, reason = "vectors", "a vector"
	case integer:
		kind = "integers"
	}
	if !t.Float() {
		reason = t.DType + " values"
	}
	return kind, reason
}

// Wide reports whether the values are floats of more than 16 bits, which can be kept as F16.
func (t Tensor) Wide() bool { return dtype.Of(t.DType).Wide() }

// Half returns the tensor as it is in a file that keeps its values as F16.
func (t Tensor) Half() Tensor {
	t.DType, t.Bytes = dtype.F16, 2*t.Elements()
	return t
}

// Unscaled returns the tensor as it is once its values are multiplied by their scales: of dtype
// BF16, as such models are converted to. It is the tensor itself where it has no scales.
func (t Tensor) Unscaled() Tensor {
	if t.Scaled {
		t.Scaled, t.DType, t.Bytes = false, dtype.BF16, 2*t.Elements()
	}
	return t
}

// Source is a model, tensor by tensor. Several goroutines may read it at the same time. Errors
// about a tensor name it.
type Source interface {
	// Tensors lists all tensors, in the order of the file.
	Tensors() []Tensor
	// Floats returns the values of a tensor whose Float is true, times their scales where it is
	// Scaled. F64 values out of the range of
	// float32 are clamped: to the largest float32 unless they are infinite, to the least above 0
	// unless they are 0. It stops soon after ctx is done. A name that is not there is
	// [ErrNoTensor].
	Floats(ctx context.Context, name string) ([]float32, error)
}

// Progress tells how far a walk through the tensors of a model is.
type Progress struct {
	Tensor      string // about to be worked on, "" at the end
	Done, Total int64  // bytes of tensors
}
