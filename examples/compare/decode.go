package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/transformer"
	"github.com/palettize/palettize/format"
)

// openDecoder opens a model of the Llama type, laid out for single tokens, and has it keep keys by
// the tables in a file, if one is named.
func openDecoder(ctx context.Context, path string, threads int, keys ...string) (*codebook.Model,
	*transformer.Decoder, error) {
	runtime.GOMAXPROCS(threads)
	debug.SetGCPercent(10) // as the command does
	config, err := transformer.ReadConfig(path)
	if err != nil {
		return nil, nil, err
	}
	model, err := format.OpenModel(ctx, path, codebook.RunOptions{Threads: threads})
	if err != nil {
		return nil, nil, err
	}
	d, err := transformer.NewDecoder(ctx, model, config, threads)
	if err == nil {
		err = model.Load(ctx, 1)
	}
	for _, file := range keys {
		tables, e := transformer.ReadKeyTables(ctx, file)
		if e == nil && err == nil {
			e = d.KeepKeys(tables)
		}
		err = errors.Join(err, e)
	}
	return model, d, err
}

// decode answers the requests of decoder.py, which are those of peers/llama.c: "PROMPT MORE" ->
// "ok SECONDS SECONDS BYTES".
func decode(path, threads string, keys ...string) error {
	ctx := context.Background()
	n, err := strconv.Atoi(threads)
	if err != nil {
		return err
	}
	model, d, err := openDecoder(ctx, path, n, keys...)
	if err != nil {
		return err
	}
	if _, _, err := generate(ctx, d, 2, 1); err != nil { // reads what it multiplies with
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var prompt, more int
		if _, err := fmt.Sscan(in.Text(), &prompt, &more); err != nil {
			return err
		}
		first, each, err := generate(ctx, d, prompt, more)
		if err != nil {
			return err
		}
		fmt.Println("ok", first.Seconds(), each.Seconds(), model.BitsResident()/8)
	}
	return model.Close()
}

// generate takes in a prompt and adds the most likely tokens. It returns the time for the prompt,
// and for each of the others.
func generate(ctx context.Context, d *transformer.Decoder, prompt, more int) (first,
	each time.Duration, err error) {
	tokens := make([]int, prompt)
	for i := range tokens {
		tokens[i] = 1000 + i*7919%20000
	}
	text, err := d.NewText(prompt + more)
	if err != nil {
		return 0, 0, err
	}
	var greedy transformer.Sampler
	start := time.Now()
	logits, err := text.Append(ctx, tokens)
	next := []int{greedy.Choose(logits)}
	first = time.Since(start)
	start = time.Now()
	for i := 0; err == nil && i < more; i++ {
		logits, err = text.Append(ctx, next)
		next[0] = greedy.Choose(logits)
	}
	return first, time.Since(start) / time.Duration(more), err
}

const (
	// divergeTokens is how many tokens of a text two models are compared on.
	divergeTokens = 4096
	// divergeStep is how many of them are compared at a time.
	divergeStep = 64
)

// diverged is how far a model is from another.
type diverged struct {
	Tokens         int     `json:"tokens"`
	KL             float64 `json:"kl"`              // mean, in nats, from the first model
	Top            float64 `json:"top"`             // share of places with the same most likely token
	PerplexityFrom float64 `json:"perplexity_from"` // of the first model
	Perplexity     float64 `json:"perplexity"`
}

