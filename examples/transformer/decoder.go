package transformer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/palettize/palettize/codebook"
)

// Decoder says what comes next in texts, with a model of the Llama type: RMSNorm before each part
// of a layer, rotary positions, heads of queries that share their keys and values, and SwiGLU.
// Such are Mistral's too, and Qwen's of the second and third kind. Its methods may be called at the
// same time, but for those that change what it does.
type Decoder struct {
	model   *codebook.Model
	threads int
	decoderSizes
	epsilon float32
	rotary  rotary

	words  string // the table of tokens
	layers []decoderLayer
	gain   []float32 // of the norm behind the layers
	head   string    // the matrix that says how likely each token is next

	see    Watcher    // nil: nobody looks at the inputs of layers
	tables *KeyTables // nil: texts keep their keys as they are
}

type decoderSizes struct {
	vocabulary, positions, width, inner int
	heads, keyHeads, headWidth          int
}

// decoderLayer has the names of linear layers, which may have a bias, and the gains of norms.
type decoderLayer struct {
	beforeAttention        []float32
	query, key, value, out string
	ofQuery, ofKey         []float32 // of the norms of each head; nil: there are none
	window                 int       // how many tokens one sees, itself included; 0: all
	beforeLinear           []float32
	gate, up, down         string
}

// decoderTypes are the model types that are known, and what they have beyond a Llama.
var decoderTypes = map[string]struct {
	biases bool // of queries, keys and values
	norms  bool // of each head of queries and keys
}{"llama": {}, "mistral": {}, "qwen2": {biases: true}, "qwen3": {norms: true}}

// NewDecoder returns a decoder that multiplies with the model's matrices, whose names are those of
// Hugging Face's LlamaForCausalLM. The config must be there, since shapes do not say all of it;
// what it asks for and is not there is an error that names it.
// Attention is spread over as many goroutines as threads; how many multiply, the model says.
// Tensors that are missing or of another shape than the config calls for are errors that name them.
func NewDecoder(ctx context.Context, model *codebook.Model, config Config, threads int) (
	*Decoder, error) {
	if setErr != nil {
		return nil, setErr
	}
	d := &Decoder{model: model, threads: max(1, threads)}
	if err := d.configure(config); err != nil {
		return nil, err
	}
	l := loader{ctx: ctx, model: model, names: model.Names()}
	return d, d.load(&l, config)
}

// mostOf bounds what a config may ask for, far beyond any model.
const mostOf = 1 << 24

func (d *Decoder) configure(c Config) error {
	if _, ok := decoderTypes[c.Type]; !ok {
		return fmt.Errorf("the model type %q is not supported, only %s", c.Type,
			strings.Join(slices.Sorted(maps.Keys(decoderTypes)), ", "))
	}
	if c.Activation != "" && c.Activation != "silu" {
		return fmt.Errorf("the activation %q is not supported, only \"silu\"", c.Activation)
	}
	for _, n := range []struct {
		what string
		is   int
	}{
		{"vocab_size", c.Vocabulary}, {"hidden_size", c.Width}, {"num_hidden_layers", c.Layers},
		{"intermediate_size", c.Inner}, {"num_attention_heads", c.Heads},
		{"max_position_embeddings", c.MaxPositions},
	} {
		if n.is < 1 || n.is > mostOf {
			return fmt.Errorf("config.json: %s is %d, expected 1 to %d", n.what, n.is, mostOf)
		}
	}
	d.decoderSizes = decoderSizes{
		vocabulary: c.Vocabulary, positions: c.MaxPositions, width: c.Width, inner: c.Inner,
		heads: c.Heads, keyHeads: cmp.Or(c.KeyHeads, c.Heads),
		headWidth: cmp.Or(c.HeadWidth, c.Width/c.Heads),
	}
	if d.keyHeads < 1 || d.heads%d.keyHeads != 0 || d.headWidth < 2 || d.headWidth%2 != 0 ||
		d.headWidth > mostOf/d.heads {
		return fmt.Errorf("config.json: %d heads of %d columns, which share %d of keys", d.heads,
			d.headWidth, d.keyHeads)
	}
	theta, scaling := c.rope()
	if err := scaling.check(); err != nil {
		return err
	}
	if part := c.partialRotary(); part != 1 {
		return fmt.Errorf("config.json: partial_rotary_factor %v is not supported, only 1", part)
	}
	if !(theta > 1) || math.IsInf(theta, 0) || !(c.RMSEpsilon >= 0) {
		return fmt.Errorf("config.json: rope_theta is %v, rms_norm_eps %v", theta, c.RMSEpsilon)
	}
	d.epsilon = cmp.Or(c.RMSEpsilon, 1e-6)
	d.rotary = newRotary(d.headWidth, theta, scaling)
	return nil
}

