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
}

// Elements is the number of values.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Matrix returns the rows and columns under which a tensor is compressed: the first dimension and
// the product of the rest. ok is false for tensors of fewer than two dimensions.
func (t Tensor) Matrix() (rows, cols int, ok bool) {
	if len(t.Shape) < 2 {
		return 0, 0, false
	}
	cols = 1
	for _, d := range t.Shape[1:] {
		cols *= d
	}
	return t.Shape[0], cols, true
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
	// Rest returns what the file takes without layers in place of the tensors of these names, all others passed through,
	// at most.
	Rest(layers []string) int64
	// PutLayer stores a layer in place of tensor t. It returns all the bytes that this takes in the file,
	// its share of the header included.
	PutLayer(t Tensor, l *Layer, d Distortion) (bytes int64, err error)
	// PutTensor passes tensor t of the source through, bit for bit.
	PutTensor(t Tensor) error
}

// Matrix is what a model multiplies with: a [Layer], or a [Dense] tensor that was passed through.
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

// Matrix returns the layer of this name or, where the tensor was passed through, its dense values,
// which are read at each call.
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
