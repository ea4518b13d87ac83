package verify

import (
	"cmp"
	"slices"

	"github.com/palettize/palettize/codebook"
)

// newReport returns the report of a file of bytesOut made from one of bytesIn, as far as it is
// known without the layers.
func newReport(bytesIn, bytesOut int64) *Report {
	r := &Report{Total: Total{BytesIn: bytesIn, BytesOut: bytesOut}}
	if bytesOut > 0 {
		r.Total.Ratio = float64(bytesIn) / float64(bytesOut)
	}
	return r
}

// Beyond lists the layers whose error is beyond a limit, the worst first; with together, it holds
// the error of all layers together against the limit, and lists that, without a name. The error is
// that of the weights where it is known, else that of the output. An error that is NaN is beyond
// every limit.
func (r *Report) Beyond(limit float64, together bool) []codebook.Worst {
	losses := []codebook.Worst{lossOf("", r.Total.WeightError, r.Total.OutputError)}
	if !together {
		losses = nil
		for _, c := range r.Layers {
			losses = append(losses, lossOf(c.Name, c.WeightError, c.OutputError))
		}
	}
	losses = slices.DeleteFunc(losses, func(w codebook.Worst) bool { return w.Error <= limit })
	slices.SortStableFunc(losses, func(a, b codebook.Worst) int {
		return cmp.Compare(b.Error, a.Error)
	})
	return losses
}

// lossOf is the error that gates hold against their limit.
func lossOf(tensor string, weights *float64, output float64) codebook.Worst {
	if weights != nil {
		return codebook.Worst{Tensor: tensor, Error: *weights, Of: "weights"}
	}
	return codebook.Worst{Tensor: tensor, Error: output, Of: "output"}
}
