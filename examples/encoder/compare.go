package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/examples/internal/cli"
)

// mostCompared is how many texts can be compared: their pairs are held in memory.
const mostCompared = 4000

// nearestCompared is how many of the texts nearest to a query are compared.
const nearestCompared = 10

type compareOptions struct {
	tokenizer, queries string
}

func newCompare(e *env) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare DENSE CODEBOOK TEXTS",
		Short: "Hold a codebook file's vectors against those of the model that it was made of",
		Long: fmt.Sprintf(`compare turns TEXTS, a text a line, at most %d, into vectors with the model
DENSE and with CODEBOOK, and prints the cosine between the two vectors of a text, how alike both
models order the similarities of all pairs of texts (Spearman), which of the %d texts that are
nearest to a query stay so, and what each takes. Queries are those of --queries, a text a line, or
else up to 100 of the texts, each held against the others.`, mostCompared, nearestCompared),
		Example: "  encoder compare model.safetensors model.pal passages.txt",
		Args:    cli.Takes(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompare(cmd.Context(), e, o, args)
		},
	}
	cmd.Flags().StringVar(&o.tokenizer, "tokenizer", "",
		"the tokenizer.json of both (default: that beside DENSE)")
	cmd.Flags().StringVar(&o.queries, "queries", "", "a file of queries")
	return cmd
}

// compared is what compare reports.
type compared struct {
	Texts    int          `json:"texts"`
	Queries  int          `json:"queries"`
	Tokens   int          `json:"tokens"` // of the texts
	Cosine   float64      `json:"cosine"` // the mean
	Cosine1  float64      `json:"cosine_1st_percentile"`
	Spearman float64      `json:"spearman"`
	Overlap  float64      `json:"top_overlap"`
	Dense    comparedSide `json:"dense"`
	Codebook comparedSide `json:"codebook"`
}

// comparedSide is one of the models.
type comparedSide struct {
	File      string  `json:"file"`
	Bytes     int64   `json:"bytes"`
	Resident  int64   `json:"resident_bytes"` // of matrices in memory
	Open      float64 `json:"open_seconds"`   // up to the first vector
	Seconds   float64 `json:"seconds"`        // for the texts
	PerSecond float64 `json:"texts_per_second"`
}

func runCompare(ctx context.Context, e *env, o compareOptions, args []string) error {
	passages, err := e.readTexts(ctx, args[2], mostCompared)
	if err != nil {
		return err
	}
	if len(passages) < 2 {
		return fmt.Errorf("%s: has one text only", args[2])
	}
	var queries []string
	if o.queries != "" {
		if queries, err = e.readTexts(ctx, o.queries, mostCompared); err != nil {
			return err
		}
	}
	dense := source{args[0], o.tokenizer}
	if err := dense.findTokenizer(); err != nil {
		return err
	}
	r := compared{Texts: len(passages)}
	texts := slices.Concat(passages, queries)
	p := e.newProgress(2 * int64(len(texts)))
	defer p.Close()
	var sides [2][]float32
	var width int
	for i, side := range []*comparedSide{&r.Dense, &r.Codebook} {
		side.File = args[i]
		var tokens int
		from := source{args[i], dense.tokenizer}
		sides[i], tokens, err = side.embed(ctx, from, e.threads, passages, queries,
			func(done int) { p.Update(int64(i*len(texts) + done)) })
		if err != nil {
			return err
		}
		if i == 1 && len(sides[1]) != len(sides[0]) {
			return fmt.Errorf("%s: a vector has %d values, that of %s %d", args[1],
				len(sides[1])/len(texts), args[0], len(sides[0])/len(texts))
		}
		r.Tokens, width = tokens, len(sides[i])/len(texts)
	}
	r.measure(sides[0], sides[1], width, len(queries))
	p.Close()
	return e.report(r,
		[2]string{"texts", fmt.Sprintf("%d of %d tokens, %d queries", r.Texts, r.Tokens,
			r.Queries)},
		[2]string{"size", fmt.Sprintf("%.1f MB of %.1f: %.1f times smaller",
			float64(r.Codebook.Bytes)/1e6, float64(r.Dense.Bytes)/1e6,
			float64(r.Dense.Bytes)/float64(r.Codebook.Bytes))},
		[2]string{"in memory", fmt.Sprintf("%.1f MB of %.1f", float64(r.Codebook.Resident)/1e6,
			float64(r.Dense.Resident)/1e6)},
		[2]string{"cosine", fmt.Sprintf("%.4f, of one text in a hundred below %.4f", r.Cosine,
			r.Cosine1)},
		[2]string{"order", fmt.Sprintf("%.4f, Spearman's correlation over all pairs", r.Spearman)},
		[2]string{"nearest", fmt.Sprintf("%.1f %% of the %d nearest texts stay", 100*r.Overlap,
			nearestCompared)},
		[2]string{"speed", fmt.Sprintf("%.0f texts a second; dense %.0f: %.2f times as fast",
			r.Codebook.PerSecond, r.Dense.PerSecond, r.Codebook.PerSecond/r.Dense.PerSecond)})
}

