// Command library compresses model.safetensors, saves it and multiplies with its layers.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

func main() {
	src := must(format.Open("model.safetensors"))
	dst := must(format.Create("model.pal.safetensors", src, format.CreateOptions{Overwrite: true}))
	must(compress.Compress(context.Background(), dst, src, compress.Options{}))
	must(dst.Commit())

	book := must(format.OpenCodebook("model.pal.safetensors"))
	model := must(book.Model())
	for _, name := range book.Layers() {
		l := model.Layer(name)
		x, y := make([]float32, l.Cols), make([]float32, l.Rows)
		x[0] = 1
		if err := l.MulVec(y, x); err != nil { // y = W*x, straight from the codebook
			log.Fatal(err)
		}
		fmt.Println(name, l.Rows, "x", l.Cols, "first output:", y[0])
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
