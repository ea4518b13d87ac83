package cli

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress is a bar on standard error, or nothing.
type Progress struct{ bar *progressbar.ProgressBar }

// NewProgress returns a bar of this length if stderr is a terminal; 0: of unknown length.
func NewProgress(stderr io.Writer, quiet bool, length int64) Progress {
	f, ok := stderr.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return Progress{}
	}
	if length == 0 {
		length = -1
	}
	return Progress{progressbar.NewOptions64(length, progressbar.OptionSetWriter(f),
		progressbar.OptionSetWidth(20), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish())}
}

// Update says how much is done.
func (p Progress) Update(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done) // only a broken terminal fails
	}
}

// Close takes the bar away.
func (p Progress) Close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
