// Command library compresses model.safetensors, saves it and multiplies with its layers.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

func main() {
	ctx, src := context.Background(), must(format.Open("model.safetensors"))
	dst := must(format.Create("model.pal", src, format.CreateOptions{Overwrite: true}))
	must(compress.Compress(ctx, dst, src, compress.Options{}))
	must(dst.Commit(ctx))

	book := must(format.OpenCodebook(ctx, "model.pal"))
	model := codebook.NewModel(book, codebook.RunOptions{})
	defer model.Close()
	for _, name := range book.Layers() {
		rows, cols, _ := must(model.Describe(name)).Matrix()
		x, y := make([]float32, cols), make([]float32, rows)
		x[0] = 1
		if err := model.MatMul(y, name, x, 1); err != nil { // y = W*x, straight from the codebook
			log.Fatal(err)
		}
		fmt.Println(name, rows, "x", cols, "first output:", y[0])
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
