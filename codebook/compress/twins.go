package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/palettize/palettize/codebook"
)

// checksummer is a source that tells tensors apart without all of their values.
type checksummer interface {
	// Checksum returns that of the first so many bytes of a tensor, and of those of its scales.
	Checksum(ctx context.Context, name string, most int64) (uint64, error)
}

// headBytes is how much of a matrix is looked at to see whether it may be the same as another.
const headBytes = 4 << 10

// twins are matrices of the same bytes. Programs that load a model take them for one, shared by two
// of its layers, as long as they are equal. So all are compressed as the first is.
type twins struct {
	first    codebook.Tensor
	overhead int64 // most of what Sink.Overhead says of them
}

// findTwins finds the matrices that are stored more than once. All of them are folded as the first.
func (c *compression) findTwins(ctx context.Context) error {
	src, ok := c.src.(checksummer)
	if !ok {
		return nil
	}
	var matrices []*codebook.Tensor
	for i := range c.tensors {
		if c.filter.shape(c.tensors[i]) == "" {
			matrices = append(matrices, &c.tensors[i])
		}
	}
	groups := [][]*codebook.Tensor{matrices}
	for _, key := range []func(t *codebook.Tensor) (any, error){
		func(t *codebook.Tensor) (any, error) {
			return fmt.Sprint(t.DType, t.Shape, t.Scaled), nil
		},
		func(t *codebook.Tensor) (any, error) { return src.Checksum(ctx, t.Name, headBytes) },
		func(t *codebook.Tensor) (any, error) { return src.Checksum(ctx, t.Name, math.MaxInt64) },
	} {
		var err error
		if groups, err = alike(groups, key); err != nil {
			return err
		}
	}
	for _, group := range groups {
		same := &twins{first: *group[0]}
		for _, t := range group {
			t.Fold = same.first.Fold
			same.overhead = max(same.overhead, c.dst.Overhead(*t))
			c.twins[t.Name] = same
		}
	}
	return nil
}

// alike divides groups of tensors into those of the same key, and leaves out who is alone.
func alike(groups [][]*codebook.Tensor, key func(t *codebook.Tensor) (any, error)) (
	[][]*codebook.Tensor, error) {
	var smaller [][]*codebook.Tensor
	for _, group := range groups {
		byKey := make(map[any][]*codebook.Tensor)
		for _, t := range group {
			k, err := key(t)
			if err != nil {
				return nil, err
			}
			byKey[k] = append(byKey[k], t)
		}
		for _, same := range byKey {
			if len(same) > 1 {
				smaller = append(smaller, same)
			}
		}
	}
	return smaller, nil
}

// first returns the first matrix that has the same bytes as t: mostly it is t itself.
func (c *compression) first(t codebook.Tensor) codebook.Tensor {
	if same := c.twins[t.Name]; same != nil {
		return same.first
	}
	return t
}

// overhead is what a layer takes in the file beside its stream, at most.
func (c *compression) overhead(t codebook.Tensor) int64 {
	if same := c.twins[t.Name]; same != nil {
		return same.overhead
	}
	return c.dst.Overhead(t)
}

// allotTwins allots what the first of some twins gets to the others.
func (c *compression) allotTwins() {
	for name, same := range c.twins {
		if a := c.allotted[same.first.Name]; a != nil && name != a.Tensor {
			other := *a
			other.Tensor = name
			c.allotted[name] = &other
		}
	}
}
