// Package cli is what the command lines of the examples have in common.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	Fine        = 0
	Failed      = 1
	Misused     = 2
	Interrupted = 130
)

// Codes is the line of a command's help about exit codes.
var Codes = fmt.Sprintf("Exit codes: %d fine, %d failed, %d wrong usage, %d interrupted.",
	Fine, Failed, Misused, Interrupted)

// Main runs a program, until an interrupt at most, and ends the process with what it returns.
func Main(run func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer,
) (code int)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Execute executes one command line of a program and returns the exit code. What goes wrong is a
// line on stderr.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout,
	stderr io.Writer) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return Usagef(`%v; see "%s --help"`, err, cmd.CommandPath())
	})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return Fine
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "%s: interrupted\n", root.Name())
		return Interrupted
	}
	fmt.Fprintf(stderr, "%s: %s\n", root.Name(), Printable(err.Error()))
	if errors.As(err, &usage) {
		return Misused
	}
	return Failed
}

// Takes checks the number of arguments.
func Takes(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return Usagef("%d arguments, expected %d; usage: %s", len(args), n, cmd.UseLine())
		}
		return nil
	}
}

// usageError is a command line that cannot be meant.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Usagef returns an error about the command line.
func Usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// Printable is text on one line, without what a terminal would obey.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
