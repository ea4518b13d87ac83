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

// Total sums up a report, or what an allocation expects.
type Total struct {
	Compressed  int     `json:"compressed"` // tensors with a layer; matrices of an allocation
	Weights     int64   `json:"weights"`    // in those
	KeptAsF16   int     `json:"kept_as_f16"`
	BytesIn     int64   `json:"bytes_in"`
	BytesOut    int64   `json:"bytes_out"`
	Ratio       float64 `json:"ratio"`        // of BytesIn to BytesOut; 0 where they are not known
	BitsStored  float64 `json:"bits_stored"`  // a compressed weight
	WeightError float64 `json:"weight_error"` // of all compressed weights together
	codebook.Summary
}

// Total sums up the report of a run that made a file of bytesOut from one of bytesIn.
func (r *Report) Total(bytesIn, bytesOut int64) Total {
	t := Total{BytesIn: bytesIn, BytesOut: bytesOut}
	if bytesOut > 0 {
		t.Ratio = float64(bytesIn) / float64(bytesOut)
	}
	var all codebook.Distortion
	var bytes int64
	for _, e := range r.Entries {
		if e.Narrowed {
			t.KeptAsF16++
		}
		if e.Layer == nil {
			continue
		}
		t.Compressed++
		t.Weights += e.Tensor.Elements()
		bytes += e.Bytes
		all.Merge(e.Distortion)
		t.Add(e.Tensor.Name, e.Distortion.Relative(), e.Cap)
	}
	t.WeightError = all.Relative()
	t.setBits(8 * float64(bytes))
	return t
}

// Total sums up what the allocation expects: bits, and errors as far as they are known. There are
// no bytes of files in it, and no error of all matrices together.
func (a *Allocation) Total() Total {
	var t Total
	bits := 0.0
	for _, m := range a.Matrices {
		t.Compressed++
		t.Weights += m.Weights
		bits += m.Bits * float64(m.Weights)
		if m.Error > 0 {
			t.Add(m.Tensor, m.Error, m.Cap)
		}
	}
	t.setBits(bits)
	return t
}

// setBits notes the bits of all weights.
func (t *Total) setBits(bits float64) {
	if t.Weights > 0 {
		t.BitsStored = bits / float64(t.Weights)
	}
}
