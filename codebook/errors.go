package codebook

import (
	"cmp"
	"errors"
	"fmt"
)

var (
	// ErrNoTensor says that a model has no tensor of a name.
	ErrNoTensor = errors.New("no such tensor")
	// ErrClosed says that a model has been closed.
	ErrClosed = errors.New("the model is closed")
)

// TensorError names the tensor that an error is about. One about the same tensor may be behind it,
// of a package below; the message names it once.
type TensorError struct {
	Tensor string
	Err    error
}

func (e *TensorError) Error() string {
	var below *TensorError
	if errors.As(e.Err, &below) && below.Tensor == e.Tensor {
		return e.Err.Error()
	}
	return fmt.Sprintf("tensor %q: %v", e.Tensor, e.Err)
}

// Unwrap returns the error without the name.
func (e *TensorError) Unwrap() error { return e.Err }

// ShapeError says that a slice has another length than its use needs.
type ShapeError struct {
	What      string // "x", "y" ...
	Len, Want int    // values, and how many there have to be
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s has %d values, wanted %d", e.What, e.Len, e.Want)
}

// NotFiniteError says that values that have to be finite hold a NaN or an infinity.
type NotFiniteError struct {
	What  string // of which the values are: "input"; "" for a tensor
	Index int    // of the first such value, row by row
	Value float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s %d is %v", cmp.Or(e.What, "value"), e.Index, e.Value)
}
