package compress

import "fmt"

// NotFiniteError says that a matrix that is to be compressed holds a NaN or an infinity. Errors
// that name the tensor wrap it.
type NotFiniteError struct {
	Index int // of the first such value, row by row
	Value float32
}

func (e *NotFiniteError) Error() string { return fmt.Sprintf("value %d is %v", e.Index, e.Value) }
