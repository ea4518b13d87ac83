package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

func ExampleOpenCodebook() {
	ctx := context.Background()
	c, err := format.OpenCodebook(ctx, "testdata/golden/v1/segments.pal")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, name := range c.Layers() {
		layer, about, err := c.Layer(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s %v: k = %d, recorded error %.3f\n",
			name, about.Scheme.Name, about.Tensor.Shape, layer.K(), about.Distortion.Relative())
	}
	for _, tensor := range c.Rest().Tensors() {
		fmt.Println(tensor.Name, tensor.DType, tensor.Shape)
	}
	// Output:
	// a.weight segments [4 3 5]: k = 5, recorded error 0.032
	// b.weight segments [3 387]: k = 256, recorded error 0.032
	// position_ids I64 [1 7]
	// a.bias F32 [4]
}

// A codebook file that is in memory, or is read over a network, and the model written to a buffer.
func ExampleNewCodebook() {
	ctx := context.Background()
	file, err := os.ReadFile("testdata/golden/v1/segments.pal")
	if err != nil {
		log.Fatal(err)
	}
	c, err := format.NewCodebook(ctx, bytes.NewReader(file), int64(len(file)), "segments")
	if err != nil {
		log.Fatal(err)
	}
	var dense bytes.Buffer
	if err := format.DecompressTo(ctx, &dense, c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(dense.Len(), "bytes")

	model := codebook.NewModel(c, codebook.RunOptions{})
	y := make([]float32, 3)
	err = model.MatMul(y, "b.weight", make([]float32, 386), 1)
	var shape *codebook.ShapeError
	if errors.As(err, &shape) {
		fmt.Println("the matrix has", shape.Want, "columns, not", shape.Len)
	}
	// Output:
	// 2970 bytes
	// the matrix has 387 columns, not 386
}

// What a caller may do about a file that cannot be opened.
func Example_errors() {
	_, err := format.OpenCodebook(context.Background(),
		"testdata/golden/v1/segments.dense.safetensors")
	var version *format.VersionError
	var corrupt *format.CorruptError
	switch {
	case errors.Is(err, format.ErrNotCodebook):
		fmt.Println("compress it first")
	case errors.As(err, &version):
		fmt.Println("get a program that reads version", version.Version)
	case errors.As(err, &corrupt):
		fmt.Println("fetch it again: damaged at byte", corrupt.Offset)
	}
	// Output: compress it first
}

// A program that runs a model from its codebook file, or as it was.
func ExampleOpenModel() {
	x, y := []float32{10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20}, make([]float32, 4)
	for _, path := range []string{
		"testdata/golden/v1/segments.pal", "testdata/golden/v1/segments.dense.safetensors",
	} {
		model, err := format.OpenModel(context.Background(), path, codebook.RunOptions{})
		if err != nil {
			log.Fatal(err)
		}
		defer model.Close()
		if err := model.MatMul(y, "a.weight", x, 1); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.0f\n", path, y[1])
	}
	// Output:
	// testdata/golden/v1/segments.pal: 3
	// testdata/golden/v1/segments.dense.safetensors: 3
}
