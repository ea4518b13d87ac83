package format

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
)

// Calibration is an open file that says how large the inputs of a model's layers are. Tensors are read at each call,
// nothing is kept: a matrix of 11,008 columns takes 484 MB. Its methods may be called at the same time.
type Calibration struct {
	file *File
	// counts has, for each tensor of an importance matrix, what its sums are to be divided by; nil for a safetensors file.
	counts map[string]float64
}

// OpenCalibration opens a calibration file and checks what its header says. What it is shows in its first bytes:
//
//   - A safetensors file that has, under the name of each weight matrix [rows, cols], a tensor F32 or F64: E[x^2] of every
//     input column [cols], or E[x x^T] [cols, cols].
//   - An importance matrix of llama.cpp, in GGUF or the older form (.dat), which has E[x^2].
//
// The tensors of an importance matrix may have ggml's names where the model's are those of a BERT or a Llama of
// Hugging Face.
func OpenCalibration(path string) (*Calibration, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	c, err := newCalibration(f, path, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// newCalibration checks the header of what is open under this path.
func newCalibration(f reader, path string, size int64) (*Calibration, error) {
	var start [8]byte
	n, _ := f.ReadAt(start[:], 0)
	scan := scanImatrix
	switch {
	case string(start[:4]) == ggufMagic:
		scan = scanGGUF
	case n == len(start) && looksLikeImatrix(start):
	default:
		file, err := newFile(f, path, size)
		if err != nil {
			return nil, err
		}
		return &Calibration{file: file}, nil
	}
	entries, counts, err := scan(f, size)
	if err != nil {
		return nil, at(path, err)
	}
	return &Calibration{withLayout(f, path, size, &layout{entries: entries}), counts}, nil
}

// Close closes the file.
func (c *Calibration) Close() error { return c.file.Close() }

// Path is the path that the file was opened with.
func (c *Calibration) Path() string { return c.file.Path() }

// Moments returns the moments of the inputs of the tensor of this name, which has cols columns; nil where the file has none.
func (c *Calibration) Moments(name string, cols int) (*codebook.Moments, error) {
	e := c.find(name)
	if e == nil {
		return nil, nil
	}
	m, err := c.read(e, cols)
	if err != nil {
		return nil, fmt.Errorf("%s: tensor %s: %w", c.Path(), quote(e.Name), err)
	}
	return m, nil
}

func (c *Calibration) read(e *entry, cols int) (*codebook.Moments, error) {
	if e.DType != "F32" && e.DType != "F64" {
		return nil, fmt.Errorf("dtype %s, expected F32 or F64", e.DType)
	}
	vector, matrix := []int{cols}, []int{cols, cols}
	if c.counts != nil {
		matrix = nil
	}
	switch {
	case slices.Equal(e.Shape, vector) || matrix != nil && slices.Equal(e.Shape, matrix):
	case matrix == nil:
		return nil, fmt.Errorf("shape %s, expected %s, an importance for each input column", shapeText(e.Shape), shapeText(vector))
	default:
		return nil, fmt.Errorf("shape %s, expected %s, E[x^2] for each input column, or %s, E[x x^T]",
			shapeText(e.Shape), shapeText(vector), shapeText(matrix))
	}
	values, err := c.file.Floats(e.Name)
	if err != nil {
		return nil, err
	}
	if i := slices.Index(values, math.MaxFloat32); i >= 0 && e.DType == "F64" {
		return nil, fmt.Errorf("value %d is beyond float32", i)
	}
	if count, ok := c.counts[e.Name]; ok {
		for i, v := range values {
			values[i] = float32(float64(v) / count)
		}
	}
	return codebook.NewMoments(values, cols)
}

// Missing returns those of a model's tensors that the file has nothing for. It is an error that it has nothing for any.
func (c *Calibration) Missing(names []string) ([]string, error) {
	var missing []string
	for _, name := range names {
		if c.find(name) == nil {
			missing = append(missing, name)
		}
	}
	if len(names) == 0 || len(missing) < len(names) {
		return missing, nil
	}
	if len(c.file.layout.entries) == 0 {
		return nil, fmt.Errorf("%s: holds nothing", c.Path())
	}
	return nil, fmt.Errorf("%s: has nothing for any of %d tensors: its names are like %s, the model's like %s",
		c.Path(), len(names), quote(c.file.layout.entries[0].Name), quote(names[0]))
}

// find returns the entry of a model's tensor, nil if there is none. A tensor's own name goes before ggml's.
func (c *Calibration) find(name string) *entry {
	i, ok := c.file.index[name]
	if !ok && c.counts != nil {
		i, ok = c.file.index[ggmlName(name)]
	}
	if !ok {
		return nil
	}
	return &c.file.layout.entries[i]
}

// ggmlNames are the names that convert_hf_to_gguf.py of llama.cpp gives to the weight matrices of two families, the number of a
// block written as a star. It reorders rows of some of them, never columns.
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
}

// ggmlName returns ggml's name of a model's tensor, "" if it is not in the table.
func ggmlName(name string) string {
	name = strings.TrimPrefix(name, "bert.")
	for _, n := range ggmlNames {
		before, after, numbered := strings.Cut(n.model, "*")
		block, ok := strings.CutPrefix(name, before)
		if !ok {
			continue
		}
		if block, ok = strings.CutSuffix(block, after); ok && (isNumber(block) == numbered) && (numbered || block == "") {
			return strings.Replace(n.ggml, "*", block, 1)
		}
	}
	return ""
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
