package main

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
	"github.com/palettize/palettize/kernels"
)

// An index is a safetensors file: the vectors of texts, each of length 1, the texts, a line each,
// in the same order, and in its metadata which model made the vectors.
const (
	indexVectors = "vectors" // F32 [texts, width]
	indexTexts   = "texts"   // U8 [bytes]

	indexModel, indexTokenizer = "model", "tokenizer"

	// indexHeader is what is kept free for the header, which is written last: the vectors follow
	// it at once, however many there will be. Paths are the most that it holds.
	indexHeader = 16 << 10
)

// indexWriter writes an index as its texts come in.
type indexWriter struct {
	width, count   int
	file, side     *os.File // side has the texts until all vectors are written
	vectors, texts *bufio.Writer
	bytes          int64 // of texts
	row            []byte
}

// newIndexWriter writes to a file that is empty. Close takes its helper file away.
func newIndexWriter(file *os.File, width int) (*indexWriter, error) {
	if _, err := file.Seek(8+indexHeader, io.SeekStart); err != nil {
		return nil, err
	}
	side, err := os.CreateTemp("", "encoder-texts-*")
	if err != nil {
		return nil, err
	}
	return &indexWriter{
		width: width, file: file, side: side,
		vectors: bufio.NewWriterSize(file, 1<<20), texts: bufio.NewWriterSize(side, 1<<20),
		row: make([]byte, 4*width),
	}, nil
}

func (w *indexWriter) close() error {
	return errors.Join(w.side.Close(), os.Remove(w.side.Name()))
}

// add appends texts and their vectors.
func (w *indexWriter) add(texts []string, vectors []float32) error {
	for i, text := range texts {
		for j, v := range vectors[i*w.width:][:w.width] {
			binary.LittleEndian.PutUint32(w.row[4*j:], math.Float32bits(v))
		}
		if _, err := w.vectors.Write(w.row); err != nil {
			return err
		}
		n, err := w.texts.WriteString(text)
		if err == nil {
			err = w.texts.WriteByte('\n')
		}
		if err != nil {
			return err
		}
		w.bytes += int64(n) + 1
	}
	w.count += len(texts)
	return nil
}

// finish writes the texts behind the vectors, and the header before them.
func (w *indexWriter) finish(metadata map[string]string) error {
	if err := errors.Join(w.vectors.Flush(), w.texts.Flush()); err != nil {
		return err
	}
	if _, err := w.side.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(w.file, w.side); err != nil {
		return err
	}
	type tensor struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	count, end := int64(w.count), 4*int64(w.count)*int64(w.width)
	header, err := json.Marshal(map[string]any{
		"__metadata__": metadata,
		indexVectors:   tensor{"F32", []int64{count, int64(w.width)}, [2]int64{0, end}},
		indexTexts:     tensor{"U8", []int64{w.bytes}, [2]int64{end, end + w.bytes}},
	})
	if err != nil {
		return err
	}
	if len(header) > indexHeader {
		return fmt.Errorf("a header of %d bytes, with room for %d", len(header), indexHeader)
	}
	start := binary.LittleEndian.AppendUint64(nil, indexHeader)
	start = append(start, header...)
	for len(start) < 8+indexHeader {
		start = append(start, ' ')
	}
	_, err = w.file.WriteAt(start, 0)
	return err
}

// index is an open index.
type index struct {
	file    *format.File
	width   int
	model   source
	vectors *io.SectionReader
	texts   *io.SectionReader
	path    string
	count   int
}

// openIndex opens an index.
func openIndex(path string) (*index, error) {
	file, err := format.Open(path)
	if err != nil {
		return nil, err
	}
	x := &index{file: file, path: path}
	if err := x.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return x, nil
}

