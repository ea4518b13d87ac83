package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// outputForm is what a report is printed as: by default as text.
type outputForm struct{ json, markdown bool }

// addFlags adds --json, which prints what is said here, and --markdown.
func (as *outputForm) addFlags(f *pflag.FlagSet, json string) {
	f.BoolVar(&as.json, "json", false, json)
	f.BoolVar(&as.markdown, "markdown", false, "print Markdown tables, with all columns")
}

// show prints what a command has found.
func (e *env) show(r report, as outputForm) error {
	switch {
	case as.json:
		return e.showJSON(r)
	case as.markdown:
		return e.print(r.document().markdown())
	}
	return e.print(r.document().text())
}

// showJSON prints a value as JSON.
func (e *env) showJSON(value any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// print writes to stdout.
func (e *env) print(text string) error {
	_, err := io.WriteString(e.stdout, text)
	return err
}

// stream lets write write a file to stdout, unless that is a terminal.
func (e *env) stream(write func(io.Writer) error) error {
	if terminal(e.stdout) {
		return usagef("-o -: standard output is a terminal: it wants a pipe, or a file")
	}
	return write(e.stdout)
}

// warn tells of something that does not stop the command.
func (e *env) warn(format string, args ...any) {
	fmt.Fprintf(e.stderr, "palettize: warning: %s\n", escaped(fmt.Sprintf(format, args...)))
}

// escaped is a message with everything escaped that could move the cursor, and bytes that are no
// UTF-8: paths come from files too, from an index.
func escaped(message string) string {
	var b strings.Builder
	for message != "" {
		r, n := utf8.DecodeRuneInString(message)
		if strconv.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(message[:n])
		} else {
			quoted := strconv.Quote(message[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		message = message[n:]
	}
	return b.String()
}

// printable is text with everything escaped that could move the cursor: names come from files.
func printable(text string) string {
	for _, r := range text {
		if !strconv.IsPrint(r) {
			quoted := strconv.Quote(text)
			return quoted[1 : len(quoted)-1]
		}
	}
	return text
}

// grouped writes a number with a comma every three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func errorText(e float64) string { return fmt.Sprintf("%.4f", e) }

// errorOrDash is "-" for an error that is not known.
func errorOrDash(e *float64) string {
	if e == nil {
		return "-"
	}
	return errorText(*e)
}

// schemeText is a scheme in a few characters: "segments d=2 k=256", "trellis window=4". A k of 0 is
// not known.
func schemeText(name string, d, k, group, window int) string {
	text := name
	if window != 0 {
		return text + fmt.Sprintf(" window=%d", window)
	}
	if name == "segments" {
		text += fmt.Sprintf(" d=%d", d)
	}
	if k != 0 {
		text += fmt.Sprintf(" k=%d", k)
	}
	if group != 0 {
		text += fmt.Sprintf(" g=%d", group)
	}
	return text
}
