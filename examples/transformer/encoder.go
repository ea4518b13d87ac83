package transformer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/palettize/palettize/codebook"
)

// Encoder turns sentences into vectors with a model of the BERT type, such as all-MiniLM-L6-v2: the
// mean of what its last layer says of each token, brought to length 1. Its methods may be called at
// the same time.
type Encoder struct {
	model   *codebook.Model
	threads int
	sizes

	words    string    // the table of tokens
	position []float32 // [positions, width], what is added to a token at each place
	kind     []float32 // [width], and to all tokens
	first    normal
	layers   []encoderLayer

	see    Watcher   // nil: nobody looks at the inputs of layers
	score  Scorer    // nil: scores are exact
	plans  sync.Pool // of *plan
	spaces sync.Pool // of *space
}

type sizes struct{ vocabulary, positions, width, heads, inner int }

// encoderLayer is attention and two linear layers behind it.
type encoderLayer struct {
	query, key, value, out linear
	afterAttention         normal
	up, down               linear
	afterLinear            normal
}

// linear is a layer y = W*x + bias, by the name of its weights.
type linear struct {
	name string
	bias []float32
}

// normal is a LayerNorm.
type normal struct {
	gain, bias []float32
	eps        float32
}

// add adds y and a bias to x and normalises it, token by token.
func (n normal) add(x, y, bias []float32) { set.AddNorm(x, y, bias, n.gain, n.bias, n.eps) }

// NewEncoder returns an encoder that multiplies with the model's matrices, whose names are those
// of Hugging Face's BertModel, perhaps with "bert." in front. What the config does not say follows
// from shapes or is as usual: heads of 64 columns, or 12 heads of a model of 384. Sentences are
// spread over as many goroutines as threads; the model is best opened with one thread, then.
// Tensors that are missing or of another shape than the others call for are errors that name them.
func NewEncoder(ctx context.Context, model *codebook.Model, config Config, threads int) (
	*Encoder, error) {
	if setErr != nil {
		return nil, setErr
	}
	for _, c := range []struct{ what, is, known string }{
		{"model type", config.Type, "bert"},
		{"activation", config.Activation, "gelu"},
		{"kind of positions", config.Positions, "absolute"},
	} {
		if c.is != "" && c.is != c.known {
			return nil, fmt.Errorf("the %s %q is not supported, only %q", c.what, c.is, c.known)
		}
	}
	e := &Encoder{model: model, threads: max(1, threads)}
	e.plans.New = func() any { return new(plan) }
	e.spaces.New = func() any { return new(space) }
	l := loader{ctx: ctx, model: model, names: model.Names(), eps: cmp.Or(config.Epsilon, 1e-12)}
	if err := e.load(&l, config); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Encoder) load(l *loader, config Config) error {
	const words, layer = "embeddings.word_embeddings.weight", "encoder.layer."
	at := slices.IndexFunc(l.names, func(n string) bool { return strings.HasSuffix(n, words) })
	if at < 0 {
		return fmt.Errorf("no encoder of the BERT type: tensor %q: %w", words,
			codebook.ErrNoTensor)
	}
	e.words = l.names[at]
	l.prefix = strings.TrimSuffix(e.words, words)
	e.vocabulary, e.width = l.matrix(words, 0, 0)
	e.positions, _ = l.matrix("embeddings.position_embeddings.weight", 0, e.width)
	types, _ := l.matrix("embeddings.token_type_embeddings.weight", 0, e.width)
	e.position = l.values("embeddings.position_embeddings.weight", e.positions*e.width)
	kinds := l.values("embeddings.token_type_embeddings.weight", types*e.width)
	if l.err != nil {
		return l.err
	}
	e.kind = kinds[:e.width]
	e.first = l.norm("embeddings.LayerNorm", e.width)

	e.heads = config.Heads
	switch {
	case e.heads == 0 && e.width == 384:
		e.heads = 12
	case e.heads == 0:
		e.heads = max(1, e.width/64)
	}
	if config.Width != 0 && config.Width != e.width || e.width%e.heads != 0 {
		return fmt.Errorf("%d columns, where the config says %d in %d heads", e.width,
			cmp.Or(config.Width, e.width), e.heads)
	}
	for i := 0; i < config.Layers || l.has(fmt.Sprintf("%s%d.", layer, i)); i++ {
		at := fmt.Sprintf("%s%d.", layer, i)
		if i == 0 {
			e.inner, _ = l.matrix(at+"intermediate.dense.weight", 0, e.width)
		}
		attention := at + "attention."
		e.layers = append(e.layers, encoderLayer{
			query:          l.linear(attention+"self.query", e.width, e.width),
			key:            l.linear(attention+"self.key", e.width, e.width),
			value:          l.linear(attention+"self.value", e.width, e.width),
			out:            l.linear(attention+"output.dense", e.width, e.width),
			afterAttention: l.norm(attention+"output.LayerNorm", e.width),
			up:             l.linear(at+"intermediate.dense", e.inner, e.width),
			down:           l.linear(at+"output.dense", e.width, e.inner),
			afterLinear:    l.norm(at+"output.LayerNorm", e.width),
		})
	}
	switch {
	case l.err != nil:
		return l.err
	case len(e.layers) == 0 || config.Layers != 0 && config.Layers != len(e.layers):
		return fmt.Errorf("%d layers, where the config says %d", len(e.layers), config.Layers)
	}
	return nil
}

