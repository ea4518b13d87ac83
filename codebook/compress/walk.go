package compress

import (
	"context"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/par"
)

// leastRoom is how many weights may be worked on at the same time however small all matrices are.
const leastRoom = 1 << 22

// walk calls do with every tensor, several at a time, and take with what that came to, in the order
// of the file. The matrices that are worked on at the same time have no more weights together than
// the largest, or leastRoom, so that memory does not grow with the model.
func walk[R any](ctx context.Context, c *compression,
	do func(ctx context.Context, t codebook.Tensor, threads par.Share) (R, error),
	take func(ctx context.Context, r R) error) error {
	sizes, room := make([]int64, len(c.tensors)), int64(leastRoom)
	for i, t := range c.tensors {
		sizes[i] = c.worth(t)
		room = max(room, sizes[i])
	}
	about := func(i int, err error) error {
		if err == nil {
			return nil
		}
		return &codebook.TensorError{Tensor: c.tensors[i].Name, Err: err}
	}
	next := func(i int) {
		if i < len(c.tensors) {
			c.tell(c.tensors[i].Name)
		}
	}
	next(0)
	return par.InOrder(ctx, par.Threads(c.opts.Threads), room, sizes,
		func(ctx context.Context, i int, threads par.Share) (R, error) {
			r, err := do(ctx, c.tensors[i], threads)
			return r, about(i, err)
		},
		func(i int, r R) error {
			if err := take(ctx, r); err != nil {
				return about(i, err)
			}
			c.progress.Done += c.tensors[i].Bytes
			next(i + 1)
			return nil
		})
}

// worth is how many weights take as much memory as work on a tensor does.
func (c *compression) worth(t codebook.Tensor) int64 {
	if c.filter.reason(t) != "" {
		return 0 // it is not read
	}
	weights := t.Elements()
	if c.opts.Moments != nil {
		_, cols, _ := t.Matrix()
		weights += 2 * int64(cols) * int64(cols) // 16 bytes a value, while they are factored
	}
	return weights
}
