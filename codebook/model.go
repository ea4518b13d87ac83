package codebook

import (
	"fmt"
	"slices"
)

// Tensor describes one tensor of a model: what a file's header says of it.
type Tensor struct {
	Name  string
	DType string // as in the file: "F32", "BF16", "I64" ...
	Shape []int
	Bytes int64 // what its values take in the file
	Fold  Fold  // how it is seen as a matrix
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
func (t Tensor) Float() bool {
	switch t.DType {
	case "F64", "F32", "F16", "BF16":
		return true
	}
	return false
}

// Source is a model to be compressed.
type Source interface {
	// Tensors lists all tensors, in the order of the file.
	Tensors() []Tensor
	// Floats returns the values of a tensor whose Float is true. Of F64, what is beyond the largest
	// float32 becomes that, unless it is infinite, and what is not 0 but nearer to it than the
	// least becomes the least.
	Floats(name string) ([]float32, error)
}

// Sink takes in a compressed model, tensor by tensor.
type Sink interface {
	// Overhead returns what an entropy-coded layer in place of tensor t takes in the file beside its Stream, at most.
	Overhead(t Tensor) int64
	// HalfOverhead returns what the file says of tensor t only where it keeps it as F16, in bytes, at
	// most.
	HalfOverhead(t Tensor) int64
	// Rest returns what the file takes without layers in place of the tensors of these names, all others passed through,
	// at most. Those that are then kept as F16 take less.
	Rest(layers []string) int64
	// PutLayer stores a layer in place of tensor t. It returns all the bytes that this takes in the file,
	// its share of the header included.
	PutLayer(t Tensor, l *Layer, d Distortion) (bytes int64, err error)
	// PutTensor passes tensor t of the source through, bit for bit.
	PutTensor(t Tensor) error
	// PutHalf stores tensor t of the source, which is F32 or F64, as F16.
	PutHalf(t Tensor) error
}

// Matrix is what a model multiplies with: a [Layer], or a [Dense] tensor that has no layer.
type Matrix interface {
	Dims() (rows, cols int)
	// MulVec writes y = W*x, len(y) = rows and len(x) = cols.
	MulVec(y, x []float32) error
	// MulMat writes n results, y [n, rows], for n inputs, x [n, cols].
	MulMat(y, x []float32, n int) error
	// Row writes row r of W to dst.
	Row(dst []float32, r int)
}

// Model holds the matrices of a compressed model by tensor name.
type Model struct {
	layers map[string]*Layer
	rest   Source
}

// NewModel returns a model of these layers that falls through to rest for tensors without one.
func NewModel(layers map[string]*Layer, rest Source) *Model { return &Model{layers, rest} }

// Layer returns the layer of this tensor name, nil when it has none.
func (m *Model) Layer(name string) *Layer { return m.layers[name] }

// Matrix returns the layer of this name or, where the tensor has none, its dense values,
// which are read at each call. A layer of a tensor that was compressed as its transpose is that
// transpose, [out, in].
func (m *Model) Matrix(name string) (Matrix, error) {
	if l := m.layers[name]; l != nil {
		return l, nil
	}
	tensors := m.rest.Tensors()
	i := slices.IndexFunc(tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no tensor %q", name)
	}
	rows, cols, ok := tensors[i].Matrix()
	if !ok || !tensors[i].Float() {
		return nil, fmt.Errorf("tensor %q: %s %v is no matrix", name, tensors[i].DType, tensors[i].Shape)
	}
	w, err := m.rest.Floats(name)
	if err != nil {
		return nil, err
	}
	return &Dense{Rows: rows, Cols: cols, W: w}, nil
}
