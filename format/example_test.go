package format_test

import (
	"context"
	"fmt"
	"log"

	"github.com/palettize/palettize/format"
)

func ExampleOpenCodebook() {
	c, err := format.OpenCodebook(context.Background(), "testdata/golden/v1/segments.pal.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, name := range c.Layers() {
		layer, about, err := c.Layer(context.Background(), name)
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
