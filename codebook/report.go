package codebook

// Entry is what became of one tensor.
type Entry struct {
	Tensor     Tensor
	Layer      *Scheme    // what it was compressed to, K as it came out; nil: no layer
	Narrowed   bool       // it has no layer and is kept as F16; else it was passed through
	Reason     string     // why it has no layer
	Bytes      int64      // in the output, of a layer its share of the header included; 0: as in Tensor
	Distortion Distortion // of the rebuilt weights (layers only)
	Cap        float64    // relative error that is not to be exceeded; 0: unknown (layers only)
}

// Kind is the Kind of the entry's tensor, if that alone is why it was passed through.
func (e Entry) Kind() string {
	kind, reason := e.Tensor.noMatrix()
	if e.Layer != nil || e.Reason != reason {
		return ""
	}
	return kind
}

// Kind says what a tensor is one of that is no matrix of floats and so passes through: "vectors",
// "integers", "single values" or "empty tensors". It is "" for a matrix.
func (t Tensor) Kind() string {
	kind, _ := t.noMatrix()
	return kind
}

// noMatrix returns the kind of a tensor, and the reason for which it passes through whatever the
// options say. A matrix of floats that cannot be read is of no kind: it is a matrix, with a reason.
func (t Tensor) noMatrix() (kind, reason string) {
	switch {
	case t.Elements() == 0:
		kind, reason = "empty tensors", "empty"
	case t.Elements() == 1:
		kind, reason = "single values", "a single value"
	case t.integer() && len(t.Shape) > 1:
		kind = "integers"
	case t.Vector():
		kind, reason = "vectors", "a vector"
	case t.integer():
		kind = "integers"
	}
	if !t.Float() {
		reason = t.DType + " values"
	}
	return kind, reason
}

// integer reports whether the values are whole numbers, or true and false.
func (t Tensor) integer() bool {
	switch t.DType {
	case "BOOL", "U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64":
		return true
	}
	return false
}

// Report lists every tensor of the source, none left out, in order.
type Report struct {
	Entries   []Entry
	Quantised string // what the source's weights are quantised with, as Quantisation says
}

// Summary sums up the errors of the layers.
func (r *Report) Summary() Summary {
	var s Summary
	for _, e := range r.Entries {
		if e.Layer != nil {
			s.Add(e.Tensor.Name, e.Distortion.Relative(), e.Cap)
		}
	}
	return s
}

// Summary sums up the errors that the allocation expects, as far as it does.
func (a *Allocation) Summary() Summary {
	var s Summary
	for _, m := range a.Matrices {
		if m.Error > 0 {
			s.Add(m.Tensor, m.Error, m.Cap)
		}
	}
	return s
}

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

// or returns the worse of w, which may be nil, and o.
func (w *Worst) or(o Worst) *Worst {
	if w == nil || o.Error > w.Error {
		return &o
	}
	return w
}

// Add takes in a matrix with the relative error of its weights and the cap of that, 0 where it is
// not known.
func (s *Summary) Add(tensor string, relative, limit float64) {
	s.Worst = s.Worst.or(Worst{tensor, relative, "weights"})
	if limit > 0 {
		s.Capped++
	}
	if limit > 0 && relative > limit {
		s.Beyond++
	}
}
