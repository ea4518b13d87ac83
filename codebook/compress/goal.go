package compress

import (
	"errors"
	"fmt"
	"math"

	"github.com/palettize/palettize/codebook/internal/quant"
)

// GoalError says that what was asked for cannot be met, and what comes nearest to it: asking for
// that instead, or for a little more, can be. One of Bits, MaxError and Size is what was asked for,
// the others are 0. Where it is about a single matrix, a [codebook.TensorError] around it says
// which.
type GoalError struct {
	Bits     float64 // a weight
	MaxError float64 // relative error
	Size     int64   // bytes of the file

	NearestBits  float64 // what comes nearest takes, a weight; 0: not known
	NearestError float64 // and the relative error that it leaves
	NearestSize  int64   // bytes of the smallest file, about, where Size was asked for
	Rest         int64   // bytes in it of what is not compressed

	missing float64 // bytes by which the nearest takes more than was asked for
}

func (e *GoalError) Error() string {
	asked := ""
	switch {
	case e.Size > 0:
		return fmt.Sprintf("a file of %d bytes cannot be: "+
			"what is not to be compressed takes %d, the matrices %d or more",
			e.Size, e.Rest, e.NearestSize-e.Rest)
	case e.Bits > 0:
		asked = fmt.Sprintf("%.4g bits a weight", e.Bits)
	default:
		asked = fmt.Sprintf("an error of %.4g", e.MaxError)
	}
	return fmt.Sprintf(
		"%s cannot be met: what comes nearest takes %.4g bits and leaves an error of %.4g",
		asked, e.NearestBits, e.NearestError)
}

// unmet is the error of a goal for so many weights that this comes nearest to.
func unmet(g quant.Goal, nearest quant.Cost, weights, signal float64) error {
	return &GoalError{
		Bits: 8 * g.Bytes / weights, MaxError: quant.Relative(g.Noise, signal),
		NearestBits:  8 * nearest.Bytes / weights,
		NearestError: quant.Relative(nearest.Noise, signal),
		missing:      nearest.Bytes - g.Bytes,
	}
}

// ofFile turns a GoalError about bits into one about the size of the file that they came from, in
// which so many bytes are not compressed.
func ofFile(err error, size int64, rest float64) error {
	goal, ok := errors.AsType[*GoalError](err)
	if !ok {
		return err
	}
	return &GoalError{
		Size: size, NearestBits: goal.NearestBits, NearestError: goal.NearestError,
		NearestSize: size + int64(math.Ceil(goal.missing)), Rest: int64(math.Ceil(rest)),
	}
}
