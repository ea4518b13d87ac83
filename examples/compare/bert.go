package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/transformer"
	"github.com/palettize/palettize/format"
)

// bert answers the requests of encoder.py, which are those of peers/bert.py, with a model of the
// BERT type on one thread.
func bert(path string) error {
	ctx := context.Background()
	model, err := format.OpenModel(ctx, path, codebook.RunOptions{})
	if err != nil {
		return err
	}
	e, err := transformer.NewEncoder(ctx, model, transformer.Config{}, 1)
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		calls, err := callFor(ctx, e, strings.Fields(in.Text()))
		if err != nil {
			return err
		}
		fmt.Println("ok", calls)
	}
	return model.Close()
}

// callFor turns texts into vectors, over and over, and returns how often. The words are tokens of
// each text, texts at a time, seconds to go on.
func callFor(ctx context.Context, e *transformer.Encoder, words []string) (calls int, err error) {
	var numbers [3]int
	for i := range numbers {
		if len(words) != len(numbers) {
			return 0, fmt.Errorf("%d words, expected %d", len(words), len(numbers))
		}
		if numbers[i], err = strconv.Atoi(words[i]); err != nil {
			return 0, err
		}
	}
	tokens, batch, limit := numbers[0], numbers[1], time.Duration(numbers[2])*time.Second
	sentences := make([][]int, batch)
	for i := range sentences {
		for j := range tokens {
			sentences[i] = append(sentences[i], 1000+(i*7919+j*104729)%20000)
		}
	}
	vectors := make([]float32, batch*e.Width())
	for end := time.Now().Add(limit); calls == 0 || time.Now().Before(end); calls++ {
		if err := e.Embed(ctx, vectors, sentences); err != nil {
			return 0, err
		}
	}
	return calls, nil
}
