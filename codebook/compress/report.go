package compress

import "github.com/palettize/palettize/codebook"

// Entry is what became of one tensor.
type Entry struct {
	Tensor   codebook.Tensor
	Layer    *codebook.Scheme // what it was compressed to, K as it came out; nil: no layer
	Narrowed bool             // it has no layer and is kept as F16; else it was passed through
	Reason   string           // why it has no layer
	// As is the first tensor of the same bytes, whose settings count for it too; "": there is none.
	As string
	// Bytes are those in the output, of a layer its part of the header included; 0: as in Tensor.
	Bytes      int64
	Distortion codebook.Distortion // of the rebuilt weights (layers only)
	Cap        float64             // largest relative error allowed; 0: unknown (layers only)
}

// Report lists every tensor of the source, none left out, in order.
type Report struct {
	Entries   []Entry
	Quantised string // what the source's weights are quantised with, as Quantisation says
	Resumed   int    // layers that an earlier run had made
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

	// What the error of all hides: a matrix that is far from its original.
	Worst  *codebook.Worst `json:"worst"`      // nil where there is no matrix
	Capped int             `json:"capped"`     // matrices with a known cap
	Beyond int             `json:"beyond_cap"` // those of them whose error exceeds it
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
		t.add(e.Tensor.Name, e.Distortion.Relative(), e.Cap)
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
			t.add(m.Tensor, m.Error, m.Cap)
		}
	}
	t.setBits(bits)
	return t
}

// add takes in a matrix with the relative error of its weights and the cap of that, 0 where it is
// not known.
func (t *Total) add(tensor string, relative, limit float64) {
	t.Worst = t.Worst.Or(codebook.Worst{Tensor: tensor, Error: relative, Of: "weights"})
	if limit > 0 {
		t.Capped++
	}
	if limit > 0 && relative > limit {
		t.Beyond++
	}
}

// setBits notes the bits of all weights.
func (t *Total) setBits(bits float64) {
	if t.Weights > 0 {
		t.BitsStored = bits / float64(t.Weights)
	}
}
