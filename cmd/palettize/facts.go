package main

import (
	"fmt"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
)

// compressReport says what compress did.
type compressReport struct {
	Model     string        `json:"model"`
	Out       string        `json:"out"`
	Quantised string        `json:"quantised,omitempty"` // what the model is quantised with
	Tensors   []tensorFacts `json:"tensors"`             // all of the model, in the order of the file
	Total     compressTotal `json:"total"`
	all       bool          // in text, each tensor on a line of its own
}

// tensorFacts says what became of one tensor.
type tensorFacts struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"` // of the original
	Bytes int64  `json:"bytes"` // in this file; of a layer, its share of the header included
	*layerFacts
	KeptAs string `json:"kept_as,omitempty"` // dtype in this file, where it is another without a layer
	Reason string `json:"reason,omitempty"`  // why it has no layer
	kind   string // of what is no matrix and shares a line of text with its like, else ""
}

// layerFacts describes a layer.
type layerFacts struct {
	Scheme   string  `json:"scheme"`
	D        int     `json:"d"`
	K        int     `json:"k"`
	Group    int     `json:"group,omitempty"`
	Window   int     `json:"window,omitempty"`        // new bits that a weight brings to its window
	Stored   float64 `json:"bits_stored"`             // a weight
	Resident float64 `json:"bits_resident,omitempty"` // a weight, while multiplying
	Plan     string  `json:"plan,omitempty"`          // that multiplies it on this machine
	Error    float64 `json:"weight_error"`
	Cap      float64 `json:"cap,omitempty"` // of the error, where it is known
	Cosine   float64 `json:"cosine"`
	Max      float64 `json:"max_error"`
}

type compressTotal struct {
	Compressed  int     `json:"compressed"` // tensors
	Weights     int64   `json:"weights"`    // in those
	KeptAsF16   int     `json:"kept_as_f16"`
	BytesIn     int64   `json:"bytes_in"`
	BytesOut    int64   `json:"bytes_out"`
	Ratio       float64 `json:"ratio"`
	BitsStored  float64 `json:"bits_stored"`  // a compressed weight
	WeightError float64 `json:"weight_error"` // of all compressed weights together
	codebook.Summary
}

// compressFacts arranges a report for printing.
func compressFacts(report *compress.Report) *compressReport {
	facts := &compressReport{Quantised: report.Quantised}
	var sum codebook.Distortion
	var bytes int64
	for _, e := range report.Entries {
		t := newTensorFacts(e.Tensor)
		t.Reason, t.kind = e.Reason, e.Kind()
		if e.Layer != nil {
			t.setLayer(*e.Layer, e.Bytes, e.Distortion)
			t.Cap = e.Cap
			facts.Total.Compressed++
			facts.Total.Weights += e.Tensor.Elements()
			bytes += e.Bytes
			sum.Merge(e.Distortion)
		}
		if e.Narrowed {
			t.setHalf(e.Tensor)
			facts.Total.KeptAsF16++
		}
		facts.Tensors = append(facts.Tensors, t)
	}
	facts.Total.WeightError = sum.Relative()
	facts.Total.BitsStored = bitsEach(bytes, facts.Total.Weights)
	facts.Total.Summary = report.Summary()
	return facts
}

// setSizes notes the files and what they take.
func (r *compressReport) setSizes(model string, in int64, out string, size int64) {
	r.Model, r.Out = model, out
	r.Total.BytesIn, r.Total.BytesOut = in, size
	r.Total.Ratio = float64(in) / float64(size)
}

// warning says what a run that went well has failed at, "" where it has not.
func (r *compressReport) warning() string {
	switch total := r.Total; {
	case total.Compressed == 0:
		return fmt.Sprintf("%s: nothing in it is compressed: all %d tensors of %s passed through%s",
			r.Out, len(r.Tensors), r.Model, total.halves(", %d of them as F16"))
	case total.BytesOut > total.BytesIn:
		return fmt.Sprintf("%s: is larger than %s: %s bytes, %s",
			r.Out, r.Model, grouped(total.BytesOut), grouped(total.BytesIn))
	}
	return ""
}

// halves says how many tensors are kept as F16, "" where none is.
func (t *compressTotal) halves(format string) string {
	if t.KeptAsF16 == 0 {
		return ""
	}
	return fmt.Sprintf(format, t.KeptAsF16)
}

func newTensorFacts(t codebook.Tensor) tensorFacts {
	return tensorFacts{Name: t.Name, Shape: t.Shape, DType: t.DType, Bytes: t.Bytes}
}

func (t *tensorFacts) setLayer(s codebook.Scheme, bytes int64, d codebook.Distortion) {
	weights := int64(1)
	for _, n := range t.Shape {
		weights *= int64(n)
	}
	t.Bytes = bytes
	t.layerFacts = &layerFacts{
		Scheme: s.Name, D: s.Width, K: s.K, Group: s.Group, Window: s.Window, Stored: bitsEach(bytes, weights),
		Error: d.Relative(), Cosine: d.Cosine(), Max: d.Max,
	}
}

// setHalf notes that the tensor is kept as F16.
func (t *tensorFacts) setHalf(original codebook.Tensor) {
	half := original.Half()
	t.KeptAs, t.Bytes = half.DType, half.Bytes
}

func bitsEach(bytes, weights int64) float64 {
	if weights == 0 {
		return 0
	}
	return 8 * float64(bytes) / float64(weights)
}