func (d *Decoder) load(l *loader, config Config) error {
	const words, layer, head = "embed_tokens.weight", "layers.%d.", "lm_head"
	at := slices.IndexFunc(l.names, func(n string) bool { return strings.HasSuffix(n, words) })
	if at < 0 {
		return fmt.Errorf("no decoder of the Llama type: tensor %q: %w", "model."+words,
			codebook.ErrNoTensor)
	}
	d.words = l.names[at]
	l.prefix = strings.TrimSuffix(d.words, words)
	if l.has(fmt.Sprintf(layer, config.Layers)) {
		return fmt.Errorf("more layers than the %d that config.json says", config.Layers)
	}
	l.matrix(words, d.vocabulary, d.width)
	windows, err := config.windows()
	if err != nil {
		return err
	}
	kind := decoderTypes[config.Type]
	biases := kind.biases || config.AttentionBias
	queries, keys := d.heads*d.headWidth, d.keyHeads*d.headWidth
	for i := range config.Layers {
		at := fmt.Sprintf(layer, i)
		d.layers = append(d.layers, decoderLayer{
			beforeAttention: l.values(at+"input_layernorm.weight", d.width),
			query:           l.module(at+"self_attn.q_proj", queries, d.width, biases),
			key:             l.module(at+"self_attn.k_proj", keys, d.width, biases),
			value:           l.module(at+"self_attn.v_proj", keys, d.width, biases),
			out:             l.module(at+"self_attn.o_proj", d.width, queries, config.AttentionBias),
			window:          windows[i],
			beforeLinear:    l.values(at+"post_attention_layernorm.weight", d.width),
			gate:            l.module(at+"mlp.gate_proj", d.inner, d.width, config.InnerBias),
			up:              l.module(at+"mlp.up_proj", d.inner, d.width, config.InnerBias),
			down:            l.module(at+"mlp.down_proj", d.width, d.inner, config.InnerBias),
		})
		if kind.norms {
			layer := &d.layers[i]
			layer.ofQuery = l.values(at+"self_attn.q_norm.weight", d.headWidth)
			layer.ofKey = l.values(at+"self_attn.k_norm.weight", d.headWidth)
		}
		if l.err != nil {
			return l.err
		}
	}
	d.gain = l.values("norm.weight", d.width)
	l.prefix = ""
	_, own := slices.BinarySearch(l.names, head+".weight")
	if own || config.Tied != nil && !*config.Tied {
		d.head = l.module(head, d.vocabulary, d.width, false)
	} else {
		d.head = strings.TrimSuffix(d.words, ".weight")
	}
	return l.err
}

// module checks a linear layer and returns its name. It may have a bias, or must have one.
func (l *loader) module(name string, rows, cols int, biased bool) string {
	l.matrix(name+".weight", rows, cols)
	bias := name + ".bias"
	if _, has := slices.BinarySearch(l.names, l.prefix+bias); has || biased {
		l.values(bias, rows)
	}
	return l.prefix + name
}

// Vocabulary is how many tokens there are: a text has numbers below it.
func (d *Decoder) Vocabulary() int { return d.vocabulary }

// Table is the name of the table whose rows stand for tokens.
func (d *Decoder) Table() string { return d.words }

// Positions is the most tokens that a text may have.
func (d *Decoder) Positions() int { return d.positions }

