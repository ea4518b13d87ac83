package codebook

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
)

// linear is a linear layer of a network: a matrix and what is added to its products.
type linear struct {
	*matrix
	bias    string     // name of the tensor, "": none
	loading sync.Mutex // held while it is read
	values  atomic.Pointer[[]float32]
}

// The tensors of a module are named after it, as PyTorch and Flax's converters do.
const (
	weightSuffix = ".weight"
	biasSuffix   = ".bias"
)

// joinLinears finds the linear layers.
func (m *Model) joinLinears() {
	for name, x := range m.matrices {
		module, ok := strings.CutSuffix(name, weightSuffix)
		if !ok {
			continue
		}
		l := &linear{matrix: x}
		if m.matrices[module+biasSuffix] != nil {
			l.bias = module + biasSuffix
		}
		m.linears[module] = l
	}
}

// Linear writes what the linear layer of this name makes of batch inputs, x [batch, cols]: dst
// [batch, rows], the products with NAME.weight, as of MatMul, plus NAME.bias, of rows values, where
// there is such a tensor. Errors name the tensor; they are those of MatMul, or a [ShapeError] about
// the bias.
func (m *Model) Linear(dst []float32, name string, x []float32, batch int) error {
	l := m.linears[name]
	if l == nil || m.closed.Load() {
		return m.MatMul(dst, name+weightSuffix, x, batch) // which says what is wrong
	}
	if err := m.mul(dst, l.matrix, x, batch); err != nil {
		return about(l.tensor.Name, err)
	}
	if l.bias == "" {
		return nil
	}
	bias, err := l.loaded(m)
	if err != nil {
		return about(l.bias, err)
	}
	set, err := m.opts.kernels()
	if err == nil {
		set.AddRows(dst, dst, bias)
	}
	return err
}

// loaded returns the bias, which the first use reads.
func (l *linear) loaded(m *Model) ([]float32, error) {
	if b := l.values.Load(); b != nil {
		return *b, nil
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	if b := l.values.Load(); b != nil {
		return *b, nil
	}
	if m.closed.Load() { // and its biases are gone
		return nil, ErrClosed
	}
	rows, _, _ := l.tensor.Matrix()
	if t := m.matrices[l.bias].tensor; t.Elements() != int64(rows) {
		return nil, &ShapeError{"bias", int(t.Elements()), rows}
	}
	values, err := m.Tensor(context.Background(), l.bias)
	if err == nil {
		l.values.Store(&values)
	}
	return values, err
}
