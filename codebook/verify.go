package codebook

import (
	"context"
	"errors"

	"github.com/palettize/palettize/kernels"
)

// VerifyOptions of Verify. The zero value of each field is its default.
type VerifyOptions struct {
	Truth    Source       // the original model; nil: the rebuilt weights stand in, weight errors are unknown
	Inputs   Source       // inputs by tensor name, [n, cols] float; tensors without one get Gaussian inputs; may be nil
	Seed     uint64       // of the Gaussian inputs
	Batch    int          // vectors multiplied at once; 0: 1
	Threads  int          // 0: 1
	Kernels  *kernels.Set // nil: kernels.Best
	Passes   int          // timed passes of each kind; 0: until the best settles
	Progress func(Progress)
}

// LayerCheck is what Verify found of one layer. Times are microseconds for one call (a batch).
type LayerCheck struct {
	Name         string   `json:"name"`
	Shape        []int    `json:"shape"`
	Scheme       string   `json:"scheme"`
	K            int      `json:"k"`
	D            int      `json:"d"`
	Plan         string   `json:"plan"`
	Tier         string   `json:"tier"`
	BitsStored   float64  `json:"bits_stored"`   // a weight, everything in the file counted
	BitsResident float64  `json:"bits_resident"` // a weight, in memory while multiplying
	WeightError  *float64 `json:"weight_error"`  // relative Frobenius; null without the original
	OutputError  float64  `json:"output_error"`  // compiled path against dense float32, relative
	KernelError  float64  `json:"kernel_error"`  // compiled path against exact arithmetic on the same centroids
	Cosine       float64  `json:"cosine"`        // of the outputs
	MaxError     float64  `json:"max_error"`     // largest absolute difference of outputs
	DenseUs      float64  `json:"dense_us"`
	CompiledUs   float64  `json:"compiled_us"`
	Speedup      float64  `json:"speedup"`
}

// Total sums up the layers.
type Total struct {
	Weights      int64    `json:"weights"`
	BytesIn      int64    `json:"bytes_in"`  // whole original file; filled in by who knows the files
	BytesOut     int64    `json:"bytes_out"` // whole codebook file
	Ratio        float64  `json:"ratio"`
	BitsStored   float64  `json:"bits_stored"`
	BitsResident float64  `json:"bits_resident"`
	WeightError  *float64 `json:"weight_error"`
	OutputError  float64  `json:"output_error"`
	Cosine       float64  `json:"cosine"`
	DenseUs      float64  `json:"dense_us"`
	CompiledUs   float64  `json:"compiled_us"`
	Speedup      float64  `json:"speedup"`
}

// Verification is the result of Verify.
type Verification struct {
	Layers []LayerCheck `json:"layers"`
	Total  Total        `json:"total"`
}

// NamedLayer is a layer with the name of its tensor and what it takes in the file.
type NamedLayer struct {
	Tensor Tensor // the original: name, dtype, shape
	Layer  *Layer
	Bytes  int64 // in the file, its share of the header included
}

// Verify compares each layer with dense float32 multiplication: errors, and times taken in passes
// through all layers in order, dense and compiled in alternating blocks.
func Verify(ctx context.Context, layers []NamedLayer, opts VerifyOptions) (*Verification, error) {
	return nil, errors.New("codebook: in the making")
}
