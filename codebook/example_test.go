package codebook_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// A layer multiplies by a plan, which is chosen for the kernels, threads and vectors at hand.
func ExampleLayer_Plan() {
	layer := &codebook.Layer{
		Rows: 2, Cols: 4, Width: 2,
		Centroids:   []byte{128, 130, 120, 128}, // (0, 2) and (-8, 0), the zero point taken off
		ZeroPoint:   128,
		Scale:       0.5,
		Assignments: []byte{0, 1, 1, 0}, // of two segments a row
	}
	if err := layer.Validate(); err != nil {
		log.Fatal(err)
	}
	plan, err := layer.Plan(codebook.RunOptions{Threads: 2})
	if err != nil {
		log.Fatal(err)
	}
	y := make([]float32, 2)
	if err := plan.MulVec(y, []float32{0, 127, 127, 0}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(layer.Dense(), y)
	// Output: [0 1 -4 0 -4 0 0 1] [-381 0]
}

// A model multiplies by name. It reads and lays out what is used, when it is first used.
func ExampleModel() {
	book, err := format.OpenCodebook(context.Background(),
		"../format/testdata/golden/v1/segments.pal")
	if err != nil {
		log.Fatal(err)
	}
	model := codebook.NewModel(book, codebook.RunOptions{})
	defer model.Close()
	for _, name := range model.Names() {
		tensor, err := model.Describe(name)
		if err != nil {
			log.Fatal(err)
		}
		rows, cols, matrix := tensor.Matrix()
		if !matrix || !tensor.Float() {
			continue
		}
		const batch = 2
		x, y := make([]float32, batch*cols), make([]float32, batch*rows)
		if err := model.MatMul(y, name, x, batch); err != nil {
			log.Fatal(err)
		}
		row := make([]float32, cols) // as of an embedding
		if err := model.Row(row, name, 1); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, tensor.Shape, len(y), len(row))
	}
	err = model.MatMul(nil, "elsewhere", nil, 1)
	fmt.Println(err, errors.Is(err, codebook.ErrNoTensor))
	// Output:
	// a.weight [4 3 5] 8 15
	// b.weight [3 387] 6 387
	// tensor "elsewhere": no such tensor true
}

// Keys of a head of attention are kept as codes, two columns in each, and scored by tables. Samples
// as few as these come back but for rounding.
func ExampleTrainAttention() {
	const head = 4 // columns
	keys := []float32{
		1, 0, 0, 0,
		0, 2, 0, 1,
		0, 0, 3, 0,
	}
	queries := []float32{1, 1, 1, 1}
	attention, err := codebook.TrainAttention(context.Background(), head, keys, queries,
		codebook.AttentionOptions{Width: 2})
	if err != nil {
		log.Fatal(err)
	}
	cache := attention.NewCache()
	for token := range 3 { // as a decoder does
		if err := cache.Append(keys[token*head:][:head]); err != nil {
			log.Fatal(err)
		}
		scores := make([]float32, cache.Len())
		if err := cache.Scores(scores, []float32{1, 2, 3, 4}); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.1f\n", scores)
	}
	// Output:
	// [1.0]
	// [1.0 8.0]
	// [1.0 8.0 9.0]
}