// Watch shows what enters linear layers from now on to see, or to nobody if that is nil. That of
// the matrix that says how likely tokens are shows where logits are asked for.
func (d *Decoder) Watch(see Watcher) { d.see = see }

// KeepKeys has texts that are begun from now on keep their keys as codes of these tables, or as
// they are if that is nil. See [Text] for those that stay as they are.
func (d *Decoder) KeepKeys(tables *KeyTables) error {
	if tables != nil {
		if err := tables.check(len(d.layers), d.keyHeads, d.headWidth); err != nil {
			return err
		}
	}
	d.tables = tables
	return nil
}

// blockTokens is how many tokens of a text go through the layers together, at most: fewer would
// read the weights more often, more would not stay in the second cache. The values of as many are
// stored together, transposed, and their keys become codes together.
const blockTokens = 64

// Text is a text that grows: what the layers keep of its tokens, so that each goes through them
// once. Its methods must not be called at the same time; those of several texts may.
//
// With [Decoder.KeepKeys] a token's keys become codes when the block of 64 tokens behind its own is
// full. Those of the first block never do: where a model has nothing to look at, it looks at the
// first token, of SmolLM2-135M nearly always. Both are cheap, and errors would be several times as
// large without.
type Text struct {
	d      *Decoder
	tokens int
	most   int
	layers []cache
	see    func(layer, head int, queries, keys []float32) // nil: nobody looks at these

	x, y, q, k, v []float32 // [tokens of a chunk, width or heads times their width]
	gate, up      []float32 // [tokens of a chunk, inner]
	cos, sin      []float32 // [tokens of a chunk, half of a head's width]
	logits        []float32 // [tokens of a chunk, vocabulary]

	// What goroutines share that attend for a chunk, a head of keys at a time.
	layer   int
	next    atomic.Int64
	running sync.WaitGroup
	workers []func() // so that starting one allocates nothing
	errs    []error  // of each
}

// cache has the keys and values of a layer, by heads that share them, with room for some tokens.
type cache []headCache

type headCache struct {
	// Turned to their places, [tokens, width of a head]: all, or those of the first block and of
	// what follows the keys that are codes.
	keys   []float32
	codes  *codebook.KeyCache // of whole blocks behind the first one; nil: none
	values []float32          // [blocks of tokens, width of a head, blockTokens]
}

// NewText returns an empty text of up to this many tokens. What it keeps of them grows with them.
func (d *Decoder) NewText(most int) (*Text, error) { return d.newText(most, d.tables) }

func (d *Decoder) newText(most int, tables *KeyTables) (*Text, error) {
	if most < 1 || most > d.positions {
		return nil, fmt.Errorf("a text of %d tokens, the model takes 1 to %d", most, d.positions)
	}
	t := &Text{d: d, most: most, layers: make([]cache, len(d.layers))}
	for i := range t.layers {
		t.layers[i] = make(cache, d.keyHeads)
		for h := 0; tables != nil && h < d.keyHeads; h++ {
			t.layers[i][h].codes = tables.heads[i][h].attention.NewCache()
		}
	}
	t.workers = make([]func(), min(d.threads, d.keyHeads))
	t.errs = make([]error, len(t.workers))
	for i := range t.workers {
		h := new(headSpace)
		t.workers[i] = func() { t.errs[i] = t.attend(h); t.running.Done() }
	}
	return t, nil
}

// Len is the number of tokens of the text.
func (t *Text) Len() int { return t.tokens }

// Bytes is what the text keeps of its tokens, in memory.
func (t *Text) Bytes() int64 {
	n := int64(0)
	for _, c := range t.layers {
		for _, h := range c {
			n += 4 * int64(cap(h.keys)+cap(h.values))
			if h.codes != nil {
				n += h.codes.BitsResident() / 8
			}
		}
	}
	return n
}

// Append adds tokens to the text and returns how likely each token is to come next: its logit, the
// logarithm of its probability but for a number that is the same for all. The result is valid until
// the next call. After an error the text is as long as it was, or, once ctx is done, as far as it
// has come.
func (t *Text) Append(ctx context.Context, tokens []int) (logits []float32, err error) {
	err = t.append(ctx, tokens, nil)
	return t.logits, err
}