func (x *index) prepare() error {
	for _, t := range x.file.Tensors() {
		switch {
		case t.Name == indexVectors && t.DType == "F32" && len(t.Shape) == 2 && t.Elements() > 0:
			x.count, x.width = t.Shape[0], t.Shape[1]
		case t.Name == indexTexts && t.DType == "U8":
		default:
			return fmt.Errorf("is no index: has %s %s %v", t.Name, t.DType, t.Shape)
		}
	}
	if x.count == 0 {
		return errors.New("is no index: has no vectors")
	}
	metadata := x.file.Metadata()
	x.model = source{metadata[indexModel], metadata[indexTokenizer]}
	var err error
	if x.vectors, err = x.file.Reader(indexVectors); err != nil {
		return err
	}
	x.texts, err = x.file.Reader(indexTexts)
	return err
}

func (x *index) close() { _ = x.file.Close() }

// found is a text of an index and how near it is to a query.
type found struct {
	Line  int     `json:"line"`  // the first is 1
	Score float32 `json:"score"` // the cosine
	Text  string  `json:"text"`
}

// nearest is a heap of what was found, the worst on top: a text far down counts less among equals.
type nearest []found

func (n nearest) Len() int { return len(n) }
func (n nearest) Less(i, j int) bool {
	return n[i].Score < n[j].Score || n[i].Score == n[j].Score && n[i].Line > n[j].Line
}
func (n nearest) Swap(i, j int) { n[i], n[j] = n[j], n[i] }
func (n *nearest) Push(v any)   { *n = append(*n, v.(found)) }
func (n *nearest) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

// offer takes v in if it is among the k nearest so far.
func (n *nearest) offer(v found, k int) {
	if len(*n) == k {
		if worst := (*n)[0]; v.Score <= worst.Score { // lines come in order
			return
		}
		heap.Pop(n)
	}
	heap.Push(n, v)
}

// sorted returns what was found, the nearest first.
func (n nearest) sorted() []found {
	slices.SortFunc(n, func(a, b found) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return a.Line - b.Line
	})
	return n
}

// search returns the k texts that are nearest to a vector. It reads the index once, a piece at a
// time.
func (x *index) search(ctx context.Context, query []float32, k int) ([]found, error) {
	set, err := kernels.Best()
	if err != nil {
		return nil, err
	}
	var best nearest
	rows := max(1, 1<<20/(4*x.width))
	data := make([]byte, 4*x.width*rows)
	vectors, scores := make([]float32, x.width*rows), make([]float32, rows)
	for line := 0; line < x.count; line += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows = min(rows, x.count-line)
		piece := data[:4*x.width*rows]
		if _, err := io.ReadFull(x.vectors, piece); err != nil {
			return nil, fmt.Errorf("%s: %w", x.path, err)
		}
		for i := range x.width * rows {
			vectors[i] = math.Float32frombits(binary.LittleEndian.Uint32(piece[4*i:]))
		}
		set.DenseVec(scores[:rows], vectors, query)
		for i, score := range scores[:rows] {
			best.offer(found{Line: line + i + 1, Score: score}, k)
		}
	}
	result := best.sorted()
	return result, x.read(result)
}

// read fills in the texts of what was found.
func (x *index) read(result []found) error {
	wanted := make(map[int]*found, len(result))
	for i := range result {
		wanted[result[i].Line] = &result[i]
	}
	t := &texts{name: x.path, r: bufio.NewReaderSize(x.texts, 1<<20)}
	for len(wanted) > 0 {
		text, err := t.next()
		if err != nil {
			return fmt.Errorf("%s: has fewer texts than vectors: %w", x.path, err)
		}
		if f := wanted[t.line]; f != nil {
			f.Text = text
			delete(wanted, t.line)
		}
	}
	return nil
}

// check says why vectors of a model cannot be compared with those of the index.
func (x *index) check(e *embedder) error {
	if e.Width() != x.width {
		return fmt.Errorf("%s: %w", x.path, &codebook.ShapeError{
			What: "a vector", Len: x.width, Want: e.Width()})
	}
	return nil
}
