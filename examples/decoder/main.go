// Command decoder continues a text, with a language model of the Llama type that runs from a
// codebook file, or from the safetensors file that this was made of. It also trains key tables of
// such a model, and calibrates its compression.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/examples/internal/cli"
	"github.com/palettize/palettize/examples/transformer"
	"github.com/palettize/palettize/format"
)

func main() { cli.Main(run) }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// Nearly all memory is weights that stay: little else may wait for the collector beside them.
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	return cli.Execute(ctx, newRoot(stdin, stdout, stderr), args, stdout, stderr)
}

// env is the world outside, and the flags that all commands have.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	tokenizer   string
	threads     int
	json, quiet bool
}

type options struct {
	*env
	model, keys       string
	maxTokens         int
	temperature, topP float64
	topK              int
	seed              uint64
}

func newRoot(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	o := options{env: e}
	root := &cobra.Command{
		Use:   "decoder MODEL PROMPT",
		Short: "Continue a text, with a model from a codebook file",
		Long: `decoder prints what a language model of the Llama type, such as SmolLM2,
says after PROMPT, a token at a time; - reads the prompt from standard input. MODEL is a folder with
config.json, tokenizer.json and a codebook file of palettize or a model.safetensors, or such a file
in it. Special tokens, such as <|im_start|>, may be part of the prompt. Figures go to standard
error.

` + cli.Codes,
		Example: `  decoder model.pal/ "The capital of France is"
  decoder SmolLM2/ "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 7
  decoder keys text.txt -m model.pal/ -o keys.safetensors
  decoder model.pal/ - --keys keys.safetensors < long.txt`,
		Args: cli.Takes(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.model = args[0]
			return o.run(cmd.Context(), args[1])
		},
	}
	all := root.PersistentFlags()
	all.StringVar(&e.tokenizer, "tokenizer", "",
		"the tokenizer.json (default: that beside the model)")
	all.IntVar(&e.threads, "threads", runtime.GOMAXPROCS(0), "threads to work on")
	all.BoolVar(&e.json, "json", false, "print results as JSON, at the end")
	all.BoolVar(&e.quiet, "quiet", false, "no figures and no progress on standard error")
	f := root.Flags()
	f.StringVar(&o.keys, "keys", "", "key tables that decoder keys has written: what is kept of "+
		"the text gets smaller, and long texts faster, at some loss")
	f.IntVarP(&o.maxTokens, "max-tokens", "n", 128, "the most tokens to add")
	f.Float64Var(&o.temperature, "temperature", 0, "of sampling; 0: always the most likely token")
	f.Float64Var(&o.topP, "top-p", 1,
		"sample from the most likely tokens of this probability together")
	f.IntVar(&o.topK, "top-k", 0, "sample from as many of the most likely tokens; 0: all")
	f.Uint64Var(&o.seed, "seed", 1, "of sampling: the same one gives the same text")
	root.AddCommand(newKeys(e), newCalibrate(e))
	return root
}

func (o *options) check() error {
	switch {
	case o.maxTokens < 1:
		return cli.Usagef("--max-tokens %d: expected 1 or more", o.maxTokens)
	case !(o.temperature >= 0 && o.temperature <= 100):
		return cli.Usagef("--temperature %v: expected 0 to 100", o.temperature)
	case !(o.topP > 0 && o.topP <= 1):
		return cli.Usagef("--top-p %v: expected more than 0, up to 1", o.topP)
	case o.topK < 0:
		return cli.Usagef("--top-k %d: expected 0 or more", o.topK)
	}
	return nil
}

// result is what --json prints.
type result struct {
	Prompt string `json:"prompt"`
	Text   string `json:"text"`
	Tokens []int  `json:"tokens"` // of the text
	// Why the text ends: "end", the model says so; "length", --max-tokens; "context", the model can
	// take no more.
	Stopped         string  `json:"stopped"`
	PromptTokens    int     `json:"prompt_tokens"`
	OpenSeconds     float64 `json:"open_seconds"`   // with the layout of all layers
	PromptSeconds   float64 `json:"prompt_seconds"` // up to the first token
	TextSeconds     float64 `json:"text_seconds"`   // of the others
	TokensPerSecond float64 `json:"tokens_per_second"`
	WeightBytes     int64   `json:"weight_bytes"` // of matrices in memory
	CacheBytes      int64   `json:"cache_bytes"`  // what is kept of the tokens
	TableBytes      int64   `json:"table_bytes"`  // key tables
}

// language is a model with its tokenizer.
type language struct {
	*transformer.Decoder
	*transformer.BPE
	model  *codebook.Model
	config transformer.Config
}

// close closes the model; what it was read for is done.
func (l *language) close() { _ = l.model.Close() }