// AppendEach is Append, and shows see the logits of what comes after each of the tokens, in turn.
func (t *Text) AppendEach(ctx context.Context, tokens []int, see func(logits []float32)) error {
	return t.append(ctx, tokens, see)
}

func (t *Text) append(ctx context.Context, tokens []int, see func(logits []float32)) error {
	if len(tokens) == 0 {
		return errors.New("no tokens")
	}
	if len(tokens) > t.most-t.tokens {
		return fmt.Errorf("%d tokens and %d more, there is room for %d", t.tokens, len(tokens), t.most)
	}
	for _, token := range tokens {
		if token < 0 || token >= t.d.vocabulary {
			return fmt.Errorf("token %d is none of the %d that the model has", token, t.d.vocabulary)
		}
	}
	for len(tokens) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(tokens), blockTokens-t.tokens%blockTokens)
		if err := t.chunk(tokens[:n]); err != nil {
			return err
		}
		tokens = tokens[n:]
		t.tokens += n
		if see == nil && len(tokens) > 0 {
			continue
		}
		wanted := 1
		if see != nil {
			wanted = n
		}
		if err := t.predict(n, wanted); err != nil {
			return err
		}
		for i := 0; see != nil && i < wanted; i++ {
			see(t.logits[i*t.d.vocabulary:][:t.d.vocabulary])
		}
	}
	return nil
}

// chunk takes tokens through all layers, behind those that the text has.
func (t *Text) chunk(tokens []int) error {
	d, n := t.d, len(tokens)
	half := d.headWidth / 2
	t.x, t.y = grow(t.x, n*d.width), grow(t.y, n*d.width)
	t.q, t.k = grow(t.q, n*d.heads*d.headWidth), grow(t.k, n*d.keyHeads*d.headWidth)
	t.v = grow(t.v, len(t.k))
	t.gate, t.up = grow(t.gate, n*d.inner), grow(t.up, n*d.inner)
	t.cos, t.sin = grow(t.cos, n*half), grow(t.sin, n*half)
	for i, token := range tokens {
		if err := d.model.Row(t.x[i*d.width:][:d.width], d.words, token); err != nil {
			return err
		}
		d.rotary.angles(t.cos[i*half:], t.sin[i*half:], t.tokens+i)
	}
	for i := range d.layers {
		if err := t.through(i, n); err != nil {
			return err
		}
	}
	return nil
}

// through takes x, of n tokens, through a layer.
func (t *Text) through(i, n int) error {
	d, l := t.d, &t.d.layers[i]
	t.layer = i
	t.norm(l.beforeAttention)
	d.watch(t.y, n, l.query, l.key, l.value)
	if err := errors.Join(
		d.model.Linear(t.q, l.query, t.y, n),
		d.model.Linear(t.k, l.key, t.y, n),
		d.model.Linear(t.v, l.value, t.y, n),
	); err != nil {
		return err
	}
	if err := t.spread(n); err != nil {
		return err
	}
	d.watch(t.q, n, l.out)
	if err := d.model.Linear(t.y, l.out, t.q, n); err != nil {
		return err
	}
	t.add()
	t.norm(l.beforeLinear)
	d.watch(t.y, n, l.gate, l.up)
	if err := errors.Join(
		d.model.Linear(t.gate, l.gate, t.y, n),
		d.model.Linear(t.up, l.up, t.y, n),
	); err != nil {
		return err
	}
	set.SwiGLU(t.gate, t.up)
	d.watch(t.gate, n, l.down)
	if err := d.model.Linear(t.y, l.down, t.gate, n); err != nil {
		return err
	}
	t.add()
	return nil
}

// watch shows the inputs of linear layers, of n tokens, to who wants to see them.
func (d *Decoder) watch(x []float32, n int, linears ...string) {
	if d.see == nil {
		return
	}
	weights := make([]string, len(linears))
	for i, name := range linears {
		weights[i] = name + ".weight"
	}
	d.see(x, len(x)/n, weights...)
}

