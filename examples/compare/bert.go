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
		best, rounds, err := timeTexts(ctx, e, strings.Fields(in.Text()))
		if err != nil {
			return err
		}
		fmt.Println("ok", best.Seconds(), rounds)
	}
	return model.Close()
}

// timeTexts returns the least time for a text, and how often it was measured. The words are tokens
// of each text, texts at a time, seconds to go on.
func timeTexts(ctx context.Context, e *transformer.Encoder, words []string) (
	time.Duration, int, error) {
	var numbers [3]int
	for i := range numbers {
		if len(words) != len(numbers) {
			return 0, 0, fmt.Errorf("%d words, expected %d", len(words), len(numbers))
		}
		var err error
		if numbers[i], err = strconv.Atoi(words[i]); err != nil {
			return 0, 0, err
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
	if err := e.Embed(ctx, vectors, sentences); err != nil {
		return 0, 0, err
	}
	best, rounds := limit, 0
	for end := time.Now().Add(limit); time.Now().Before(end); {
		start := time.Now()
		if err := e.Embed(ctx, vectors, sentences); err != nil {
			return 0, 0, err
		}
		best = min(best, time.Since(start))
		rounds++
	}
	return best / time.Duration(batch), rounds, nil
}
