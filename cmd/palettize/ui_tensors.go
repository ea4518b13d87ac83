package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// cells are the columns that describe a layer in the tables of compress and inspect.
func (l *layerFacts) cells() []string {
	return []string{
		fmt.Sprintf("%.2f", l.Stored), errorText(l.Error),
		schemeText(l.Scheme, l.D, l.K, l.Group, l.WindowBits),
	}
}

func (r *compressReport) document() document {
	t := table{head: []string{"~tensor", "shape", "dtype", ">bits", ">error", "stored as"}}
	shown, rest := matrices(r.Tensors, r.all)
	for _, x := range shown {
		cells := []string{"", "", "unchanged: " + x.Reason}
		switch {
		case x.layerFacts != nil && r.Estimate != nil:
			cells = []string{fmt.Sprintf("%.2f", x.Stored), "", x.Scheme}
		case x.layerFacts != nil:
			cells = x.cells()
		case x.KeptAs != "":
			cells[2] = x.Reason
		}
		if x.As != "" {
			cells[2] += ", as " + x.As
		}
		t.add(append([]string{x.Name, shapeText(x.Shape), x.DType}, cells...)...)
	}
	hint := ""
	if rest.n > 0 {
		t.add(rest.text(), "", "", "", "", fmt.Sprintf("unchanged: %s bytes", grouped(rest.bytes)))
	}
	if len(shown) < len(r.Tensors) {
		hint = "; --all lists each"
	}
	var f facts
	f.add("file in", "%s, %s bytes", r.Model, grouped(r.Total.BytesIn))
	about := ""
	if r.Estimate != nil {
		about = "about "
	}
	f.add("file out", "%s, %s%s bytes", r.Out, about, grouped(r.Total.BytesOut))
	f.add("ratio", "%s%.2f", about, r.Total.Ratio)
	f.add("compressed", "%d of %d tensors, %s weights%s%s", r.Total.Compressed, len(r.Tensors),
		grouped(r.Total.Weights), r.halves("; %d kept as F16"), hint)
	if r.Resumed > 0 {
		f.add("resumed", "%d layers are of an earlier run", r.Resumed)
	}
	if r.Estimate != nil {
		f.addEstimate(r.Estimate)
		return document{&t, f}
	}
	if r.Total.Compressed > 0 {
		f.add("bits", "%.2f a compressed weight", r.Total.BitsStored)
		f.add("error", "%.4f of the compressed weights (relative)", r.Total.WeightError)
	}
	f.addWorst(newWorstFacts(r.Total))
	return document{&t, f}
}

// addEstimate says what a run would take.
func (f *facts) addEstimate(e *estimate) {
	if e.Sample != "" {
		took := time.Duration(e.Seconds * float64(time.Second)).Round(time.Second / 10)
		f.add("time", "about %s: %.2f million weights a second, by %s of %s", took,
			e.WeightsASecond/1e6, grouped(e.SampledWeights), e.Sample)
	}
	f.add("memory", "about %s MB", grouped(e.Memory/1e6))
	free := ""
	if e.DiskFree >= 0 {
		free = fmt.Sprintf(", %s are free", grouped(e.DiskFree))
	}
	f.add("disk", "about %s bytes%s", grouped(e.Disk), free)
}

// addWorst names the matrix with the largest error, and says how many are beyond their cap where
// that is known.
func (f *facts) addWorst(s worstFacts) {
	if s.Worst == nil {
		return
	}
	text := fmt.Sprintf("%.4f, %s", s.Worst.Error, s.Worst.Tensor)
	switch {
	case s.Beyond > 0:
		text += fmt.Sprintf("; %d of %d beyond the cap", s.Beyond, s.Capped)
	case s.Capped > 0:
		text += fmt.Sprintf("; none of %d beyond the cap", s.Capped)
	}
	f.add("worst", "%s", text)
}

// others are the tensors that share a line.
type others struct {
	n     int
	bytes int64
	kinds map[string]int // how many of each
}

// matrices returns what has a line of its own, tensors and stacks, and the other tensors: those
// that are no matrices, if there are several. Where all are asked for, it is each tensor.
func matrices(tensors []tensorFacts, all bool) ([]tensorFacts, others) {
	rest := others{kinds: make(map[string]int)}
	var shown []tensorFacts
	for _, x := range tensors {
		if x.kind == "" {
			shown = append(shown, x)
			continue
		}
		rest.n++
		rest.bytes += x.Bytes
		rest.kinds[x.kind]++
	}
	switch {
	case all:
		return tensors, others{}
	case rest.n < 2:
		return stacked(tensors), others{}
	}
	return stacked(shown), rest
}

// text says how many there are, of which kinds, the commonest first: "65 vectors and single
// values".
func (o others) text() string {
	names := slices.Sorted(maps.Keys(o.kinds))
	commonest := func(a, b string) int { return cmp.Compare(o.kinds[b], o.kinds[a]) }
	slices.SortStableFunc(names, commonest)
	list := strings.Join(names, ", ")
	if i := strings.LastIndex(list, ", "); i >= 0 {
		list = list[:i] + " and " + list[i+len(", "):]
	}
	return fmt.Sprintf("%d %s", o.n, list)
}

func (r *inspectReport) document() document {
	head := []string{"~tensor", "shape", "dtype", ">bytes"}
	if r.Codebook != nil {
		head = append(head, ">resident", ">bits", ">error", "stored as")
	}
	t := table{head: head}
	passed := func(x tensorFacts) []string { // the cells of a tensor that is no layer
		cells := make([]string, len(head)-4)
		if r.Codebook != nil {
			cells[len(cells)-1] = cmp.Or(x.KeptAs, "unchanged")
		}
		return cells
	}
	shown, rest := matrices(r.Tensors, r.all)
	for _, x := range shown {
		cells := passed(x)
		if x.layerFacts != nil {
			cells = append([]string{fmt.Sprintf("%.2f", x.Resident)}, x.cells()...)
		}
		t.add(append([]string{x.Name, shapeText(x.Shape), x.DType, grouped(x.Bytes)}, cells...)...)
	}
	hint := ""
	if rest.n > 0 {
		cells := []string{rest.text(), "", "", grouped(rest.bytes)}
		t.add(append(cells, passed(tensorFacts{})...)...)
	}
	if len(shown) < len(r.Tensors) {
		hint = "; --all lists each"
	}
	var f facts
	f.add("file", "%s, %s bytes", r.File, grouped(r.Size))
	if c := r.Codebook; c != nil {
		f.add("kind", "codebook file, format %d, made by %s", c.Version, c.Producer)
		f.add("settings", "%s", c.Settings)
		f.add("layers", "%d, %s weights, %.2f bits each, error %.4f",
			c.Layers, grouped(c.Weights), c.BitsStored, c.WeightError)
		f.addWorst(c.worstFacts)
	} else {
		f.add("kind", "safetensors file")
	}
	f.add("tensors", "%d%s", len(r.Tensors), hint)
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		f.add("metadata", "%s: %q", key, r.Metadata[key])
	}
	return document{f, &t}
}
