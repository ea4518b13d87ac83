// Package tensors writes float32 tensors as safetensors files.
package tensors

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/nlpodyssey/safetensors"
)

// Tensor is a tensor of float32, in the order of its shape.
type Tensor struct {
	Shape  []int
	Values []float32
}

// Write writes tensors as a safetensors file with this metadata.
func Write(w io.Writer, tensors map[string]Tensor, metadata map[string]string) error {
	views := make(map[string]view, len(tensors))
	for name, t := range tensors {
		views[name] = view{t}
	}
	return safetensors.SerializeToWriter(views, metadata, w)
}

// view is a tensor as the library wants it.
type view struct{ t Tensor }

func (v view) DType() safetensors.DType { return safetensors.F32 }
func (v view) DataLen() uint64          { return 4 * uint64(len(v.t.Values)) }

func (v view) Shape() []uint64 {
	shape := make([]uint64, len(v.t.Shape))
	for i, d := range v.t.Shape {
		shape[i] = uint64(d)
	}
	return shape
}

func (v view) Data() []byte {
	data := make([]byte, 0, 4*len(v.t.Values))
	for _, x := range v.t.Values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}
