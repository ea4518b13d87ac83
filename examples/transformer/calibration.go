package transformer

import (
	"maps"
	"slices"
	"sync"

	"github.com/palettize/palettize/examples/internal/tensors"
)

// Calibration is what palettize compress --calibration may know of a model. It sums up what enters
// the linear layers: the second moments E[x x^T] that compression weighs errors by; layers that get
// the same input share a sum. Of tables it counts which rows are looked up, and of both it measures
// what their errors cost. Its methods may be called at the same time.
type Calibration struct {
	mu      sync.Mutex
	of      map[string]*momentSum // by the names of weights
	lookups map[string][]float32  // of the rows of tables
	// what Sense has found; nil: it has not been asked
	sensitivities map[string]float64
}

// momentSum is of the inputs of layers that share them.
type momentSum struct {
	mu      sync.Mutex
	columns int
	vectors int
	sum     []float64 // [columns, columns]
}

// NewCalibration returns sums of nothing.
func NewCalibration() *Calibration {
	return &Calibration{of: make(map[string]*momentSum), lookups: make(map[string][]float32)}
}

// Look counts lookups of rows of a table, which has so many.
func (c *Calibration) Look(table string, rows int, looked []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.lookups[table]
	if counts == nil {
		counts = make([]float32, rows)
		c.lookups[table] = counts
	}
	for _, row := range looked {
		counts[row]++
	}
}

// Add adds inputs x [n, columns] of linear layers, whose weights have these names. It fits
// [Encoder.Watch].
func (c *Calibration) Add(x []float32, columns int, linears ...string) {
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
	s := c.sum(columns, linears)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vectors += n
	for i, v := range products {
		s.sum[i] += float64(v)
	}
}

// sum returns the sum of these layers.
func (c *Calibration) sum(columns int, linears []string) *momentSum {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of[linears[0]]
	if s == nil {
		s = &momentSum{columns: columns, sum: make([]float64, columns*columns)}
		for _, name := range linears {
			c.of[name] = s
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
func (c *Calibration) Matrices() int { return len(c.names()) }

// names lists the matrices that something is known of, sorted.
func (c *Calibration) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := slices.AppendSeq(slices.Collect(maps.Keys(c.of)), maps.Keys(c.lookups))
	slices.Sort(names)
	return slices.Compact(names)
}

// Tensors returns what palettize compress --calibration reads: E[x x^T] [columns, columns] of each
// layer by the name of its weights, the lookups of tables, and sensitivities if Sense was called.
func (c *Calibration) Tensors() map[string]tensors.Tensor {
	c.mu.Lock()
	defer c.mu.Unlock()
	means := make(map[*momentSum][]float32) // of layers that share one
	all := make(map[string]tensors.Tensor)
	for name, s := range c.of {
		if means[s] == nil {
			means[s] = s.mean()
		}
		all[name] = tensors.Tensor{Shape: []int{s.columns, s.columns}, Values: means[s]}
	}
	for table, counts := range c.lookups {
		all[table+".lookups"] = tensors.Tensor{Shape: []int{len(counts)}, Values: counts}
	}
	for name, v := range c.sensitivities {
		all[name+".sensitivity"] = tensors.Tensor{Values: []float32{float32(v)}}
	}
	return all
}
