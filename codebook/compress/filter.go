package compress

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/stack"
)

// filter decides from names, types and shapes what is compressed.
type filter struct {
	opts      Options
	quantised *quantised
	experts   bool // the model is a mixture of experts
	tied      bool // no matrix is there for the output alone
}

// fragile lists tensors that are small and whose errors spread. They pass through unless one is
// asked for: by its full name or by * in Include, or by an override.
var fragile = []struct {
	globs  []string
	reason string
	fits   func(f *filter, t codebook.Tensor) bool // what must be so beside the name; nil: nothing
}{
	{[]string{"*router*"}, routerReason, (*filter).fewRows},
	{[]string{"*.gate.weight", "*.gate.wg.weight", "*.gate_inp.weight"}, routerReason,
		(*filter).amongExperts},
	{
		[]string{"*position_embedding*", "*positional_embedding*", "*embed_positions*",
			"*pos_embed*", "*wpe.weight"},
		"position table: added to every token's input", nil,
	},
	{[]string{"*relative_attention_bias*"}, "position table: added to every attention score", nil},
	{[]string{"*rotary*.cos_cached", "*rotary*.sin_cached", "*freqs_cis"},
		"position table: turns every query and key", nil},
	{[]string{"*A_log"}, "state-space decay: its exponential is applied at every step", nil},
}

const routerReason = "router of a mixture of experts: a small error picks another expert"

// mixtures are names that only mixtures of experts have. Some call their experts otherwise than
// experts.
var mixtures = []string{"*expert*", "*switch_mlp*", "*block_sparse_moe*", "*.moe.*"}

// fewRows reports whether a matrix has a row for each of a few things that it chooses among.
func (f *filter) fewRows(t codebook.Tensor) bool {
	rows, cols, _ := t.Matrix()
	return rows < cols
}

// amongExperts tells a router from the gates within an expert, and of other networks, which are as
// large as their other matrices.
func (f *filter) amongExperts(t codebook.Tensor) bool {
	return f.experts && f.fewRows(t) && !strings.Contains(t.Name, "experts.")
}

// newFilter returns the filter that the options describe. A glob that is malformed or matches
// nothing is an error: a mistake, not a wish.
func newFilter(tensors []codebook.Tensor, opts Options) (*filter, error) {
	globs := slices.Concat(opts.Include, opts.Exclude, opts.Transposed)
	for _, v := range opts.Overrides {
		globs = append(globs, v.Glob)
	}
	for _, glob := range globs {
		if slices.ContainsFunc(tensors,
			func(t codebook.Tensor) bool { return stack.Match(glob, t.Name) }) {
			continue
		}
		if _, err := path.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", glob, err)
		}
		return nil, fmt.Errorf("pattern %q matches none of the %d tensors", glob, len(tensors))
	}
	f := &filter{opts: opts, quantised: findQuantised(tensors), tied: true}
	for _, t := range tensors {
		f.experts = f.experts || matchAny(mixtures, t.Name)
		f.tied = f.tied && !matchAny(outputs, t.Name)
	}
	return f, nil
}

// outputs are names of matrices that say how likely each token is next. A model that predicts
// tokens and has none takes its table of embeddings for that: these are names of such tables, in
// such models, and not in the same ones without an output.
var (
	outputs     = []string{"*lm_head.weight", "*embed_out.weight"}
	tiedOutputs = []string{"*model.embed_tokens.weight", "*transformer.wte.weight"}
)

// isOutput reports whether a table of embeddings is multiplied with for the model's output.
func (f *filter) isOutput(name string) bool { return f.tied && matchAny(tiedOutputs, name) }

// fold returns how a tensor is seen as a matrix.
func (f *filter) fold(t codebook.Tensor) codebook.Fold {
	if t.Fold == codebook.FoldByShape && len(t.Shape) >= 2 && matchAny(f.opts.Transposed, t.Name) {
		return codebook.FoldTransposed
	}
	return t.Folding()
}

// reasons are why a tensor passes through, in the order in which they are tried: each returns ""
// where it has nothing against compressing the tensor.
var reasons = []func(f *filter, t codebook.Tensor) string{
	(*filter).shape,
	(*filter).partOfQuantised,
	(*filter).excluded,
	(*filter).fragile,
	(*filter).tooNarrow,
}

// reason says why a tensor passes through, whatever its size, "" when nothing says so.
func (f *filter) reason(t codebook.Tensor) string {
	for _, against := range reasons {
		if reason := against(f, t); reason != "" {
			return reason
		}
	}
	return ""
}

func (f *filter) shape(t codebook.Tensor) string {
	_, reason := t.Kind()
	return reason
}

func (f *filter) partOfQuantised(t codebook.Tensor) string {
	name, _, isSlice := stack.Cut(t.Name)
	if reason := f.quantised.parts[t.Name]; reason != "" || !isSlice {
		return reason
	}
	return f.quantised.parts[name]
}

func (f *filter) excluded(t codebook.Tensor) string {
	for _, glob := range f.opts.Exclude {
		if stack.Match(glob, t.Name) {
			return "excluded by " + glob
		}
	}
	if len(f.opts.Include) > 0 && !matchAny(f.opts.Include, t.Name) {
		return "not included"
	}
	return ""
}

func (f *filter) fragile(t codebook.Tensor) string {
	full := func(glob string) bool { return glob == "*" || stack.Named(glob, t.Name) }
	if f.opts.group(t.Name) != 0 || slices.ContainsFunc(f.opts.Include, full) {
		return ""
	}
	for _, row := range fragile {
		switch {
		case !matchAny(row.globs, t.Name) || row.fits != nil && !row.fits(f, t):
		case len(f.opts.Include) > 0:
			return row.reason + " (include it by its full name)"
		default:
			return row.reason
		}
	}
	return ""
}

func (f *filter) tooNarrow(t codebook.Tensor) string {
	_, cols, _ := t.Matrix()
	width := f.opts.settingsOf(f.opts.group(t.Name)).Scheme.Width
	if width >= cols {
		return fmt.Sprintf("%d columns are fewer than two segments of %d", cols, width)
	}
	return ""
}

// fileBytes is about what a codebook of a matrix takes.
func (f *filter) fileBytes(t codebook.Tensor) int64 {
	rows, cols, _ := t.Matrix()
	settings := f.opts.settingsOf(f.opts.group(t.Name))
	return quant.FileBytes(settings.Scheme, rows, cols, settings.Bits)
}

func matchAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return stack.Match(glob, name) })
}