// norm writes x, normalised token by token, to y.
func (t *Text) norm(gain []float32) {
	for i := 0; i < len(t.x); i += len(gain) {
		RMSNorm(t.y[i:][:len(gain)], t.x[i:][:len(gain)], gain, t.d.epsilon)
	}
}

// add adds y to x.
func (t *Text) add() { set.AddRows(t.x, t.x, t.y[:len(t.x)]) }

// predict writes the logits of the last of the n tokens of a chunk, as many as wanted.
func (t *Text) predict(n, wanted int) error {
	d := t.d
	t.logits = grow(t.logits, wanted*d.vocabulary)
	x := t.x[(n-wanted)*d.width:]
	y := t.y[:len(x)]
	for i := 0; i < len(x); i += d.width {
		RMSNorm(y[i:][:d.width], x[i:][:d.width], d.gain, d.epsilon)
	}
	d.watch(y, wanted, d.head)
	return d.model.Linear(t.logits, d.head, y, wanted)
}

// alone is how many products of attention one goroutine does in less time than starting others
// takes.
const alone = 1 << 18

// spread replaces the queries of n tokens by what they see.
func (t *Text) spread(n int) error {
	t.next.Store(0)
	workers := t.workers
	if n*(t.tokens+n)*t.d.heads*t.d.headWidth < alone {
		workers = workers[:1]
	}
	t.running.Add(len(workers))
	for _, w := range workers[1:] {
		go w()
	}
	workers[0]()
	t.running.Wait()
	return cmp.Or(t.errs[:len(workers)]...)
}

// headSpace is the memory of one goroutine that attends.
type headSpace struct {
	q, scores  []float32 // [queries, width of a head], [queries, tokens]
	shares     []float32 // [queries, blockTokens]
	seen, sums []float32 // [queries, width of a head], [queries]
}

// attend does heads of keys until all are done.
func (t *Text) attend(h *headSpace) error {
	for {
		i := int(t.next.Add(1)) - 1
		if i >= t.d.keyHeads {
			return nil
		}
		if err := t.attendTo(h, i); err != nil {
			return fmt.Errorf("keys of layer %d, head %d: %w", t.layer, i, err)
		}
	}
}

// attendTo puts the keys and values of a head into the cache and replaces the queries that share it
// by what they see.
func (t *Text) attendTo(h *headSpace, head int) error {
	if err := t.layers[t.layer][head].encode(t.tokens, t.d.headWidth); err != nil {
		return err
	}
	t.keep(h, head)
	if err := t.score(h, head); err != nil {
		return err
	}
	t.mix(h, head)
	return nil
}

// coded is how many tokens have codes for keys.
func (c *headCache) coded() int {
	if c.codes == nil {
		return 0
	}
	return c.codes.Len()
}

// encode replaces keys, of so many tokens in all, by codes where enough follow them.
func (c *headCache) encode(tokens, width int) error {
	if c.codes == nil {
		return nil
	}
	const first, last = blockTokens, 2 * blockTokens
	for tokens-c.codes.Len() >= first+last {
		if err := c.codes.Append(c.keys[first*width : 2*first*width]); err != nil {
			return err
		}
		c.keys = slices.Delete(c.keys, first*width, 2*first*width)
	}
	return nil
}

