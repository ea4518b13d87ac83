package transformer

import (
	"context"
	"sync"

	"github.com/palettize/palettize/codebook"
)

// KeyTables score the keys of an encoder by tables, with a codebook for each head: see
// [codebook.Attention] for what that saves and costs. Sentences are short for it: it is here to be
// measured and copied.
type KeyTables struct{ heads [][]keyTable } // [layers][heads]

// keyTable is of one head.
type keyTable struct {
	attention *codebook.Attention
	caches    sync.Pool // of *codebook.KeyCache
}

// TrainKeyTables trains on the queries and keys of sentences, each a list of tokens. It must not
// run at the same time as other methods of e.
func (e *Encoder) TrainKeyTables(ctx context.Context, sentences [][]int,
	opts codebook.AttentionOptions) (*KeyTables, error) {
	type sample struct{ queries, keys []float32 }
	samples := make([]sample, len(e.layers)*e.heads)
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
	t := &KeyTables{make([][]keyTable, len(e.layers))}
	for layer := range t.heads {
		t.heads[layer] = make([]keyTable, e.heads)
	}
	var all sync.WaitGroup
	errs := make([]error, threads)
	opts.Threads = 1
	for worker := range threads {
		all.Go(func() {
			for i := worker; i < len(samples) && errs[worker] == nil; i += threads {
				head := &t.heads[i/e.heads][i%e.heads]
				head.attention, errs[worker] = codebook.TrainAttention(ctx, e.width/e.heads,
					samples[i].keys, samples[i].queries, opts)
				head.caches.New = func() any { return head.attention.NewCache() }
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return t, nil
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
