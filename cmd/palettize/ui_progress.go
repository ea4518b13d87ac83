package main

import (
	"io"
	"os"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/palettize/palettize/codebook"
)

// progress is a bar on stderr, or nothing.
type progress struct {
	bar  *progressbar.ProgressBar
	room int // for a tensor's name, so that the bar stays on one line
}

// newProgress returns a progress that shows a bar if stderr is a terminal and quiet is false.
func (e *env) newProgress(quiet bool) *progress {
	if quiet || !terminal(e.stderr) {
		return new(progress)
	}
	f := e.stderr.(*os.File)
	const barWidth, rest = 20, 30 // rest: percent, frame, times
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 {
		width = 80
	}
	return &progress{
		bar: progressbar.NewOptions64(1, progressbar.OptionSetWriter(f),
			progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish()),
		room: max(10, width-barWidth-rest),
	}
}

// terminal reports whether what is written there is on a screen.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// update shows how far a run is.
func (p *progress) update(now codebook.Progress) {
	if p.bar == nil || now.Total == 0 {
		return
	}
	p.bar.ChangeMax64(now.Total)
	_ = p.bar.Set64(now.Done) // only a broken terminal fails
	p.bar.Describe(ending(printable(now.Tensor), p.room))
}

// ending is the end of a name, which tells tensors apart, as far as a terminal has room for its
// columns.
func ending(name string, room int) string {
	const cut = "..."
	width := uniseg.StringWidth(name)
	if width <= room {
		return name
	}
	for state := -1; width > room-len(cut) && name != ""; {
		var first int
		_, name, first, state = uniseg.FirstGraphemeClusterInString(name, state)
		width -= first
	}
	return cut + name
}

// close takes the bar away.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
