// Command encoder finds texts by what they mean, with a sentence encoder of the BERT type that runs
// from a codebook file, or from the safetensors file that this was made of.
package main

import (
	"context"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
)

func main() { cli.Main(run) }

// env is the world outside, and the flags that all commands have.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	threads     int
	json, quiet bool
}

// report prints a result: as JSON, or as lines of a name and a value.
func (e *env) report(result any, lines ...[2]string) error {
	return cli.Report(e.stdout, e.json, result, lines...)
}

// newProgress returns a bar of this length; 0: of unknown length.
func (e *env) newProgress(length int64) cli.Progress {
	return cli.NewProgress(e.stderr, e.quiet, length)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	return cli.Execute(ctx, newRoot(e), args, stdout, stderr)
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "encoder",
		Short: "Find texts by what they mean, with a model from a codebook file",
		Long: `encoder turns texts into vectors with a sentence encoder of the BERT type,
such as all-MiniLM-L6-v2, and finds those that are near. MODEL is a codebook file of palettize, a
model.safetensors, or the folder of one. Its tokenizer.json is expected beside it, under that
name or as NAME.tokenizer.json for a model NAME.pal or NAME.safetensors; --tokenizer names
another. A text is a line.

` + cli.Codes,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef(`unknown command %s; see "encoder --help"`, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.IntVar(&e.threads, "threads", runtime.GOMAXPROCS(0), "threads to work on")
	flags.BoolVar(&e.json, "json", false, "print the result as JSON")
	flags.BoolVar(&e.quiet, "quiet", false, "no progress on a terminal")
	root.AddCommand(newEmbed(e), newSearch(e), newServe(e), newCompare(e), newCalibrate(e))
	return root
}
