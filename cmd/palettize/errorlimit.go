package main

import "github.com/palettize/palettize/internal/errorlimit"

// errorLimit is the value of --max-error: E for each matrix, total:E for all of them together.
type errorLimit struct{ errorlimit.Limit }

func (l *errorLimit) Set(text string) error {
	limit, err := errorlimit.Parse(text)
	if err == nil {
		l.Limit = limit
	}
	return err
}

func (l *errorLimit) Type() string { return "E" }
