package codebook

import (
	"fmt"
	"slices"
)

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
