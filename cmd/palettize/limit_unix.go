//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// failLongWrites makes a write beyond the file size limit (ulimit -f) an error like that of a full
// disk. By default it kills the program, which could not clean up.
func failLongWrites() { signal.Ignore(syscall.SIGXFSZ) }
