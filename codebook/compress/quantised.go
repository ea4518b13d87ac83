package compress

import (
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

// quantisations lists how checkpoints hold weights that are quantised already: for each matrix STEM
// a tensor of integers, or of floats of 8 bits and less, and its scales. The first row that fits
// counts.
var quantisations = []struct {
	kind           string
	weights, scale string                                    // what follows STEM in their names
	dtypes         []string                                  // of the weights, by how they begin
	fits           func(weights, scale codebook.Tensor) bool // nil: whatever their shapes
}{
	{"GPTQ", ".qweight", ".scales", []string{"I32"}, sameOutputs},
	{"AWQ", ".qweight", ".scales", []string{"I32"}, nil},
	{"NVFP4", "", "_scale_2", []string{"U8"}, nil},
	{"compressed-tensors, packed", "_packed", "_scale", []string{"I32", "U8"}, nil},
	{"FP8 with block scales", "", "_scale_inv", []string{"F8"}, nil},
	{"FP8 with scales", "", "_scale", []string{"F8"}, nil},
	{"FP8 with scales", ".weight", ".scale_weight", []string{"F8"}, nil},
	{"FP8 with scales", ".weight", ".scale", []string{"F8"}, nil},
	{"INT8 with scales", "", "_scale", []string{"I8"}, nil},
	{"INT8 with scales", "", "_scales", []string{"I8"}, nil},
	{"bitsandbytes, 8 bits", ".weight", ".SCB", []string{"I8"}, nil},
	{"bitsandbytes, 4 bits", "", ".absmax", []string{"U8"}, nil},
	{"MLX", ".weight", ".scales", []string{"U32"}, nil},
	{"MXFP4", "_blocks", "_scales", []string{"U8"}, nil},
	{"HQQ", ".W_q", ".scale", []string{"U8", "I32"}, nil},
	{"AQLM", ".codes", ".codebooks", []string{"I8", "I16"}, nil},
	{"quanto", "._data", "._scale", []string{"I8", "U8", "F8"}, nil},
	{"integers with scales", "_quantized", "_scale", []string{"I8", "U8"}, nil},
}

// quantisedParts are names of what belongs to quantised weights. They pass through even where the
// weights are in another file, but for those that other networks have too.
var quantisedParts = []string{
	"*_scale", "*_scale_inv", "*_scale_2", "*.scales", "*_scales", "*.scale_weight", "*_zero_point",
	"*.qzeros", "*.zeros", "*absmax", "*.quant_map", "*.quant_state*", "*.SCB", "*.g_idx",
	"*.codebooks",
}

// packable reports whether a tensor can be of packed weights: of what cannot be read as floats, of
// up to 32 bits, or floats of 8 bits without scales of their own. Indices are I64, masks BOOL.
func packable(t codebook.Tensor) bool {
	kind := dtype.Of(t.DType)
	if t.Float() {
		return kind.Bits == 8 && !t.Scaled
	}
	return kind.Known() && kind.Bits <= 32 && kind.Name != dtype.Bool
}

// onlyScales is a dtype that has nothing but powers of two.
const onlyScales = "F8_E8M0"

// sameOutputs tells GPTQ, which packs along the inputs, from AWQ, which packs along the outputs,
// the last dimension.
func sameOutputs(weights, scale codebook.Tensor) bool {
	n := len(weights.Shape)
	return n > 0 && n == len(scale.Shape) && weights.Shape[n-1] == scale.Shape[n-1]
}

// quantised says what of a model belongs to weights that are quantised already.
type quantised struct {
	parts map[string]string // tensors beside the weights, stacks whole, to what they are
	kind  string            // of most weights, "" if the model has none
}

// Quantisation names the method by which most weights of a model are quantised already, such as
// "FP8 with block scales" or "GPTQ", "" where none are. It goes by the names and types of tensors.
func Quantisation(tensors []codebook.Tensor) string { return findQuantised(tensors).kind }

func findQuantised(tensors []codebook.Tensor) *quantised {
	q := &quantised{parts: make(map[string]string)}
	tensors = wholes(tensors)
	packed := make(map[string]codebook.Tensor)
	beside := make(map[string][]codebook.Tensor) // packed tensors of a module, by its name
	for _, t := range tensors {
		if packable(t) {
			packed[t.Name] = t
			beside[module(t.Name)] = append(beside[module(t.Name)], t)
		}
	}
	counts, kinds := make(map[string]int), []string{}
	count := func(kind string) {
		if counts[kind]++; counts[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	modules := make(map[string]string) // to the kind of their weights
	for _, t := range tensors {
		if kind, weights, ok := kindOf(t, packed); ok {
			q.parts[t.Name], q.parts[weights] = partOf(kind), partOf(kind)
			modules[module(weights)] = kind
			count(kind)
		}
	}
	for _, t := range tensors {
		if _, known := q.parts[t.Name]; known || !t.Float() && t.DType != onlyScales {
			continue
		}
		if w, ok := scaledBy(t, packed, beside); ok {
			kind := modules[module(w.Name)]
			if kind == "" {
				kind = w.DType + " with scales"
				count(kind)
			}
			q.parts[t.Name], q.parts[w.Name] = partOf(kind), partOf(kind)
		} else if matchAny(quantisedParts, t.Name) {
			q.parts[t.Name] = "named like a part of quantised weights"
		}
	}
	for _, kind := range kinds {
		if counts[kind] > counts[q.kind] {
			q.kind = kind
		}
	}
	return q
}

// wholes returns tensors with one for each stack of floats in place of its slices: scales of packed
// weights, which are whole.
func wholes(tensors []codebook.Tensor) []codebook.Tensor {
	var all []codebook.Tensor
	at := make(map[string]int) // of stacks, by name
	for _, t := range tensors {
		name, _, ok := stack.Cut(t.Name)
		if !ok || !t.Float() {
			all = append(all, t)
			continue
		}
		i, known := at[name]
		if !known {
			i, at[name] = len(all), len(all)
			t.Name, t.Shape = name, slices.Concat([]int{0}, t.Shape)
			all = append(all, t)
		}
		all[i].Shape[0]++
	}
	return all
}

func partOf(kind string) string { return "a part of weights that are quantised already: " + kind }

// kindOf returns the kind of the weights that a tensor has the scales of, and the name of the
// weights.
func kindOf(scale codebook.Tensor, packed map[string]codebook.Tensor) (kind, weights string,
	ok bool) {
	for _, q := range quantisations {
		stem, ok := strings.CutSuffix(scale.Name, q.scale)
		if !ok {
			continue
		}
		w, ok := packed[stem+q.weights]
		if ok && beginsWith(w.DType, q.dtypes) && (q.fits == nil || q.fits(w, scale)) {
			return q.kind, w.Name, true
		}
	}
	return "", "", false
}

// scaledBy finds the packed tensor that floats are the scales of, or zero points: whose name begins
// alike, and whose shape they are a grid over. Floats of 8 bits are not scaled by such.
func scaledBy(t codebook.Tensor, packed map[string]codebook.Tensor,
	beside map[string][]codebook.Tensor) (codebook.Tensor, bool) {
	fits := func(w codebook.Tensor) bool {
		return isGrid(w.Shape, t.Shape) && !(w.Float() && t.Float() && packable(t))
	}
	for _, w := range beside[module(t.Name)] {
		if fits(w) {
			return w, true
		}
	}
	for _, stem := range []string{module(t.Name), t.Name[:max(0, strings.LastIndexByte(t.Name,
		'_'))]} {
		if w, ok := packed[stem]; ok && fits(w) {
			return w, true
		}
	}
	return codebook.Tensor{}, false
}

// isGrid reports whether a shape has one value for each block of a matrix, whose values lie in
// words of up to 16 along one dimension.
func isGrid(matrix, shape []int) bool {
	if len(shape) < 2 || len(shape) != len(matrix) {
		return false
	}
	words, values, blocks := 0, int64(1), int64(1)
	for i, n := range matrix {
		m := shape[i]
		values, blocks = values*int64(n), blocks*int64(m)
		switch {
		case m == 0:
			return false
		case m > n:
			if words++; words > 1 || n == 0 || m%n != 0 || m/n > 16 {
				return false
			}
		case ceilDiv(n, ceilDiv(n, m)) != m: // not m blocks, of which the last may be shorter
			return false
		}
	}
	return blocks < values
}

// module is a name without what follows its last dot.
func module(name string) string { return name[:max(0, strings.LastIndexByte(name, '.'))] }

func beginsWith(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