// diverge compares two models on a file of text, so many tokens of which follow each other: the
// first few have little to go by. The second model keeps keys by the tables in a file, if one is
// named.
func diverge(dense, other, text, follow string, keys ...string) error {
	ctx := context.Background()
	length, err := strconv.Atoi(follow)
	if err != nil || length < divergeStep || divergeTokens%length != 0 || length%divergeStep != 0 {
		return fmt.Errorf("%d tokens are no whole pieces of %q", divergeTokens, follow)
	}
	words, err := transformer.ReadBPE(filepath.Join(dense, "tokenizer.json"))
	if err != nil {
		return err
	}
	content, err := os.ReadFile(text)
	if err != nil {
		return err
	}
	tokens := words.Encode(nil, string(content))
	if len(tokens) < divergeTokens+1 {
		return fmt.Errorf("%s: has %d tokens, expected more than %d", text, len(tokens), divergeTokens)
	}
	var d [2]*transformer.Decoder
	for i, path := range []string{dense, other} {
		var model *codebook.Model
		model, d[i], err = openDecoder(ctx, path, runtime.NumCPU(), keys[:i*len(keys)]...)
		if err != nil {
			return err
		}
		defer model.Close()
	}
	r := diverged{Tokens: divergeTokens}
	for at := 0; at < divergeTokens; at += length {
		if err := r.add(ctx, d, tokens[at:][:length+1]); err != nil {
			return err
		}
	}
	n := float64(r.Tokens)
	r.KL, r.Top = r.KL/n, r.Top/n
	r.PerplexityFrom, r.Perplexity = math.Exp(r.PerplexityFrom/n), math.Exp(r.Perplexity/n)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// add adds what comes after each token but the last one.
func (r *diverged) add(ctx context.Context, d [2]*transformer.Decoder, tokens []int) error {
	var texts [2]*transformer.Text
	for i := range texts {
		var err error
		if texts[i], err = d[i].NewText(len(tokens)); err != nil {
			return err
		}
	}
	for at := 0; at+1 < len(tokens); at += divergeStep {
		var rows [2][][]float32
		for i, t := range texts {
			if err := t.AppendEach(ctx, tokens[at:][:divergeStep], func(logits []float32) {
				rows[i] = append(rows[i], append([]float32(nil), logits...))
			}); err != nil {
				return err
			}
		}
		for i := range divergeStep {
			r.place(rows[0][i], rows[1][i], tokens[at+i+1])
		}
	}
	return nil
}

// place adds a place with these logits, and the token that comes next.
func (r *diverged) place(p, q []float32, next int) {
	r.KL += transformer.Divergence(p, q)
	var greedy transformer.Sampler
	if greedy.Choose(p) == greedy.Choose(q) {
		r.Top++
	}
	r.PerplexityFrom += transformer.LogSum(p) - float64(p[next])
	r.Perplexity += transformer.LogSum(q) - float64(q[next])
}

// logits writes those behind every token of texts to a file, for logits.py. The file of texts has a
// line of tokens for each.
func logits(path, texts, to string) error {
	ctx := context.Background()
	content, err := os.ReadFile(texts)
	if err != nil {
		return err
	}
	model, d, err := openDecoder(ctx, path, runtime.NumCPU())
	if err != nil {
		return err
	}
	defer model.Close()
	var all []float32
	for line := range strings.Lines(string(content)) {
		var tokens []int
		for _, word := range strings.Fields(line) {
			token, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			tokens = append(tokens, token)
		}
		text, err := d.NewText(len(tokens))
		if err != nil {
			return err
		}
		err = text.AppendEach(ctx, tokens, func(logits []float32) { all = append(all, logits...) })
		if err != nil {
			return err
		}
	}
	return write(to, all)
}

// decoder is palettize's side of decoder.py and logits.py: "decode MODEL THREADS [KEYS]", "diverge
// DENSE MODEL TEXT LENGTH [KEYS]" or "logits MODEL TEXTS FILE".
func decoder(args []string) error {
	switch n := len(args); {
	case (n == 3 || n == 4) && args[0] == "decode":
		return decode(args[1], args[2], args[3:]...)
	case (n == 5 || n == 6) && args[0] == "diverge":
		return diverge(args[1], args[2], args[3], args[4], args[5:]...)
	case n == 4 && args[0] == "logits":
		return logits(args[1], args[2], args[3])
	}
	return fmt.Errorf("no command %q", strings.Join(args, " "))
}
