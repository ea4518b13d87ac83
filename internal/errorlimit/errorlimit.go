// Package errorlimit reads and writes limits of relative errors: "0.05", for each matrix, and
// "total:0.05", for all of them together.
package errorlimit

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Limit is a relative error that is not to be exceeded.
type Limit struct {
	Most  float64
	Total bool // by all matrices together, not by each
}

const totalPrefix = "total:"

// Parse reads a limit.
func Parse(text string) (Limit, error) {
	number, total := strings.CutPrefix(text, totalPrefix)
	most, err := strconv.ParseFloat(number, 64)
	if err != nil || !(most >= 0 && most <= math.MaxFloat64) {
		return Limit{}, errors.New(
			"wanted an error such as 0.05, for each matrix, or total:0.05, for all together")
	}
	return Limit{most, total}, nil
}

// String writes a limit as Parse reads it, exactly.
func (l Limit) String() string {
	text := strconv.FormatFloat(l.Most, 'g', -1, 64)
	if l.Total {
		return totalPrefix + text
	}
	return text
}
