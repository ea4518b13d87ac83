package compress

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
)

// choice decides from names, types and shapes what is compressed.
type choice struct {
	opts      Options
	quantised *quantised
	experts   bool // the model is a mixture of experts
}

// fragile lists tensors that are small and whose errors spread. They pass through unless one is
// asked for: by its full name or by * in Include, or by an override.
var fragile = []struct {
	globs  []string
	reason string
	fits   func(c *choice, t codebook.Tensor) bool // what must be so beside the name; nil: nothing
}{
	{[]string{"*router*"}, routerReason, (*choice).fewRows},
	{[]string{"*.gate.weight", "*.gate.wg.weight", "*.gate_inp.weight"}, routerReason,
		(*choice).amongExperts},
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
func (c *choice) fewRows(t codebook.Tensor) bool {
	rows, cols, _ := t.Matrix()
	return rows < cols
}

// amongExperts tells a router from the gates within an expert, and of other networks, which are as
// large as their other matrices.
func (c *choice) amongExperts(t codebook.Tensor) bool {
	return c.experts && c.fewRows(t) && !strings.Contains(t.Name, "experts.")
}

// newChoice checks the globs: one that is malformed or matches nothing is a mistake, not a wish.
func newChoice(tensors []codebook.Tensor, opts Options) (*choice, error) {
	globs := slices.Concat(opts.Include, opts.Exclude, opts.Transposed)
	for _, v := range opts.Overrides {
		globs = append(globs, v.Glob)
	}
	for _, glob := range globs {
		if slices.ContainsFunc(tensors,
			func(t codebook.Tensor) bool { return match(glob, t.Name) }) {
			continue
		}
		if _, err := path.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", glob, err)
		}
		return nil, fmt.Errorf("pattern %q matches none of the %d tensors", glob, len(tensors))
	}
	c := &choice{opts: opts, quantised: findQuantised(tensors)}
	for _, t := range tensors {
		c.experts = c.experts || matchAny(mixtures, t.Name)
	}
	return c, nil
}

// fold returns how a tensor is seen as a matrix.
func (c *choice) fold(t codebook.Tensor) codebook.Fold {
	if t.Fold == codebook.FoldByShape && len(t.Shape) >= 2 && matchAny(c.opts.Transposed, t.Name) {
		return codebook.FoldTransposed
	}
	return t.Folding()
}

// reasons are why a tensor passes through, in the order in which they are tried: each returns ""
// where it has nothing against compressing the tensor.
var reasons = []func(c *choice, t codebook.Tensor) string{
	(*choice).shape,
	(*choice).partOfQuantised,
	(*choice).excluded,
	(*choice).fragile,
	(*choice).columns,
}

// reason says why a tensor passes through, whatever its size, "" when nothing says so.
func (c *choice) reason(t codebook.Tensor) string {
	for _, f := range reasons {
		if reason := f(c, t); reason != "" {
			return reason
		}
	}
	return ""
}

func (c *choice) shape(t codebook.Tensor) string {
	_, reason := t.Kind()
	return reason
}

func (c *choice) partOfQuantised(t codebook.Tensor) string { return c.quantised.parts[t.Name] }

func (c *choice) excluded(t codebook.Tensor) string {
	for _, glob := range c.opts.Exclude {
		if match(glob, t.Name) {
			return "excluded by " + glob
		}
	}
	if len(c.opts.Include) > 0 && !matchAny(c.opts.Include, t.Name) {
		return "not included"
	}
	return ""
}

func (c *choice) fragile(t codebook.Tensor) string {
	if c.opts.group(t.Name) != 0 || slices.Contains(c.opts.Include, t.Name) ||
		slices.Contains(c.opts.Include, "*") {
		return ""
	}
	for _, f := range fragile {
		switch {
		case !matchAny(f.globs, t.Name) || f.fits != nil && !f.fits(c, t):
		case len(c.opts.Include) > 0:
			return f.reason + " (include it by its full name)"
		default:
			return f.reason
		}
	}
	return ""
}

func (c *choice) columns(t codebook.Tensor) string {
	_, cols, _ := t.Matrix()
	width := c.opts.settingsOf(c.opts.group(t.Name)).Scheme.Width
	if width >= cols {
		return fmt.Sprintf("%d columns are fewer than two segments of %d", cols, width)
	}
	return ""
}

// fileBytes is about what a codebook of a matrix takes.
func (c *choice) fileBytes(t codebook.Tensor) int64 {
	rows, cols, _ := t.Matrix()
	settings := c.opts.settingsOf(c.opts.group(t.Name))
	return quant.FileBytes(settings.Scheme, rows, cols, settings.Bits)
}

// match is path.Match without its special case: a star matches slashes too. A name matches itself,
// whatever is in it.
func match(glob, name string) bool {
	if glob == name {
		return true
	}
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(noSlash(glob), noSlash(name))
	return ok && err == nil
}

func matchAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return match(glob, name) })
}
