package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// errorLimit is a relative error that is not to be exceeded, the value of --max-error: E by each
// matrix, total:E by all of them together.
type errorLimit struct {
	most  float64
	total bool
}

const totalPrefix = "total:"

func (l *errorLimit) Set(text string) error {
	number, total := strings.CutPrefix(text, totalPrefix)
	most, err := strconv.ParseFloat(number, 64)
	if err != nil || !(most >= 0 && most <= math.MaxFloat64) {
		return errors.New("wanted an error such as 0.05, for each matrix, or total:0.05, for all together")
	}
	*l = errorLimit{most, total}
	return nil
}

func (l *errorLimit) String() string {
	text := strconv.FormatFloat(l.most, 'g', -1, 64)
	if l.total {
		return totalPrefix + text
	}
	return text
}

func (l *errorLimit) Type() string { return "E" }
