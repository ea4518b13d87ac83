package main

import (
	"fmt"

	"github.com/palettize/palettize/codebook/verify"
)

// verification is printed as the library returns it.
type verification verify.Report

func (v *verification) document() document {
	checked := (*verify.Report)(v)
	return document{verifyTable(checked), verifyTotals(checked)}
}

// verifyColumns are what verify says of a layer, in text that which has a brief heading.
var verifyColumns = []struct {
	head, brief string
	cell        func(l *layerCheck) string
}{
	{"layer", "~layer", func(l *layerCheck) string { return l.Name }},
	{"shape", "shape", func(l *layerCheck) string { return shapeText(l.Shape) }},
	{"scheme", "", func(l *layerCheck) string {
		return schemeText(l.Scheme, l.D, l.K, l.Group, l.WindowBits)
	}},
	{"plan", "plan", func(l *layerCheck) string { return l.Plan }},
	{"tier", "", func(l *layerCheck) string { return l.Tier }},
	{">bits stored", ">bits", number("%.2f", func(l *layerCheck) float64 { return l.BitsStored })},
	{">resident", ">resident",
		number("%.2f", func(l *layerCheck) float64 { return l.BitsResident })},
	{">weight error", ">error", func(l *layerCheck) string { return errorOrDash(l.WeightError) }},
	{">output error", ">output",
		number("%.4f", func(l *layerCheck) float64 { return l.OutputError })},
	{">kernel error", "", number("%.4f", func(l *layerCheck) float64 { return l.KernelError })},
	{">bound", "", number("%.4f", func(l *layerCheck) float64 { return l.KernelBound })},
	{">cosine", "", number("%.4f", func(l *layerCheck) float64 { return l.Cosine })},
	{">max error", "", number("%.3g", func(l *layerCheck) float64 { return l.MaxError })},
	{">dense us", "", number("%.1f", func(l *layerCheck) float64 { return l.DenseUs })},
	{">compiled us", ">us", number("%.1f", func(l *layerCheck) float64 { return l.CompiledUs })},
	{">speed-up", ">speed-up", number("%.2f", func(l *layerCheck) float64 { return l.Speedup })},
}

type layerCheck = verify.Check

// number is a cell with one of a layer's numbers.
func number(format string, of func(l *layerCheck) float64) func(l *layerCheck) string {
	return func(l *layerCheck) string { return fmt.Sprintf(format, of(l)) }
}

// verifyTable has a line for each layer.
func verifyTable(v *verify.Report) *table {
	t := new(table)
	lines := make([][]string, len(v.Layers))
	for _, c := range verifyColumns {
		t.head, t.brief = append(t.head, c.head), append(t.brief, c.brief)
		for i := range v.Layers {
			lines[i] = append(lines[i], c.cell(&v.Layers[i]))
		}
	}
	for _, cells := range lines {
		t.add(cells...)
	}
	return t
}

func verifyTotals(v *verify.Report) facts {
	var f facts
	t := v.Total
	f.add("layers", "%d, %s weights", len(v.Layers), grouped(t.Weights))
	f.add("file", "%s bytes, %.2f times smaller than %s",
		grouped(t.BytesOut), t.Ratio, grouped(t.BytesIn))
	f.add("bits a weight", "%.2f stored, %.2f resident", t.BitsStored, t.BitsResident)
	f.add("weight error", "%s", errorOrDash(t.WeightError))
	f.add("output error", "%.4f, cosine %.4f", t.OutputError, t.Cosine)
	if t.Worst != nil {
		f.add("worst", "%.4f, %s (%s)", t.Worst.Error, t.Worst.Tensor, t.Worst.Of)
	}
	f.add("dense", "%.1f us", t.DenseUs)
	f.add("compiled", "%.1f us", t.CompiledUs)
	f.add("speed-up", "%.2f", t.Speedup)
	slower := fmt.Sprintf("none of %d", len(v.Layers))
	if t.Slower > 0 {
		slower = fmt.Sprintf("%d of %d, the slowest %s at %.2f",
			t.Slower, len(v.Layers), t.Slowest.Tensor, t.Slowest.Speedup)
	}
	f.add("slower than dense", "%s", slower)
	return f
}
