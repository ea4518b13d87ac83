// Command encoder finds texts by what they mean, with a sentence encoder of the BERT type that runs
// from a codebook file, or from the safetensors file that this was made of.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// env is the world outside, and the flags that all commands have.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	threads     int
	json, quiet bool
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(e)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "encoder: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "encoder: %s\n", printable(err.Error()))
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "encoder",
		Short: "Find texts by what they mean, with a model from a codebook file",
		Long: fmt.Sprintf(`encoder turns texts into vectors with a sentence encoder of the BERT type,
such as all-MiniLM-L6-v2, and finds those that are near. MODEL is a codebook file of palettize, a
model.safetensors, or the folder of one. Its tokenizer.json is expected beside it, under that
name or as NAME.tokenizer.json for a model NAME.pal or NAME.safetensors; --tokenizer names
another. A text is a line.

Exit codes: %d fine, %d failed, %d wrong usage, %d interrupted.`,
			exitFine, exitFailed, exitUsage, exitInterrupted),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef(`unknown command %s; see "encoder --help"`, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.IntVar(&e.threads, "threads", runtime.GOMAXPROCS(0), "threads to work on")
	flags.BoolVar(&e.json, "json", false, "print the result as JSON")
	flags.BoolVar(&e.quiet, "quiet", false, "no progress on a terminal")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(`%v; see "%s --help"`, err, cmd.CommandPath())
	})
	root.AddCommand(newEmbed(e), newSearch(e), newCompare(e), newCalibrate(e))
	return root
}

// takes checks the number of arguments.
func takes(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%d arguments, expected %d; usage: %s", len(args), n, cmd.UseLine())
		}
		return nil
	}
}

// usageError is a command line that cannot be meant.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// printable is text on one line, without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
