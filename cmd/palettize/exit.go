package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitGate        = 3
	exitInterrupted = 130
)

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	var usage *usageError
	var gate *gateError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &gate):
		return exitGate
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// exitHelp is the paragraph on exit codes of a command's help; gates adds the one for missed gates.
func exitHelp(gates bool) string {
	help := fmt.Sprintf("Exit codes: %d fine, %d failed, %d wrong usage, ",
		exitFine, exitFailed, exitUsage)
	if gates {
		help += fmt.Sprintf("%d a gate was missed, ", exitGate)
	}
	return help + fmt.Sprintf("%d interrupted.", exitInterrupted)
}

// usageError is a command line that cannot be meant.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// gateError lists the gates that a result missed: what was measured and what was wanted.
type gateError struct{ missed []string }

func (e *gateError) Error() string { return "gate missed: " + strings.Join(e.missed, "; ") }
