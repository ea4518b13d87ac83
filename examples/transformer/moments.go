package transformer

import (
	"sync"

	"github.com/palettize/palettize/examples/internal/tensors"
)

// Moments sums up what enters the linear layers of a model: the second moments E[x x^T] that
// compression weighs errors by. Layers that get the same input share a sum. Its methods may be
// called at the same time.
type Moments struct {
	mu sync.Mutex
	of map[string]*momentSum // by the names of weights
}

// momentSum is of the inputs of layers that share them.
type momentSum struct {
	mu      sync.Mutex
	columns int
	vectors int
	sum     []float64 // [columns, columns]
}

// NewMoments returns sums of nothing.
func NewMoments() *Moments { return &Moments{of: make(map[string]*momentSum)} }

// Add adds inputs x [n, columns] of linear layers, whose weights have these names. It fits
// [Encoder.Watch].
func (m *Moments) Add(x []float32, columns int, linears ...string) {
	n := len(x) / columns
	// The product of the transposed inputs with themselves, in float32 for one call alone.
	turned := make([]float32, len(x))
	set.Transpose(turned, x, n, columns)
	products := make([]float32, columns*columns)
	set.DenseMat(products, columns, turned, turned, columns, n, columns)
	s := m.sum(columns, linears)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vectors += n
	for i, v := range products {
		s.sum[i] += float64(v)
	}
}

// sum returns the sum of these layers.
func (m *Moments) sum(columns int, linears []string) *momentSum {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.of[linears[0]]
	if s == nil {
		s = &momentSum{columns: columns, sum: make([]float64, columns*columns)}
		for _, name := range linears {
			m.of[name] = s
		}
	}
	return s
}

// Means returns E[x x^T] [columns, columns] of each layer by the name of its weights.
func (m *Moments) Means() map[string]tensors.Tensor {
	m.mu.Lock()
	defer m.mu.Unlock()
	shared := make(map[*momentSum]tensors.Tensor)
	means := make(map[string]tensors.Tensor)
	for name, s := range m.of {
		mean, ok := shared[s]
		if !ok {
			mean = tensors.Tensor{Shape: []int{s.columns, s.columns}}
			for _, v := range s.sum {
				mean.Values = append(mean.Values, float32(v/float64(s.vectors)))
			}
			shared[s] = mean
		}
		means[name] = mean
	}
	return means
}
