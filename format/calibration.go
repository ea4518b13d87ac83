package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

// Calibration is an open file that says how large the inputs of a model's layers are. Tensors are
// read at each call, nothing is kept: a matrix of 11,008 columns takes 484 MB. Its methods may be
// called at the same time.
type Calibration struct {
	file *File
	// counts has, for each tensor of an importance matrix, what its sums are to be divided by,
	// those of each expert of a mixture if there are several; nil for a safetensors file.
	counts map[string][]float64
}

// OpenCalibration opens a calibration file and checks what its header says. What it is shows in its
// first bytes:
//
//   - A safetensors file that has, under the name of each weight matrix [rows, cols], a tensor F32
//     or F64: E[x^2] of every input column [cols], or E[x x^T] [cols, cols]. For a stack [experts,
//     rows, cols] it may be that of each expert, [experts, cols] or [experts, cols, cols]; one of
//     the former shapes is that of all, [experts, cols] of as many experts as columns too. Beside
//     it, or in its place, NAME.lookups [rows] and NAME.sensitivity, one value, have what Lookups
//     and Sensitivity of [moments.Moments] are for the matrix NAME.
//   - An importance matrix of llama.cpp, in GGUF or the older form (.dat), which has E[x^2].
//
// The tensors of an importance matrix may have ggml's names where the model's are those of a BERT,
// a Llama or a mixture of experts of Hugging Face. A stack that is compressed as a whole has one
// scale for each column: it gets the mean over its experts, each as often as it was chosen.
func OpenCalibration(path string) (*Calibration, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	c, err := NewCalibration(f, size, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	c.file.shards[0].closer = f
	return c, nil
}

// NewCalibration is OpenCalibration for a file of this size that is read from r. Messages call it
// by the name. r is not closed.
func NewCalibration(r io.ReaderAt, size int64, name string) (*Calibration, error) {
	var start [8]byte
	n, _ := r.ReadAt(start[:], 0)
	scan := scanImatrix
	switch {
	case string(start[:4]) == ggufMagic:
		scan = scanGGUF
	case n == len(start) && looksLikeImatrix(start):
	default:
		file, err := NewFile(r, size, name)
		if err != nil {
			return nil, err
		}
		return &Calibration{file: file.Whole()}, nil
	}
	entries, counts, err := scan(r, size)
	if err != nil {
		return nil, at(name, err)
	}
	file, err := withShard(&shard{r: r, path: name, size: size, layout: &layout{entries: entries}})
	return &Calibration{file, counts}, err
}

// Close closes a file that was opened by its path. It does nothing to the reader of NewCalibration.
func (c *Calibration) Close() error { return c.file.Close() }

// Path is the path that the file was opened with, or the name that NewCalibration was given.
func (c *Calibration) Path() string { return c.file.Path() }

// Moments returns what is known of the tensor of this name, which has cols columns; nil where the
// file has nothing, and for experts that no token has reached.
func (c *Calibration) Moments(ctx context.Context, name string, cols int) (
	*moments.Moments, error) {
	var m *moments.Moments
	if e, expert := c.find(name); e != nil {
		var err error
		if m, err = c.read(ctx, e, expert, cols); err != nil {
			return nil, atTensor(c.Path(), e.Name, err)
		}
	}
	return c.readBeside(ctx, name, m)
}

// What a safetensors file has of a tensor beside moments, under names with these ends.
const (
	ofLookups     = ".lookups"
	ofSensitivity = ".sensitivity"
)

// readBeside adds what is known beside the moments, if there is any.
func (c *Calibration) readBeside(ctx context.Context, name string, m *moments.Moments) (
	*moments.Moments, error) {
	lookups, err := c.vector(ctx, name+ofLookups)
	if err != nil {
		return nil, err
	}
	sensitivity, err := c.vector(ctx, name+ofSensitivity)
	if err == nil && len(sensitivity) > 1 {
		err = atTensor(c.Path(), name+ofSensitivity, fmt.Errorf("has %d values, expected one",
			len(sensitivity)))
	}
	if err != nil || lookups == nil && sensitivity == nil {
		return m, err
	}
	if m == nil {
		m = new(moments.Moments)
	}
	m.Lookups = lookups
	for _, v := range sensitivity {
		m.Sensitivity = float64(v)
	}
	return m, nil
}

// vector reads a list of values, each 0 or more; nil where there is none of this name.
func (c *Calibration) vector(ctx context.Context, name string) (values []float32, err error) {
	e := c.file.find(name)
	if e == nil || c.counts != nil {
		return nil, nil
	}
	if dtype.Of(e.DType).Wide() && len(e.Shape) <= 1 {
		values, err = c.file.values(ctx, e, io.Discard)
	} else {
		err = fmt.Errorf("%s %s, expected a list of F32 or F64", e.DType, shapeText(e.Shape))
	}
	for i, v := range values {
		if err == nil && !(v >= 0 && v <= math.MaxFloat32) {
			err = fmt.Errorf("value %d is %v, expected 0 or more", i, v)
		}
	}
	if err != nil {
		return nil, atTensor(c.Path(), name, err)
	}
	return values, nil
}

// read returns the moments of one expert, or of all together.
func (c *Calibration) read(ctx context.Context, e *entry, expert, cols int) (
	*moments.Moments, error) {
	kind := dtype.Of(e.DType)
	if !kind.Wide() {
		return nil, fmt.Errorf("dtype %s, expected F32 or F64", e.DType)
	}
	if cols < 1 {
		return nil, fmt.Errorf("moments of %d columns", cols)
	}
	experts, each, err := c.experts(e, cols)
	if err != nil {
		return nil, err
	}
	if experts == 1 {
		expert = all // that of one is that of all
	}
	if expert >= experts {
		return nil, fmt.Errorf("shape %s has no expert %d", shapeText(e.Shape), expert)
	}
	first, part := 0, *e
	if expert != all {
		if first, part.Shape = expert, e.Shape[1:]; inOneRow(e) {
			part.Shape = []int{each}
		}
		part.Bytes = e.Bytes / int64(experts)
		part.begin += int64(expert) * part.Bytes
	}
	values, err := c.file.values(ctx, &part, io.Discard)
	if err != nil {
		return nil, err
	}
	if i := slices.Index(values, kind.Largest); i >= 0 && kind.Clamped() {
		return nil, fmt.Errorf("value %d is beyond float32", first*each+i)
	}
	if values = mean(values, c.tally(e.Name, values, first, experts, each)); values == nil {
		return nil, nil
	}
	return moments.New(values, cols)
}

// experts checks the shape of moments and returns how many experts they are of, and how many values
// are of each.
func (c *Calibration) experts(e *entry, cols int) (experts, each int, err error) {
	n, s := len(e.Shape), e.Shape
	switch {
	case n == 1 && s[0] == cols:
		return 1, cols, nil
	case n == 2 && c.counts == nil && s[0] == cols && s[1] == cols:
		return 1, cols * cols, nil
	case n == 2 && s[1] == cols && s[0] > 0:
		return s[0], cols, nil
	case n == 3 && c.counts == nil && s[0] > 0 && s[1] == cols && s[2] == cols:
		return s[0], cols * cols, nil
	case n == 1 && inOneRow(e) && s[0] > 0 && s[0]%cols == 0:
		return s[0] / cols, cols, nil
	}
	text := shapeText([]int{cols})
	if c.counts != nil {
		return 0, 0, fmt.Errorf("shape %s, expected %s, an importance for each input column, "+
			"or [experts, %d]", shapeText(s), text, cols)
	}
	return 0, 0, fmt.Errorf("shape %s, expected %s, E[x^2] for each input column, [experts, %d], "+
		"%s, E[x x^T], or [experts, %d, %d]", shapeText(s), text, cols,
		shapeText([]int{cols, cols}), cols, cols)
}

// inOneRow reports whether all experts are in one row: the older form of an importance matrix has
// no shapes.
func inOneRow(e *entry) bool {
	return len(e.Shape) == 1 && strings.Contains(e.Name, ggmlExperts)
}

// tally returns what the sums of experts, from the first on, are to be divided by, 0 for those that
// no token has reached. Where several have no counts of their own, values that are all 0, or all 1
// in the older form of an importance matrix, are of such.
func (c *Calibration) tally(name string, values []float32, first, experts, each int) []float64 {
	counts := c.counts[name]
	n := len(values) / each
	if len(counts) == experts {
		return counts[first:][:n]
	}
	one, nothing := 1.0, float32(0)
	if len(counts) == 1 {
		one, nothing = counts[0], float32(counts[0])
	}
	own := make([]float64, n)
	for i := range own {
		seen := func(v float32) bool { return v != nothing }
		if experts == 1 || slices.ContainsFunc(values[i*each:][:each], seen) {
			own[i] = one
		}
	}
	return own
}

// mean divides the sums of experts, one after the other, together by their counts together, without
// those whose count is 0, nil if all are. It takes the slice.
func mean(values []float32, counts []float64) []float32 {
	n, total := len(values)/len(counts), 0.0
	for _, count := range counts {
		total += count
	}
	if total == 0 {
		return nil
	}
	if len(counts) == 1 { // E[x x^T] of a wide layer is large, and mostly divided by 1
		for j := 0; total != 1 && j < n; j++ {
			values[j] = float32(float64(values[j]) / total)
		}
		return values
	}
	sums := make([]float64, n)
	for i, count := range counts {
		for j := 0; count != 0 && j < n; j++ {
			sums[j] += float64(values[i*n+j])
		}
	}
	for j, v := range sums {
		values[j] = float32(v / total)
	}
	return values[:n]
}

// Transposed returns the names of matrices that the file has moments of the rows of, and not of the
// columns: those stored as [in, out], for Options.Transposed. A stack is named, not its slices.
func (c *Calibration) Transposed(tensors []codebook.Tensor) []string {
	experts := make(map[string]int) // slices of stacks
	for _, t := range tensors {
		if name, _, ok := stack.Cut(t.Name); ok {
			experts[name]++
		}
	}
	var names []string
	for _, t := range tensors {
		e, expert := c.find(t.Name)
		if e == nil || len(e.Shape) == 0 || !t.Float() || t.Vector() ||
			int(t.Folding()) != len(t.Shape)-1 {
			continue // a convolution has no other axis to fit
		}
		_, cols, _ := t.Matrix()
		t.Fold = codebook.FoldTransposed
		_, swapped, _ := t.Matrix()
		name, of := t.Name, 1 // a tensor, and how many experts it has
		for _, d := range t.Shape[:len(t.Shape)-2] {
			of *= d
		}
		switch whole, _, ok := stack.Cut(t.Name); {
		case expert == all:
		case ok:
			name, of = whole, experts[whole]
		case inOneRow(e):
			continue // nothing says how many there are
		}
		n := e.Shape[len(e.Shape)-1]
		if inOneRow(e) {
			n /= max(of, 1)
		}
		if n == swapped && n != cols && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Missing returns those of a model's tensors that the file has nothing for. It is an error that it
// has nothing for any.
func (c *Calibration) Missing(names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		if e, _ := c.find(name); e == nil && c.file.find(name+ofLookups) == nil {
			missing = append(missing, name)
		}
	}
	if len(names) == 0 || len(missing) < len(names) {
		return missing, nil
	}
	if len(c.file.entries) == 0 {
		return nil, at(c.Path(), errors.New("holds nothing"))
	}
	return nil, at(c.Path(), fmt.Errorf("has nothing for any of %d tensors: "+
		"its names are like %s, the model's like %s",
		len(names), quote(c.file.entries[0].Name), quote(names[0])))
}

// all stands for all experts of a tensor together.
const all = -1

// find returns the entry of a model's tensor, nil if there is none, and which expert of it the
// tensor is, or all. A tensor's own name goes before that of its stack, and that before ggml's.
func (c *Calibration) find(name string) (e *entry, expert int) {
	if e := c.file.find(name); e != nil {
		return e, all
	}
	expert = all
	if whole, i, ok := stack.Cut(name); ok {
		name, expert = whole, i
	}
	if e := c.file.find(name); e != nil {
		return e, expert
	}
	if c.counts == nil {
		return nil, all
	}
	for _, g := range ggmlNamesOf(name) {
		if e := c.file.find(g.name); e != nil {
			return e, max(expert, g.expert)
		}
	}
	return nil, all
}

// ggmlExperts is in the names of tensors with a matrix for each expert.
const ggmlExperts = "_exps"

// ggmlNames are the names that convert_hf_to_gguf.py of llama.cpp gives to the weight matrices of
// some families, the number of a block written as a star, that of an expert as a second one. It
// reorders rows of some of them, never columns. Gate and up have the same inputs, and are one
// tensor in some models.
var ggmlNames = []struct{ model, ggml string }{
	{"encoder.layer.*.attention.self.query.weight", "blk.*.attn_q.weight"},
	{"encoder.layer.*.attention.self.key.weight", "blk.*.attn_k.weight"},
	{"encoder.layer.*.attention.self.value.weight", "blk.*.attn_v.weight"},
	{"encoder.layer.*.attention.output.dense.weight", "blk.*.attn_output.weight"},
	{"encoder.layer.*.intermediate.dense.weight", "blk.*.ffn_up.weight"},
	{"encoder.layer.*.output.dense.weight", "blk.*.ffn_down.weight"},

	{"model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight"},
	{"model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight"},
	{"model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight"},
	{"model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight"},
	{"model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight"},
	{"model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight"},
	{"model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight"},
	{"lm_head.weight", "output.weight"},

	{"model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.mlp.router.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.mlp.experts.*.gate_proj.weight", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.mlp.experts.*.up_proj.weight", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.mlp.experts.*.down_proj.weight", "blk.*.ffn_down_exps.weight"},
	{"model.layers.*.mlp.experts.gate_proj", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.mlp.experts.up_proj", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.mlp.experts.gate_up_proj", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.mlp.experts.gate_up_proj", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.mlp.experts.gate_up_proj", "blk.*.ffn_gate_up_exps.weight"},
	{"model.layers.*.mlp.experts.down_proj", "blk.*.ffn_down_exps.weight"},
	{"model.layers.*.mlp.shared_expert.gate_proj.weight", "blk.*.ffn_gate_shexp.weight"},
	{"model.layers.*.mlp.shared_expert.up_proj.weight", "blk.*.ffn_up_shexp.weight"},
	{"model.layers.*.mlp.shared_expert.down_proj.weight", "blk.*.ffn_down_shexp.weight"},
	{"model.layers.*.mlp.shared_experts.gate_proj.weight", "blk.*.ffn_gate_shexp.weight"},
	{"model.layers.*.mlp.shared_experts.up_proj.weight", "blk.*.ffn_up_shexp.weight"},
	{"model.layers.*.mlp.shared_experts.down_proj.weight", "blk.*.ffn_down_shexp.weight"},

	{"model.layers.*.feed_forward.gate_proj.weight", "blk.*.ffn_gate.weight"},
	{"model.layers.*.feed_forward.up_proj.weight", "blk.*.ffn_up.weight"},
	{"model.layers.*.feed_forward.down_proj.weight", "blk.*.ffn_down.weight"},
	{"model.layers.*.feed_forward.router.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.feed_forward.experts.gate_up_proj", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.feed_forward.experts.gate_up_proj", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.feed_forward.experts.down_proj", "blk.*.ffn_down_exps.weight"},
	{"model.layers.*.feed_forward.shared_expert.gate_proj.weight", "blk.*.ffn_gate_shexp.weight"},
	{"model.layers.*.feed_forward.shared_expert.up_proj.weight", "blk.*.ffn_up_shexp.weight"},
	{"model.layers.*.feed_forward.shared_expert.down_proj.weight", "blk.*.ffn_down_shexp.weight"},

	{"model.layers.*.block_sparse_moe.gate.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.block_sparse_moe.experts.*.w1.weight", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.block_sparse_moe.experts.*.w3.weight", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.block_sparse_moe.experts.*.w2.weight", "blk.*.ffn_down_exps.weight"},
	{"model.layers.*.block_sparse_moe.router.layer.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.block_sparse_moe.input_linear.weight", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.block_sparse_moe.output_linear.weight", "blk.*.ffn_down_exps.weight"},
}

// ggmlName is ggml's name of a tensor, and which expert of it is meant, or all.
type ggmlName struct {
	name   string
	expert int
}

// ggmlNamesOf returns ggml's names of a model's tensor, most of which have one at most.
func ggmlNamesOf(name string) []ggmlName {
	name = strings.TrimPrefix(name, "bert.")
	name = strings.Replace(name, "language_model.", "", 1) // of a model that sees too
	var found []ggmlName
	for _, n := range ggmlNames {
		numbers, ok := numbersIn(name, n.model)
		if !ok {
			continue
		}
		g := ggmlName{n.ggml, all}
		if len(numbers) > 0 {
			g.name = strings.Replace(g.name, "*", numbers[0], 1)
		}
		if len(numbers) > 1 {
			expert, err := strconv.Atoi(numbers[1])
			if err != nil {
				continue
			}
			g.expert = expert
		}
		found = append(found, g)
	}
	return found
}

// numbersIn returns what the stars of a pattern stand for in a name, ok false if they don't stand
// for numbers.
func numbersIn(name, pattern string) (numbers []string, ok bool) {
	before, pattern, more := strings.Cut(pattern, "*")
	rest, ok := strings.CutPrefix(name, before)
	for ok && more {
		n := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		numbers = append(numbers, rest[:n])
		before, pattern, more = strings.Cut(pattern, "*")
		if n == 0 {
			return nil, false
		}
		rest, ok = strings.CutPrefix(rest[n:], before)
	}
	return numbers, ok && rest == ""
}