// open opens a model and its tokenizer, which must fit each other.
func (e *env) open(ctx context.Context, path string) (*language, error) {
	if e.threads < 1 {
		return nil, cli.Usagef("--threads %d: expected 1 or more", e.threads)
	}
	config, err := transformer.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	if e.tokenizer == "" {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		folder := path
		if !info.IsDir() {
			folder = filepath.Dir(path)
		}
		e.tokenizer = filepath.Join(folder, "tokenizer.json")
	}
	bpe, err := transformer.ReadBPE(e.tokenizer)
	if err != nil {
		return nil, err
	}
	model, err := format.OpenModel(ctx, path, codebook.RunOptions{Threads: e.threads})
	if err != nil {
		return nil, err
	}
	decoder, err := transformer.NewDecoder(ctx, model, config, e.threads)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), model.Close())
	}
	// Matrices may have rows that are no tokens, to be a multiple of something.
	if bpe.Size() > decoder.Vocabulary() {
		return nil, errors.Join(fmt.Errorf("%s: has %d tokens, and %s has %d: they do not belong "+
			"together", e.tokenizer, bpe.Size(), path, decoder.Vocabulary()), model.Close())
	}
	return &language{decoder, bpe, model, config}, nil
}

func (o *options) run(ctx context.Context, prompt string) error {
	if err := o.check(); err != nil {
		return err
	}
	if prompt == "-" {
		text, err := io.ReadAll(o.stdin)
		if err != nil {
			return err
		}
		prompt = string(text)
	}
	start := time.Now()
	l, err := o.open(ctx, o.model)
	if err != nil {
		return err
	}
	defer l.close()
	var tables *transformer.KeyTables
	if o.keys != "" {
		if tables, err = transformer.ReadKeyTables(ctx, o.keys); err != nil {
			return err
		}
		if err := l.KeepKeys(tables); err != nil {
			return fmt.Errorf("%s: %w", o.keys, err)
		}
	}
	tokens := l.Encode(nil, prompt)
	switch {
	case len(tokens) == 0:
		return errors.New("the prompt is empty")
	case len(tokens) > l.Positions():
		return fmt.Errorf("the prompt has %d tokens, the model takes %d", len(tokens), l.Positions())
	}
	text, err := l.NewText(min(l.Positions(), len(tokens)+o.maxTokens))
	if err != nil {
		return err
	}
	if err := l.model.Load(ctx, 1); err != nil {
		return err
	}
	r := result{Prompt: prompt, PromptTokens: len(tokens), OpenSeconds: time.Since(start).Seconds()}
	if err := o.generate(ctx, l, text, tokens, &r); err != nil {
		return err
	}
	r.WeightBytes, r.CacheBytes = l.model.BitsResident()/8, text.Bytes()
	if tables != nil {
		r.TableBytes = tables.Bytes()
	}
	return o.report(&r)
}

// generate adds tokens to a text, and prints what they stand for as they come.
func (o *options) generate(ctx context.Context, l *language, text *transformer.Text, prompt []int,
	r *result) error {
	sampler := transformer.NewSampler(o.temperature, o.topK, o.topP, o.seed)
	var runes transformer.Runes
	var said strings.Builder
	say := func(piece string) error {
		said.WriteString(piece)
		if o.json || piece == "" {
			return nil
		}
		_, err := io.WriteString(o.stdout, piece)
		return err
	}
	start := time.Now()
	logits, err := text.Append(ctx, prompt)
	r.PromptSeconds = time.Since(start).Seconds()
	start = time.Now()
	r.Stopped = "length"
	for err == nil {
		token := sampler.Choose(logits)
		if slices.Contains(l.config.Last, token) {
			r.Stopped = "end"
			break
		}
		r.Tokens = append(r.Tokens, token)
		if err = say(runes.Add(l.Bytes(token))); err != nil || len(r.Tokens) == o.maxTokens {
			break
		}
		if text.Len() == l.Positions() {
			r.Stopped = "context"
			break
		}
		logits, err = text.Append(ctx, []int{token})
	}
	r.TextSeconds = time.Since(start).Seconds()
	if n := len(r.Tokens); n > 1 {
		r.TokensPerSecond = float64(n-1) / r.TextSeconds
	}
	end := runes.Rest()
	if !o.json {
		end += "\n"
	}
	if e := say(end); err == nil {
		err = e
	}
	r.Text = said.String()
	return err
}

func (o *options) report(r *result) error {
	if o.json {
		return cli.Report(o.stdout, true, r)
	}
	if o.quiet {
		return nil
	}
	_, err := fmt.Fprintf(o.stderr, "%d tokens of the prompt in %.2f s, %d more at %.1f tokens a "+
		"second; opened in %.2f s; %.1f MB of weights, %.1f MB of the text\n", r.PromptTokens,
		r.PromptSeconds, len(r.Tokens), r.TokensPerSecond, r.OpenSeconds,
		float64(r.WeightBytes)/1e6, float64(r.CacheBytes+r.TableBytes)/1e6)
	return err
}