// embed returns the vectors of passages, then of queries, and the number of tokens of passages.
func (s *comparedSide) embed(ctx context.Context, from source, threads int, passages,
	queries []string, progress func(done int)) (vectors []float32, tokens int, err error) {
	if s.Bytes, err = sizeOf(from.model); err != nil {
		return nil, 0, err
	}
	start := time.Now()
	m, err := from.open(ctx, threads)
	if err != nil {
		return nil, 0, err
	}
	defer m.close()
	// A first call reads what it multiplies with.
	if _, err := m.embed(ctx, passages[:1]); err != nil {
		return nil, 0, err
	}
	s.Open, m.tokens = time.Since(start).Seconds(), 0
	start = time.Now()
	for chunk := range slices.Chunk(passages, chunkLines) {
		v, err := m.embed(ctx, chunk)
		if err != nil {
			return nil, 0, err
		}
		vectors = append(vectors, v...)
		progress(len(vectors) / m.Width())
	}
	s.Seconds, tokens = time.Since(start).Seconds(), m.tokens
	s.PerSecond = float64(len(passages)) / s.Seconds
	s.Resident = m.model.BitsResident() / 8
	v, err := m.embed(ctx, queries)
	return append(vectors, v...), tokens, err
}

// sizeOf is the size of a file, or of those in a folder that are a model's.
func sizeOf(path string) (int64, error) {
	size := int64(0)
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(name); name != path && ext != ".safetensors" && ext != ".pal" {
			return nil
		}
		info, err := os.Stat(name)
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// measure compares vectors [texts + queries, width] of two models.
func (r *compared) measure(a, b []float32, width, queries int) {
	row := func(v []float32, i int) []float32 { return v[i*width:][:width] }
	cosines := make([]float64, r.Texts)
	for i := range cosines {
		cosines[i] = dot(row(a, i), row(b, i))
		r.Cosine += cosines[i] / float64(r.Texts)
	}
	slices.Sort(cosines)
	r.Cosine1 = cosines[r.Texts/100]

	pairs := func(v []float32) (all []float64) {
		for i := range r.Texts {
			for j := range i {
				all = append(all, dot(row(v, i), row(v, j)))
			}
		}
		return all
	}
	r.Spearman = spearman(pairs(a), pairs(b))

	first, step := r.Texts, 1
	if r.Queries = queries; queries == 0 {
		r.Queries = min(100, r.Texts)
		first, step = 0, r.Texts/r.Queries
	}
	k := min(nearestCompared, r.Texts-1)
	for q := range r.Queries {
		q = first + q*step
		near := func(v []float32) []int {
			var best nearest
			for i := range r.Texts {
				if i != q {
					best.offer(found{Line: i, Score: float32(dot(row(v, q), row(v, i)))}, k)
				}
			}
			lines := make([]int, k)
			for i, f := range best {
				lines[i] = f.Line
			}
			return lines
		}
		was := near(a)
		for _, line := range near(b) {
			if slices.Contains(was, line) {
				r.Overlap += 1 / float64(k*r.Queries)
			}
		}
	}
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// spearman is the correlation of the ranks of two lists of as many values; equal ones share theirs.
func spearman(a, b []float64) float64 {
	x, y := ranks(a), ranks(b)
	mean := float64(len(a)-1) / 2
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mean, y[i]-mean
		xy += dx * dy
		xx += dx * dx
		yy += dy * dy
	}
	if xx == 0 || yy == 0 {
		return 0 // nothing to order by
	}
	return xy / math.Sqrt(xx*yy)
}

func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	ranks := make([]float64, len(values))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && values[order[hi]] == values[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			ranks[i] = float64(lo+hi-1) / 2
		}
		lo = hi
	}
	return ranks
}
