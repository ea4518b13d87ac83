package transformer

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// KeyTables score the keys of a model by tables, with a codebook for each head that has keys: see
// [codebook.Attention] for what that saves and costs. Of a decoder they make the texts smaller that
// it keeps, and long ones faster. Sentences of an encoder are short for it: there it is to be
// measured and copied.
type KeyTables struct{ heads [][]keyTable } // [layers][heads]

// keyTable is of one head.
type keyTable struct {
	attention *codebook.Attention
	caches    *sync.Pool // of *codebook.KeyCache
}

func newKeyTable(a *codebook.Attention) keyTable {
	return keyTable{a, &sync.Pool{New: func() any { return a.NewCache() }}}
}

// keySamples are queries and keys of a head.
type keySamples struct{ queries, keys []float32 }

// trainKeyTables trains on samples of layers of so many heads of these columns.
func trainKeyTables(ctx context.Context, samples []keySamples, heads, columns, threads int,
	opts codebook.AttentionOptions) (*KeyTables, error) {
	t := &KeyTables{make([][]keyTable, len(samples)/heads)}
	for layer := range t.heads {
		t.heads[layer] = make([]keyTable, heads)
	}
	var all sync.WaitGroup
	errs := make([]error, threads)
	opts.Threads = 1
	for worker := range threads {
		all.Go(func() {
			for i := worker; i < len(samples) && errs[worker] == nil; i += threads {
				a, err := codebook.TrainAttention(ctx, columns, samples[i].keys, samples[i].queries,
					opts)
				if errs[worker] = err; err == nil {
					t.heads[i/heads][i%heads] = newKeyTable(a)
				}
			}
		})
	}
	all.Wait()
	return t, cmp.Or(errs...)
}

// headName is what a head is called in a file.
func headName(layer, head int) string { return fmt.Sprintf("layers.%d.heads.%d", layer, head) }

// Encode returns an attention file of the tables, see [format.EncodeAttention].
func (t *KeyTables) Encode(ctx context.Context) ([]byte, error) {
	all := make(map[string]*codebook.Attention)
	for layer, heads := range t.heads {
		for head := range heads {
			all[headName(layer, head)] = heads[head].attention
		}
	}
	return format.EncodeAttention(ctx, all)
}

// ReadKeyTables reads tables from a file that Encode has made.
func ReadKeyTables(ctx context.Context, path string) (*KeyTables, error) {
	all, err := format.ReadAttention(ctx, path)
	if err != nil {
		return nil, err
	}
	t := new(KeyTables)
	found := 0
	for layer := 0; all[headName(layer, 0)] != nil; layer++ {
		var heads []keyTable
		for a := all[headName(layer, 0)]; a != nil; a = all[headName(layer, len(heads))] {
			heads = append(heads, newKeyTable(a))
		}
		t.heads = append(t.heads, heads)
		found += len(heads)
	}
	if found == 0 || found < len(all) {
		return nil, fmt.Errorf("%s: has %d heads, %d of them by the names %s, %s ...", path, len(all),
			found, headName(0, 0), headName(0, 1))
	}
	return t, nil
}

// check says whether tables are of a model of another shape.
func (t *KeyTables) check(layers, heads, columns int) error {
	if len(t.heads) != layers {
		return fmt.Errorf("key tables of %d layers, the model has %d", len(t.heads), layers)
	}
	for i, l := range t.heads {
		if len(l) != heads {
			return fmt.Errorf("key tables of %d heads in layer %d, the model has %d", len(l), i, heads)
		}
		for h := range l {
			if n := l[h].attention.Columns(); n != columns {
				return fmt.Errorf("key tables of %d columns in layer %d, head %d, the model has %d", n,
					i, h, columns)
			}
		}
	}
	return nil
}

// Bytes is what the tables take in memory.
func (t *KeyTables) Bytes() int64 {
	bits := int64(0)
	for _, heads := range t.heads {
		for h := range heads {
			bits += heads[h].attention.BitsResident()
		}
	}
	return bits / 8
}

// TrainKeyTables trains on the queries and keys of sentences, each a list of tokens. It must not
// run at the same time as other methods of e.
func (e *Encoder) TrainKeyTables(ctx context.Context, sentences [][]int,
	opts codebook.AttentionOptions) (*KeyTables, error) {
	samples := make([]keySamples, len(e.layers)*e.heads)
	score, threads := e.score, e.threads
	e.threads = 1 // so that samples come in the same order each time
	e.Score(func(dst []float32, layer, head int, queries, keys []float32) error {
		s := &samples[layer*e.heads+head]
		s.queries, s.keys = append(s.queries, queries...), append(s.keys, keys...)
		e.exactScores(dst, queries, keys)
		return nil
	})
	err := e.Embed(ctx, make([]float32, len(sentences)*e.width), sentences)
	e.score, e.threads = score, threads
	if err != nil {
		return nil, err
	}
	return trainKeyTables(ctx, samples, e.heads, e.width/e.heads, e.threads, opts)
}

// TrainKeyTables trains on the queries and keys of texts, each a list of tokens, which are turned
// to their places: texts as long as those of use are best. Some thousand tokens do.
func (d *Decoder) TrainKeyTables(ctx context.Context, texts [][]int,
	opts codebook.AttentionOptions) (*KeyTables, error) {
	samples := make([]keySamples, len(d.layers)*d.keyHeads)
	group, width := d.heads/d.keyHeads, d.headWidth
	for i, tokens := range texts {
		text, err := d.newText(len(tokens), nil)
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", i+1, err)
		}
		text.see = func(layer, head int, queries, keys []float32) {
			s := &samples[layer*d.keyHeads+head]
			s.keys = append(s.keys, keys...)
			for i := range len(keys) / width { // of the queries at a place one, each in its turn
				at := (i*group + i%group) * width
				s.queries = append(s.queries, queries[at:at+width]...)
			}
		}
		if _, err := text.Append(ctx, tokens); err != nil {
			return nil, fmt.Errorf("text %d: %w", i+1, err)
		}
	}
	return trainKeyTables(ctx, samples, d.keyHeads, width, d.threads, opts)
}

// Score is a [Scorer].
func (t *KeyTables) Score(dst []float32, layer, head int, queries, keys []float32) error {
	h := &t.heads[layer][head]
	cache := h.caches.Get().(*codebook.KeyCache)
	defer h.caches.Put(cache)
	cache.Truncate(0)
	if err := cache.Append(keys); err != nil {
		return err
	}
	return cache.Scores(dst, queries)
}
