package main

import (
	"fmt"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
)

// compressReport says what compress did.
type compressReport struct {
	Model     string         `json:"model"`
	Out       string         `json:"out"`
	Quantised string         `json:"quantised,omitempty"` // what the model is quantised with
	Tensors   []tensorFacts  `json:"tensors"`             // all of them, in the order of the file
	Total     compress.Total `json:"total"`
	Resumed   int            `json:"resumed,omitempty"`  // layers of an earlier run
	Estimate  *estimate      `json:"estimate,omitempty"` // of a dry run: then the sizes are too
	all       bool           // in text, each tensor on a line of its own
}

// tensorFacts says what became of one tensor.
type tensorFacts struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"` // of the original
	Bytes int64  `json:"bytes"` // in this file; of a layer, its part of the header included
	*layerFacts
	KeptAs string `json:"kept_as,omitempty"` // dtype in this file, if another without a layer
	Reason string `json:"reason,omitempty"`  // why it has no layer
	As     string `json:"as,omitempty"`      // tensor of the same bytes whose settings it has
	kind   string // of what is no matrix and shares a line of text with its like, else ""
}

// layerFacts describes a layer.
type layerFacts struct {
	Scheme     string  `json:"scheme"`
	D          int     `json:"d"`
	K          int     `json:"k"`
	Group      int     `json:"group,omitempty"`
	WindowBits int     `json:"window,omitempty"`        // new bits that a weight brings to its window
	Stored     float64 `json:"bits_stored"`             // a weight
	Resident   float64 `json:"bits_resident,omitempty"` // a weight, while multiplying
	Plan       string  `json:"plan,omitempty"`          // that multiplies it on this machine
	Error      float64 `json:"weight_error"`
	Cap        float64 `json:"cap,omitempty"` // of the error, where it is known
	Cosine     float64 `json:"cosine"`
	Max        float64 `json:"max_error"`
	distortion codebook.Distortion
}

// worstFacts is what the error of all matrices together hides.
type worstFacts struct {
	Worst  *codebook.Worst `json:"worst"`
	Capped int             `json:"capped"`
	Beyond int             `json:"beyond_cap"`
}

func newWorstFacts(t compress.Total) worstFacts { return worstFacts{t.Worst, t.Capped, t.Beyond} }

// newCompressReport arranges a report of a model in a file of in bytes for printing.
func newCompressReport(report *compress.Report, model string, in int64, out string, size int64) (
	r *compressReport) {
	r = &compressReport{
		Model: model, Out: out, Quantised: report.Quantised, Total: report.Total(in, size),
		Resumed: report.Resumed,
	}
	for _, e := range report.Entries {
		r.Tensors = append(r.Tensors, newTensorFacts(e))
	}
	return r
}

// warning says what a run that went well has failed at, "" where it has not.
func (r *compressReport) warning() string {
	switch total := r.Total; {
	case total.Compressed == 0:
		return fmt.Sprintf("%s: nothing in it is compressed: all %d tensors of %s passed through%s",
			r.Out, len(r.Tensors), r.Model, r.halves(", %d of them as F16"))
	case total.BytesOut > total.BytesIn:
		return fmt.Sprintf("%s: is larger than %s: %s bytes, %s",
			r.Out, r.Model, grouped(total.BytesOut), grouped(total.BytesIn))
	}
	return ""
}

// halves says how many tensors are kept as F16, "" where none is.
func (r *compressReport) halves(format string) string {
	if r.Total.KeptAsF16 == 0 {
		return ""
	}
	return fmt.Sprintf(format, r.Total.KeptAsF16)
}

func newTensorFacts(e compress.Entry) tensorFacts {
	facts := tensorFacts{
		Name: e.Tensor.Name, Shape: e.Tensor.Shape, DType: e.Tensor.DType, Bytes: e.Tensor.Bytes,
		Reason: e.Reason, As: e.As, kind: kindOf(e),
	}
	if e.Narrowed {
		half := e.Tensor.Half()
		facts.KeptAs, facts.Bytes = half.DType, half.Bytes
	}
	if e.Layer != nil {
		facts.Bytes, facts.layerFacts = e.Bytes, newLayerFacts(e)
	}
	return facts
}

// kindOf is the kind of a tensor that is no matrix, "" where there is more to say of it.
func kindOf(e compress.Entry) string {
	kind, reason := e.Tensor.Kind()
	if e.Layer != nil || e.Reason != "" && e.Reason != reason {
		return ""
	}
	return kind
}

func newLayerFacts(e compress.Entry) *layerFacts {
	s, d := e.Layer, e.Distortion
	return &layerFacts{
		Scheme: s.Name, D: s.Width, K: s.K, Group: s.Group, WindowBits: s.WindowBits,
		Stored: 8 * float64(e.Bytes) / float64(e.Tensor.Elements()),
		Error:  d.Relative(), Cap: e.Cap, Cosine: d.Cosine(), Max: d.Max,
		distortion: d,
	}
}