// keep puts the keys and values of a head into the cache, and the queries that share it into q,
// each turned to its place.
func (t *Text) keep(h *headSpace, head int) {
	d, width, half := t.d, t.d.headWidth, t.d.headWidth/2
	n := len(t.x) / d.width
	group, old, tokens := d.heads/d.keyHeads, t.tokens, t.tokens+n
	l, c := &d.layers[t.layer], &t.layers[t.layer][head]
	fresh := (old - c.coded()) * width
	c.keys = slices.Grow(c.keys[:fresh], n*width)[:fresh+n*width]
	if blocks := (tokens + blockTokens - 1) / blockTokens; blocks*blockTokens*width > len(c.values) {
		c.values = append(c.values, make([]float32, blocks*blockTokens*width-len(c.values))...)
	}
	h.q = grow(h.q, n*group*width)
	for i := range n {
		cos, sin := t.cos[i*half:][:half], t.sin[i*half:][:half]
		at := (i*d.keyHeads + head) * width
		key := c.keys[fresh+i*width:][:width]
		copy(key, t.k[at:])
		if l.ofKey != nil {
			RMSNorm(key, key, l.ofKey, d.epsilon)
		}
		rotate(key, cos, sin)
		block := c.values[(old+i)/blockTokens*blockTokens*width:]
		for j, v := range t.v[at:][:width] {
			block[j*blockTokens+(old+i)%blockTokens] = v
		}
		q := h.q[i*group*width:][:group*width]
		copy(q, t.q[(i*d.heads+head*group)*width:])
		for ; len(q) > 0; q = q[width:] {
			if l.ofQuery != nil {
				RMSNorm(q[:width], q[:width], l.ofQuery, d.epsilon)
			}
			rotate(q[:width], cos, sin)
		}
	}
	if t.see != nil {
		t.see(t.layer, head, h.q, c.keys[fresh:])
	}
}

// score writes to scores what each query sees of each token, and to sums what all that is together.
func (t *Text) score(h *headSpace, head int) error {
	d, width := t.d, t.d.headWidth
	n := len(t.x) / d.width
	group, tokens := d.heads/d.keyHeads, t.tokens+n
	queries := n * group
	l, c := &d.layers[t.layer], &t.layers[t.layer][head]
	h.scores, h.sums = grow(h.scores, queries*tokens), grow(h.sums, queries)
	before := tokens // of the keys that are codes
	if codes := c.coded(); codes > 0 {
		before = blockTokens
		for i := range queries {
			err := c.codes.Scores(h.scores[i*tokens+before:][:codes], h.q[i*width:][:width])
			if err != nil {
				return err
			}
		}
		multiply(h.scores[before+codes:], tokens, c.keys[before*width:], h.q, width, queries)
	}
	multiply(h.scores, tokens, c.keys[:before*width], h.q, width, queries)
	scale := float32(1 / math.Sqrt(float64(width)))
	for i := range queries {
		row := h.scores[i*tokens:][:tokens]
		seen, first := t.tokens+i/group+1, 0
		if l.window > 0 {
			first = max(0, seen-l.window)
		}
		h.sums[i] = set.ExpSum(row[first:seen], scale)
		clear(row[:first])
		clear(row[seen:])
	}
	return nil
}

// mix replaces the queries by the mean of the values that their scores weigh.
func (t *Text) mix(h *headSpace, head int) {
	d, width := t.d, t.d.headWidth
	n := len(t.x) / d.width
	group, tokens := d.heads/d.keyHeads, t.tokens+n
	queries, values := n*group, t.layers[t.layer][head].values
	h.shares, h.seen = grow(h.shares, queries*blockTokens), grow(h.seen, queries*width)
	for first := 0; first < tokens; first += blockTokens {
		for i := range queries {
			row := h.scores[i*tokens+first:][:min(blockTokens, tokens-first)]
			shares := h.shares[i*blockTokens:][:blockTokens]
			clear(shares[copy(shares, row):])
		}
		multiply(h.seen, width, values[first*width:][:blockTokens*width], h.shares, blockTokens,
			queries)
		for i := range n {
			out := t.q[(i*d.heads+head*group)*width:][:group*width]
			seen := h.seen[i*group*width:][:group*width]
			if first == 0 {
				copy(out, seen)
				continue
			}
			for j, v := range seen {
				out[j] += v
			}
		}
	}
	for i := range queries {
		out := t.q[(i/group*d.heads+head*group+i%group)*width:][:width]
		share := 1 / h.sums[i]
		for j := range out {
			out[j] *= share
		}
	}
}

// multiply writes the products of w [rows, cols] with x [n, cols], those of each x stride values
// behind those of the one before.
func multiply(dst []float32, stride int, w, x []float32, cols, n int) {
	rows := len(w) / cols
	if n > 1 {
		set.DenseMat(dst, stride, w, x, rows, cols, n)
		return
	}
	set.DenseVec(dst[:rows], w, x)
}
