package codebook

// Summary is what the error of all matrices together hides: one that is far from its original.
type Summary struct {
	Worst  *Worst `json:"worst"`      // nil where there is no matrix
	Capped int    `json:"capped"`     // matrices with a known cap
	Beyond int    `json:"beyond_cap"` // those of them whose error exceeds it
}

// Worst is the matrix with the largest relative error.
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

// Add takes in a matrix with the relative error of its weights and the cap of that, 0 where it is
// not known.
func (s *Summary) Add(tensor string, relative, limit float64) {
	s.Worst = s.Worst.Or(Worst{tensor, relative, "weights"})
	if limit > 0 {
		s.Capped++
	}
	if limit > 0 && relative > limit {
		s.Beyond++
	}
}