// loader finds tensors, and keeps the first error.
type loader struct {
	ctx    context.Context
	model  *codebook.Model
	names  []string // sorted
	prefix string   // of all names
	eps    float32
	err    error
}

// has reports whether there is a tensor whose name begins so.
func (l *loader) has(name string) bool {
	i, _ := slices.BinarySearch(l.names, l.prefix+name)
	return i < len(l.names) && strings.HasPrefix(l.names[i], l.prefix+name)
}

// matrix returns the rows and columns of a matrix, which must be those that are not 0.
func (l *loader) matrix(name string, rows, cols int) (int, int) {
	if l.err != nil {
		return 0, 0
	}
	name = l.prefix + name
	t, err := l.model.Describe(name)
	if err != nil {
		l.err = err
		return 0, 0
	}
	r, c, ok := t.Matrix()
	if !ok || !t.Float() || r == 0 || c == 0 || rows != 0 && r != rows || cols != 0 && c != cols {
		l.err = &codebook.TensorError{Tensor: name, Err: fmt.Errorf("is %s %v, expected %s",
			t.DType, t.Shape, expected(rows, cols))}
	}
	return r, c
}

func expected(rows, cols int) string {
	side := func(n int) string {
		if n == 0 {
			return "any"
		}
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("floats [%s, %s]", side(rows), side(cols))
}

// values reads a tensor of n floats, all of them finite.
func (l *loader) values(name string, n int) []float32 {
	if l.err != nil {
		return nil
	}
	name = l.prefix + name
	values, err := l.model.Tensor(l.ctx, name)
	if err == nil && len(values) != n {
		err = fmt.Errorf("has %d values, expected %d", len(values), n)
	}
	for i := 0; err == nil && i < len(values); i++ {
		if v := values[i]; v-v != 0 {
			err = &codebook.NotFiniteError{Index: i, Value: v}
		}
	}
	var named *codebook.TensorError
	if err != nil && !errors.As(err, &named) {
		err = &codebook.TensorError{Tensor: name, Err: err}
	}
	l.err = err
	return values
}

func (l *loader) linear(name string, rows, cols int) linear {
	l.matrix(name+".weight", rows, cols)
	return linear{l.prefix + name + ".weight", l.values(name+".bias", rows)}
}

func (l *loader) norm(name string, n int) normal {
	return normal{l.values(name+".weight", n), l.values(name+".bias", n), l.eps}
}

// Width is the number of values of a vector.
func (e *Encoder) Width() int { return e.width }

// Vocabulary is how many tokens there are: a sentence has numbers below it.
func (e *Encoder) Vocabulary() int { return e.vocabulary }

// Table is the name of the table whose rows stand for tokens.
func (e *Encoder) Table() string { return e.words }

// Positions is the most tokens that a sentence may have.
func (e *Encoder) Positions() int { return e.positions }

// Watcher looks at what enters linear layers: x [tokens, columns], and the names of the weights
// that it is multiplied with. It may be called at the same time.
type Watcher func(x []float32, columns int, linears ...string)

// Watch shows what enters linear layers from now on to see, or to nobody if that is nil.
func (e *Encoder) Watch(see Watcher) { e.see = see }

// Scorer writes the products of queries [tokens, columns] of a head with keys [tokens, columns] to
// dst [tokens, tokens], a row a query. The keys are without the bias of their layer, which makes
// the same difference to all products of a query, and so none. It may be called at the same time.
type Scorer func(dst []float32, layer, head int, queries, keys []float32) error

// Score has score compare queries with keys from now on, or float32 products if that is nil.
func (e *Encoder) Score(score Scorer) { e.score = score }

// batchTokens is how many tokens of short sentences go through the layers together. Fewer would
// read each layer's weights more often, more would not stay in the second cache.
const batchTokens = 128

// Embed writes the vectors of sentences, each a list of tokens, to dst [sentences, Width].
// Sentences of about one length are worked on together. It stops soon after ctx is done.
func (e *Encoder) Embed(ctx context.Context, dst []float32, sentences [][]int) error {
	if len(dst) != len(sentences)*e.width {
		return &codebook.ShapeError{What: "dst", Len: len(dst), Want: len(sentences) * e.width}
	}
	for i, s := range sentences {
		if err := e.check(s); err != nil {
			return fmt.Errorf("sentence %d: %w", i+1, err)
		}
	}
	p := e.plans.Get().(*plan)
	defer e.plans.Put(p)
	p.divide(sentences)
	threads := min(e.threads, len(p.batches)-1)
	if threads <= 1 {
		return e.work(ctx, p, dst, sentences)
	}
	var all sync.WaitGroup
	errs := make([]error, threads)
	for t := range threads {
		all.Go(func() { errs[t] = e.work(ctx, p, dst, sentences) })
	}
	all.Wait()
	return cmp.Or(errs...) // the others are perhaps the same
}

// work does batches of a plan until all are done, or one fails.
func (e *Encoder) work(ctx context.Context, p *plan, dst []float32, sentences [][]int) error {
	sp := e.spaces.Get().(*space)
	defer e.spaces.Put(sp)
	for {
		i := int(p.next.Add(1)) - 1
		if i >= len(p.batches)-1 {
			return nil
		}
		err := ctx.Err()
		if err == nil {
			err = e.batch(sp, p.order[p.batches[i]:p.batches[i+1]], dst, sentences)
		}
		if err != nil {
			p.next.Store(int64(len(p.batches)))
			return err
		}
	}
}

// check says what is wrong with a sentence.
func (e *Encoder) check(tokens []int) error {
	if len(tokens) == 0 || len(tokens) > e.positions {
		return fmt.Errorf("%d tokens, expected 1 to %d", len(tokens), e.positions)
	}
	for _, t := range tokens {
		if t < 0 || t >= e.vocabulary {
			return fmt.Errorf("token %d is none of the %d that the model has", t, e.vocabulary)
		}
	}
	return nil
}

// plan says which sentences are worked on together.
type plan struct {
	order   []int // of sentences, the longest first
	batches []int // where in order each begins, and the end
	next    atomic.Int64
}

// divide divides sentences into batches.
func (p *plan) divide(sentences [][]int) {
	p.order, p.batches = grow(p.order, len(sentences)), p.batches[:0]
	for i := range p.order {
		p.order[i] = i
	}
	slices.SortFunc(p.order, func(a, b int) int {
		return cmp.Or(len(sentences[b])-len(sentences[a]), a-b)
	})
	tokens := batchTokens // so that the first sentence begins a batch
	for i, s := range p.order {
		tokens += len(sentences[s])
		if tokens > batchTokens {
			p.batches = append(p.batches, i)
			tokens = len(sentences[s])
		}
	}
	p.batches = append(p.batches, len(sentences))
	p.next.Store(0)
}

// space is the memory of one goroutine. It grows to what the largest batch needs.
type space struct {
	starts        []int     // of the sentences of a batch, in tokens, and the end
	x, y, q, k, v []float32 // [tokens, width]
	inner         []float32 // [tokens, inner]

	keys         []float32 // of a sentence: [width, tokens]
	scores, sums []float32 // of a head: [tokens, tokens or more], [tokens]
	headQ, headK []float32 // likewise, for a Scorer: [tokens, width of a head]
}

// grow returns s with length n; what it holds is unspecified.
func grow[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// batch writes the vectors of the sentences of a batch.
func (e *Encoder) batch(sp *space, batch []int, dst []float32, sentences [][]int) error {
	sp.starts = append(sp.starts[:0], 0)
	for _, s := range batch {
		sp.starts = append(sp.starts, sp.starts[len(sp.starts)-1]+len(sentences[s]))
	}
	if err := e.lookUp(sp, batch, sentences); err != nil {
		return err
	}
	for l := range e.layers {
		if err := e.layer(sp, l); err != nil {
			return err
		}
	}
	for j, s := range batch {
		mean(dst[s*e.width:][:e.width], sp.x[sp.starts[j]*e.width:sp.starts[j+1]*e.width])
	}
	return nil
}

// lookUp fills x with what stands for tokens and their places.
func (e *Encoder) lookUp(sp *space, batch []int, sentences [][]int) error {
	n := sp.starts[len(sp.starts)-1] * e.width
	sp.x = grow(sp.x, n)
	rest := sp.x
	for _, s := range batch {
		for _, token := range sentences[s] {
			if err := e.model.Row(rest[:e.width], e.words, token); err != nil {
				return err
			}
			rest = rest[e.width:]
		}
	}
	for j := range batch {
		x := sp.x[sp.starts[j]*e.width : sp.starts[j+1]*e.width]
		e.first.add(x, e.position[:len(x)], e.kind)
	}
	return nil
}

// layer takes x through a layer.
func (e *Encoder) layer(sp *space, layer int) error {
	l := &e.layers[layer]
	tokens := len(sp.x) / e.width
	sp.q, sp.k, sp.v = grow(sp.q, len(sp.x)), grow(sp.k, len(sp.x)), grow(sp.v, len(sp.x))
	sp.y, sp.inner = grow(sp.y, len(sp.x)), grow(sp.inner, tokens*e.inner)
	if e.see != nil {
		e.see(sp.x, e.width, l.query.name, l.key.name, l.value.name)
	}
	if err := errors.Join(
		e.model.MatMul(sp.q, l.query.name, sp.x, tokens),
		e.model.MatMul(sp.k, l.key.name, sp.x, tokens),
		e.model.MatMul(sp.v, l.value.name, sp.x, tokens),
	); err != nil {
		return err
	}
	for s := range len(sp.starts) - 1 {
		if err := e.attend(sp, layer, sp.starts[s], sp.starts[s+1]); err != nil {
			return err
		}
	}
	if err := e.multiply(sp.y, &l.out, sp.q, tokens); err != nil {
		return err
	}
	l.afterAttention.add(sp.x, sp.y, l.out.bias)
	if err := e.multiply(sp.inner, &l.up, sp.x, tokens); err != nil {
		return err
	}
	for i := 0; i < len(sp.inner); i += e.inner {
		set.GELU(sp.inner[i:][:e.inner], l.up.bias)
	}
	if err := e.multiply(sp.y, &l.down, sp.inner, tokens); err != nil {
		return err
	}
	l.afterLinear.add(sp.x, sp.y, l.down.bias)
	return nil
}

// multiply writes W*x, without the bias.
func (e *Encoder) multiply(dst []float32, l *linear, x []float32, tokens int) error {
	if e.see != nil {
		e.see(x, len(x)/tokens, l.name)
	}
	return e.model.MatMul(dst, l.name, x, tokens)
}

const (
	// wholeScores is how many scores ExpSum takes at a time; what is left over is slow.
	wholeScores = 16
	// unseen is a score that adds nothing to the sum.
	unseen = -1e30
)

// attend replaces the queries of a sentence, tokens lo to hi, by what its tokens see of each other.
// The queries, keys and values have no biases yet. That of keys would add the same to all scores of
// a query, which Softmax takes off again; that of values is added to their mean.
func (e *Encoder) attend(sp *space, layer, lo, hi int) error {
	l, tokens, width := &e.layers[layer], hi-lo, e.width/e.heads
	queries, keys := sp.q[lo*e.width:hi*e.width], sp.k[lo*e.width:hi*e.width]
	values := sp.v[lo*e.width : hi*e.width]
	set.AddRows(queries, queries, l.query.bias)
	stride := tokens // of scores
	if e.score == nil {
		stride = (tokens + wholeScores - 1) &^ (wholeScores - 1)
	}
	sp.keys, sp.scores = grow(sp.keys, tokens*e.width), grow(sp.scores, tokens*stride)
	set.Transpose(sp.keys, keys, tokens, e.width)
	sp.sums = grow(sp.sums, tokens)
	scale := float32(1 / math.Sqrt(float64(width)))
	for head := range e.heads {
		first := head * width
		if e.score == nil {
			set.DenseProduct(sp.scores, stride, queries[first:], e.width,
				sp.keys[first*tokens:], tokens, tokens, width, tokens)
		} else {
			sp.headQ = columns(sp.headQ, queries, e.width, first, width)
			sp.headK = columns(sp.headK, keys, e.width, first, width)
			if err := e.score(sp.scores, layer, head, sp.headQ, sp.headK); err != nil {
				return err
			}
		}
		for t := range tokens {
			row := sp.scores[t*stride:][:stride]
			for i := range row[tokens:] {
				row[tokens+i] = unseen
			}
			sp.sums[t] = set.ExpSum(row, scale)
		}
		out := queries[first:]
		set.DenseProduct(out, e.width, sp.scores, stride, values[first:], e.width, tokens, tokens,
			width)
		for t := range tokens {
			share := 1 / sp.sums[t]
			seen := out[t*e.width:][:width]
			for i := range seen {
				seen[i] *= share
			}
		}
	}
	set.AddRows(queries, queries, l.value.bias)
	return nil
}

// exactScores are what a Scorer comes near to.
func (e *Encoder) exactScores(dst, queries, keys []float32) {
	width := e.width / e.heads
	tokens := len(keys) / width
	set.DenseMat(dst, tokens, keys, queries, tokens, width, tokens)
}

// columns returns n columns of rows of this width, from one on, in dst if that has the room.
func columns(dst, rows []float32, width, from, n int) []float32 {
	dst = dst[:0]
	for ; len(rows) > 0; rows = rows[width:] {
		dst = append(dst, rows[from:from+n]...)
	}
	return dst
}

// mean writes the mean of rows, brought to length 1, to dst.
func mean(dst, rows []float32) {
	clear(dst)
	for i := 0; i < len(rows); i += len(dst) {
		for j, v := range rows[i:][:len(dst)] {
			dst[j] += v
		}
	}
	square := 0.0
	for _, v := range dst {
		square += float64(v) * float64(v)
	}
	if square == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(square))
	for i := range dst {
		dst[i] *= scale
	}
}
