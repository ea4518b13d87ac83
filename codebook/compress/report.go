package compress

import "github.com/palettize/palettize/codebook"

// Entry is what became of one tensor.
type Entry struct {
	Tensor     codebook.Tensor
	Layer      *codebook.Scheme    // what it was compressed to, K as it came out; nil: no layer
	Narrowed   bool                // it has no layer and is kept as F16; else it was passed through
	Reason     string              // why it has no layer
	Bytes      int64               // in the output, of a layer its share of the header included; 0: as in Tensor
	Distortion codebook.Distortion // of the rebuilt weights (layers only)
	Cap        float64             // relative error that is not to be exceeded; 0: unknown (layers only)
}

// Kind is the Kind of the entry's tensor, if that alone is why it was passed through.
func (e Entry) Kind() string {
	kind, reason := e.Tensor.Kind()
	if e.Layer != nil || e.Reason != reason {
		return ""
	}
	return kind
}

// Report lists every tensor of the source, none left out, in order.
type Report struct {
	Entries   []Entry
	Quantised string // what the source's weights are quantised with, as Quantisation says
}

// Summary sums up the errors of the layers.
func (r *Report) Summary() codebook.Summary {
	var s codebook.Summary
	for _, e := range r.Entries {
		if e.Layer != nil {
			s.Add(e.Tensor.Name, e.Distortion.Relative(), e.Cap)
		}
	}
	return s
}

// Summary sums up the errors that the allocation expects, as far as it does.
func (a *Allocation) Summary() codebook.Summary {
	var s codebook.Summary
	for _, m := range a.Matrices {
		if m.Error > 0 {
			s.Add(m.Tensor, m.Error, m.Cap)
		}
	}
	return s
}
