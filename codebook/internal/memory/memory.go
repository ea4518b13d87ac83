// Package memory has models in memory, for tests.
package memory

import (
	"context"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// Model is both a codebook.Source and a compress.Sink.
type Model struct {
	All    []codebook.Tensor
	Values map[string][]float32
	Layers map[string]*codebook.Layer
	Passed []string
	Halves []string
}

// Add adds a tensor.
func (m *Model) Add(name, dtype string, values []float32, shape ...int) {
	if m.Values == nil {
		m.Values = map[string][]float32{}
	}
	m.All = append(m.All, codebook.Tensor{Name: name, DType: dtype, Shape: shape,
		Bytes: int64(4 * len(values))})
	m.Values[name] = values
}

func (m *Model) Tensors() []codebook.Tensor { return m.All }

func (m *Model) Floats(ctx context.Context, name string) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w, ok := m.Values[name]; ok {
		return w, nil
	}
	return nil, &codebook.TensorError{Tensor: name, Err: codebook.ErrNoTensor}
}

func (m *Model) PutLayer(ctx context.Context, t codebook.Tensor, l *codebook.Layer,
	_ codebook.Distortion) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m.Layers == nil {
		m.Layers = map[string]*codebook.Layer{}
	}
	m.Layers[t.Name] = l
	return int64(len(l.Centroids) + len(l.Assignments)), l.Validate()
}

func (m *Model) Overhead(codebook.Tensor) int64 { return 0 }

func (m *Model) Rest([]string) int64 { return 0 }

func (m *Model) PutTensor(ctx context.Context, t codebook.Tensor) error {
	m.Passed = append(m.Passed, t.Name)
	return ctx.Err()
}

func (m *Model) HalfOverhead(codebook.Tensor) int64 { return 0 }

func (m *Model) PutHalf(ctx context.Context, t codebook.Tensor) error {
	m.Halves = append(m.Halves, t.Name)
	return ctx.Err()
}

// Small is a model with a tensor of each kind.
func Small() *Model {
	m := new(Model)
	m.Add("encoder.0.weight", "F32", samples.Gaussian(1, 64*96), 64, 96)
	m.Add("encoder.0.bias", "F32", samples.Gaussian(2, 64), 64)
	m.Add("encoder/1/weight", "BF16", samples.Gaussian(3, 64*97), 64, 97)
	m.Add("conv.weight", "F16", samples.Gaussian(4, 32*8*9), 32, 8, 3, 3)
	m.Add("ids", "I64", make([]float32, 64), 8, 8)
	m.Add("temperature", "F32", make([]float32, 1))
	m.Add("layers.0.mlp.router.weight", "F32", samples.Gaussian(5, 32*64), 32, 64)
	m.Add("embeddings.position_embeddings.weight", "F32", samples.Gaussian(6, 64*64), 64, 64)
	m.Add("tiny", "F32", samples.Gaussian(7, 16), 4, 4)
	m.Add("none", "F32", nil, 0, 4)
	m.Add("column", "F32", samples.Gaussian(8, 64), 64, 1)
	return m
}
