package codebook

// Worst names the matrix with the largest relative error of several.
type Worst struct {
	Tensor string  `json:"tensor"`
	Error  float64 `json:"error"`
	Of     string  `json:"of"` // what it is an error of: "weights" where they could be compared
}

// Or returns the worse of w, which may be nil, and o.
func (w *Worst) Or(o Worst) *Worst {
	if w == nil || o.Error > w.Error {
		return &o
	}
	return w
}
