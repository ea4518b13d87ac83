package memory

import (
	"context"

	"github.com/palettize/palettize/codebook"
)

// Store is what a model was compressed to, read from memory. The zero value of Reads is fine.
type Store struct {
	*Model
	Bare  bool // layers have their Stream alone, where they have one
	Reads map[string]int
}

// Layers lists the layers.
func (s *Store) Layers() (names []string) {
	for _, t := range s.All {
		if s.Model.Layers[t.Name] != nil {
			names = append(names, t.Name)
		}
	}
	return names
}

// Original describes the tensor of a layer.
func (s *Store) Original(layer string) codebook.Tensor {
	for _, t := range s.All {
		if t.Name == layer {
			return t
		}
	}
	return codebook.Tensor{}
}

// Stored calls use with a layer.
func (s *Store) Stored(ctx context.Context, layer string,
	use func(l *codebook.Layer) error) error {
	l := s.Model.Layers[layer]
	if l == nil {
		return &codebook.TensorError{Tensor: layer, Err: codebook.ErrNoTensor}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Reads != nil {
		s.Reads[layer]++
	}
	if s.Bare && l.Stream != nil {
		l = &codebook.Layer{
			Rows: l.Rows, Cols: l.Cols, Width: 1, ZeroPoint: l.ZeroPoint, Scale: l.Scale,
			Stream: l.Stream,
		}
	}
	return use(l)
}

// Rest has the tensors that passed through.
func (s *Store) Rest() codebook.Source { return rest{s} }

type rest struct{ s *Store }

func (r rest) Tensors() (tensors []codebook.Tensor) {
	for _, t := range r.s.All {
		if r.s.Model.Layers[t.Name] == nil {
			tensors = append(tensors, t)
		}
	}
	return tensors
}

func (r rest) Floats(ctx context.Context, name string) ([]float32, error) {
	return r.s.Floats(ctx, name)
}
