package transformer

import (
	"maps"
	"slices"
	"sync"

	"github.com/palettize/palettize/examples/internal/tensors"
)

// Moments sums up what enters the linear layers of a model: the second moments E[x x^T] that
// compression weighs errors by. Layers that get the same input share a sum. Of tables it counts
// which rows are looked up. Its methods may be called at the same time.
type Moments struct {
	mu      sync.Mutex
	of      map[string]*momentSum // by the names of weights
	lookups map[string][]float32  // of the rows of tables
}

// momentSum is of the inputs of layers that share them.
type momentSum struct {
	mu      sync.Mutex
	columns int
	vectors int
	sum     []float64 // [columns, columns]
}

// NewMoments returns sums of nothing.
func NewMoments() *Moments {
	return &Moments{of: make(map[string]*momentSum), lookups: make(map[string][]float32)}
}

// Look counts lookups of rows of a table, which has so many.
func (m *Moments) Look(table string, rows int, looked []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := m.lookups[table]
	if counts == nil {
		counts = make([]float32, rows)
		m.lookups[table] = counts
	}
	for _, row := range looked {
		counts[row]++
	}
}

// Add adds inputs x [n, columns] of linear layers, whose weights have these names. It fits
// [Encoder.Watch].
func (m *Moments) Add(x []float32, columns int, linears ...string) {
	n := len(x) / columns
	// The product of the transposed inputs with themselves, in float32 for one call alone.
	turned := make([]float32, len(x))
	for i := range n {
		for c, v := range x[i*columns:][:columns] {
			turned[c*n+i] = v
		}
	}
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

// mean returns E[x x^T].
func (s *momentSum) mean() []float32 {
	mean := make([]float32, len(s.sum))
	for i, v := range s.sum {
		mean[i] = float32(v / float64(s.vectors))
	}
	return mean
}

// Matrices is how many matrices something is known of.
func (m *Moments) Matrices() int { return len(m.names()) }

// names lists the matrices that something is known of, sorted.
func (m *Moments) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.AppendSeq(slices.Collect(maps.Keys(m.of)), maps.Keys(m.lookups))
	slices.Sort(names)
	return slices.Compact(names)
}

// Tensors returns what palettize compress --calibration reads: E[x x^T] [columns, columns] of each
// layer by the name of its weights, and the lookups of tables.
func (m *Moments) Tensors() map[string]tensors.Tensor {
	m.mu.Lock()
	defer m.mu.Unlock()
	means := make(map[*momentSum][]float32) // of layers that share one
	all := make(map[string]tensors.Tensor)
	for name, s := range m.of {
		if means[s] == nil {
			means[s] = s.mean()
		}
		all[name] = tensors.Tensor{Shape: []int{s.columns, s.columns}, Values: means[s]}
	}
	for table, counts := range m.lookups {
		all[table+".lookups"] = tensors.Tensor{Shape: []int{len(counts)}, Values: counts}
	}
	return all
}
