package main

import (
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress is a bar on standard error, or nothing.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress returns a bar of this length if standard error is a terminal; 0: of unknown length.
func (e *env) newProgress(length int64) progress {
	f, ok := e.stderr.(*os.File)
	if e.quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return progress{}
	}
	if length == 0 {
		length = -1
	}
	return progress{progressbar.NewOptions64(length, progressbar.OptionSetWriter(f),
		progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish())}
}

func (p progress) update(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done) // only a broken terminal fails
	}
}

func (p progress) close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
