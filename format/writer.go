package format

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/stack"
)

// CreateOptions are those of Create and Decompress.
type CreateOptions struct {
	Overwrite bool // replace a file that is there, or a folder with models
	// ShardSize makes the output a folder, whose files have up to so many bytes each, but for
	// single tensors beyond that. It gets an index where there are several, and a copy of what else
	// is in the folder of the source: see [File.Folder]. 0: the output is one file.
	ShardSize int64
	// Settings is a JSON object: what a codebook file was made with, kept in its metadata; may be
	// empty.
	Settings string

	// Resume takes up a run to the same output that was killed or suspended. It must have been one
	// with the same model, settings and Run. Without it such a run is [ErrUnfinished], unless what
	// it has left is to be overwritten.
	Resume bool
	// Run has names and values of what else the layers depend on.
	Run map[string]string
}

// Writer writes a codebook file, or a folder of them. It implements [compress.Sink]. Layers go to a
// folder beside the output, OUT.partial, from which another Writer can take them up; tensors that
// pass through stay in the source until Commit.
type Writer struct {
	out       destination
	src       *File
	settings  string
	shardSize int64    // of a folder; 0: one file
	kept      *partial // has the parts of layers; nil once the writer is closed
	err       error    // the first failure: the writer is of no use after it

	mu    sync.Mutex        // of the maps, for Finished
	items map[string]*item  // by the name of their tensor of the source
	sums  map[string]uint64 // of blobs, by name
}

// item is what is stored of a tensor of the source.
type item struct {
	blobs  []blob
	record string // of a layer
	second bool   // version 1 does not know such layers
	was    string // original dtype of a tensor that is kept as F16
	block  string // of scales that passed through, as JSON; "": the usual one
}

// errClosed is what a Writer says after Commit, Abort and Suspend.
var errClosed = errors.New("format: writer is closed")

// Create begins a codebook file for the model src, which must stay open until Commit. It fails
// before any work is done when the output exists and is not to be overwritten, or could not be
// written, when another run is writing it, and when the source has names that the file's own would
// collide with. One of Commit, Abort and Suspend must follow.
func Create(path string, src *File, opts CreateOptions) (*Writer, error) {
	if err := collisions(src); err != nil {
		return nil, err
	}
	out, err := newDestination(path, opts, src)
	if err != nil {
		return nil, err
	}
	return begin(out, src, opts)
}

// NewWriter is Create for a file that Commit writes to w. Nothing reaches w before that; what it
// has got is a file only if Commit returns no error. Settings are those of CreateOptions.
func NewWriter(w io.Writer, src *File, settings string) (*Writer, error) {
	if err := collisions(src); err != nil {
		return nil, err
	}
	return begin(toWriter{w}, src, CreateOptions{Settings: settings})
}

func begin(out destination, src *File, opts CreateOptions) (*Writer, error) {
	settings, err := compact(opts.Settings)
	if err != nil {
		return nil, at(out.name(), fmt.Errorf("settings: %w", err))
	}
	var kept *partial
	if path := out.partial(); path == "" {
		kept, err = newNameless()
		err = at(out.name(), err)
	} else {
		kept, err = newPartial(path, runOf(src, settings, opts.Run), opts)
	}
	if err != nil {
		return nil, err
	}
	return &Writer{
		out: out, src: src, settings: settings, shardSize: opts.ShardSize, kept: kept,
		items: make(map[string]*item), sums: make(map[string]uint64),
	}, nil
}

// runOf is what tells a run from others: the model, the program, settings and more, by their names.
func runOf(src *File, settings string, more map[string]string) runLine {
	run := map[string]string{runModel: src.fingerprint(), runProgram: producer}
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(settings), &values) != nil {
		run["settings"] = settings
	}
	for name, value := range values {
		run[name] = string(value)
	}
	maps.Copy(run, more)
	for name, value := range run {
		run[name] = strings.ToValidUTF8(value, "\ufffd") // as they come back from JSON
	}
	path, err := filepath.Abs(src.path)
	if err != nil {
		path = src.path
	}
	return runLine{run, []byte(path), settings}
}

// compact returns JSON without white space.
func compact(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var b bytes.Buffer
	err := json.Compact(&b, []byte(text))
	return b.String(), err
}

// collisions finds names of the source that the codebook file needs for itself.
func collisions(src *File) error {
	if IsCodebook(src) {
		return at(src.path, fmt.Errorf("its %s has keys that begin with %q: "+
			"it is a codebook file already (decompress it first)", metadataKey, ourPrefix))
	}
	for _, e := range src.entries {
		if _, _, ok := e.Matrix(); !ok || !e.Float() {
			continue
		}
		for _, suffix := range suffixes {
			if src.find(e.Name+suffix) != nil {
				return atTensor(src.path, e.Name+suffix, fmt.Errorf(
					"a codebook file keeps a part of %q under this name: rename it first", e.Name))
			}
		}
	}
	return nil
}

// take finds a tensor of the source that has not been put yet.
func (w *Writer) take(t codebook.Tensor) (*entry, error) {
	if w.err != nil {
		return nil, w.err
	}
	e, err := w.src.entry(t.Name)
	if err != nil {
		return nil, err
	}
	if e.DType != t.DType || !slices.Equal(e.Shape, t.Shape) {
		return nil, atTensor(w.src.path, t.Name,
			fmt.Errorf("is %s, not %s", describe(e.Tensor), describe(t)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.items[t.Name] != nil {
		return nil, atTensor(w.src.path, t.Name, errors.New("was put already"))
	}
	if e.scaled != nil {
		return nil, atTensor(w.src.path, t.Name,
			fmt.Errorf("has the scales of %s and is put with it", quote(e.scaled.Name)))
	}
	return e, nil
}

// Overhead returns what a layer of scheme trellis in place of tensor t takes in the file beside its
// Stream, at most: with numbers as long as they get.
func (w *Writer) Overhead(t codebook.Tensor) int64 {
	const digits = 1.23456e-123
	l := &codebook.Layer{
		Width: 1, Centroids: make([]byte, 255), ZeroPoint: 128, Scale: 1.2345678e-12,
		Stream: []byte{},
	}
	text, err := newRecord(t, l, codebook.Distortion{
		Signal: digits, Noise: digits, Approx: digits, Dot: digits, Max: digits,
	})
	if err != nil {
		panic(err) // numbers and names always marshal
	}
	part := codebook.Tensor{Name: t.Name + trellisSuffix, Shape: []int{1_000_000_000}}
	return layerBytes(t.Name, []codebook.Tensor{part}, text)
}

// HalfOverhead returns what the metadata takes that says that tensor t is kept as F16, as if it
// were the only one.
func (w *Writer) HalfOverhead(t codebook.Tensor) int64 {
	return int64(entryBytes(narrowedKey, encodeObject(map[string]string{t.Name: t.DType})))
}

// Rest returns what the file takes without layers in place of the tensors of these names, all
// others of the source passed through, at most: offsets are counted as ten digits, and tensors that
// will be kept as F16 in full. It is to be asked before anything is put.
func (w *Writer) Rest(layers []string) int64 {
	replaced := make(map[string]bool, len(layers))
	for _, name := range layers {
		replaced[name] = true
	}
	total, tensors := int64(0), 0
	header := make(map[string]any)
	for _, e := range w.src.entries {
		if !replaced[e.Name] && (e.scaled == nil || !replaced[e.scaled.Name]) {
			total += e.Bytes
			tensors++
			header[e.Name] = map[string]any{
				"dtype": e.DType, "shape": e.Shape, "data_offsets": []int64{1e9, 1e9},
			}
		}
	}
	frame := w.metadata(nil)
	header[metadataKey] = frame
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // numbers and names always marshal
	}
	const length, padding = 8, 8
	sums := base64.RawStdEncoding.EncodedLen(8 * tensors)
	if w.src.block != usualBlock {
		total += int64(entryBytes(blockKey, encodeBlock(w.src.block)))
	}
	total += length + int64(len(text)+sums) + padding
	if w.shardSize > 0 {
		again, err := json.Marshal(frame)
		if err != nil {
			panic(err)
		}
		total += (w.src.Size() / w.shardSize) * (length + int64(len(again)) + padding)
	}
	return total
}

// PutLayer stores layer l in place of tensor t of the source. It returns what that takes in the
// file: data, entries of the header, checksums and record.
func (w *Writer) PutLayer(ctx context.Context, t codebook.Tensor, l *codebook.Layer,
	d codebook.Distortion) (int64, error) {
	e, err := w.take(t)
	if err != nil {
		return 0, err
	}
	t.Scaled = e.scales != nil
	t = t.Unscaled()
	if err := l.Validate(); err != nil {
		return 0, w.about(t, fmt.Errorf("its layer: %w", err))
	}
	if rows, cols, ok := t.Matrix(); !ok || !t.Float() || !validFold(t.Folding(), len(t.Shape)) ||
		rows != l.Rows || cols != l.Cols {
		return 0, w.about(t, fmt.Errorf("%s cannot be a layer [%d, %d]",
			describe(t), l.Rows, l.Cols))
	}
	record, err := newRecord(t, l, d)
	if err != nil {
		return 0, w.about(t, fmt.Errorf("its record: %w", err))
	}
	f := &finished{
		Tensor: t.Name, Record: record, Distortion: d, from: w.kept.parts,
		second: needsSecond(t, l),
	}
	for _, p := range encode(t.Name, l) {
		offset, err := w.kept.append(ctx, p.data)
		if err != nil {
			return 0, w.fail(err)
		}
		f.Parts = append(f.Parts, finishedPart{
			p.Name, p.Shape, offset, p.Bytes, sum64(xxh3.Hash(p.data)),
		})
	}
	if w.kept.path != "" {
		sum, err := w.src.Checksum(ctx, t.Name, math.MaxInt64)
		if err != nil {
			return 0, err
		}
		f.Source = sum64(sum)
		if err := w.kept.note(journalLine{Layer: f}); err != nil {
			return 0, w.fail(err)
		}
	}
	return w.add(f), nil
}

// fail notes the first failure to write.
func (w *Writer) fail(err error) error {
	w.err = at(w.out.name(), err)
	return w.err
}

// add takes in a layer. It returns what it takes in the file.
func (w *Writer) add(f *finished) int64 {
	it := &item{record: f.Record, second: f.second}
	var tensors []codebook.Tensor
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range f.Parts {
		load := func(ctx context.Context, dst []byte) error {
			return readFull(ctx, io.NewSectionReader(f.from, p.Offset, p.Bytes), dst)
		}
		it.blobs = append(it.blobs, blob{Tensor: p.tensor(), load: load})
		w.sums[p.Name] = uint64(p.Sum)
		tensors = append(tensors, p.tensor())
	}
	w.items[f.Tensor] = it
	return layerBytes(f.Tensor, tensors, f.Record)
}

func (p finishedPart) tensor() codebook.Tensor {
	return codebook.Tensor{Name: p.Name, DType: dtype.U8, Shape: p.Shape, Bytes: p.Bytes}
}

// Finished stores what an earlier run has made of tensor t of the source and returns it, with what
// PutLayer would have returned. The layer is nil where there is nothing: then t is still to be put.
// It may be called at any time before Commit, even while something is put.
func (w *Writer) Finished(ctx context.Context, t codebook.Tensor) (l *codebook.Layer,
	d codebook.Distortion, bytes int64, err error) {
	f := w.kept.layers[t.Name]
	if f == nil {
		return nil, d, 0, nil
	}
	e, err := w.take(t)
	if err != nil {
		return nil, d, 0, err
	}
	l, bytes, err = w.takeUp(ctx, e, f, w.kept.path)
	return l, f.Distortion, bytes, err
}

// takeUp stores the layer of a tensor of the source that a run has left in a folder. It returns it,
// and what it takes in the file.
func (w *Writer) takeUp(ctx context.Context, e *entry, f *finished, left string) (
	*codebook.Layer, int64, error) {
	if err := w.unchanged(ctx, e, f.Source, left); err != nil {
		return nil, 0, err
	}
	l, err := f.layer(ctx, e.tensor())
	if err != nil {
		return nil, 0, at(left, err)
	}
	return l, w.add(f), nil
}

// unchanged reports an error unless a tensor of the source has the checksum that it had for the run
// that has left a folder.
func (w *Writer) unchanged(ctx context.Context, e *entry, sum sum64, left string) error {
	now, err := w.src.Checksum(ctx, e.Name, math.MaxInt64)
	if err == nil && now != uint64(sum) {
		err = e.corrupt("has changed since " + left + " was begun")
	}
	return err
}

// needsSecond reports whether version 1 does not know a layer of tensor t.
func needsSecond(t codebook.Tensor, l *codebook.Layer) bool {
	return secondVersion(t) != "" || l.WindowBits != 0
}

// layer reads a finished layer of tensor t.
func (f *finished) layer(ctx context.Context, t codebook.Tensor) (*codebook.Layer, error) {
	find := func(name string) *entry {
		for _, p := range f.Parts {
			if p.Name == name {
				return &entry{Tensor: p.tensor()}
			}
		}
		return nil
	}
	s, err := newStored(t.Name, f.Record, find)
	if err != nil {
		return nil, err
	}
	if t = t.Unscaled(); s.tensor.DType != t.DType || !slices.Equal(s.tensor.Shape, t.Shape) ||
		len(s.parts) != len(f.Parts) {
		err := fmt.Errorf("has a layer of %s in %d parts, expected %s", describe(s.tensor),
			len(f.Parts), describe(t))
		return nil, &codebook.TensorError{Tensor: t.Name, Err: err}
	}
	parts := make(map[string][]byte)
	for _, p := range f.Parts {
		data := make([]byte, p.Bytes)
		if err := readFull(ctx, io.NewSectionReader(f.from, p.Offset, p.Bytes), data); err != nil {
			return nil, err
		}
		parts[p.Name] = data
	}
	l, err := s.decode(parts)
	if err == nil {
		f.second = needsSecond(s.tensor, l)
	}
	return l, err
}

// Path is the path that Create was given.
func (w *Writer) Path() string { return w.out.name() }

// Plan returns what SetPlan was told, by this run or by the one that it takes up; nil: nothing.
func (w *Writer) Plan() json.RawMessage { return w.kept.plan }

// SetPlan keeps JSON that a run which takes this one up is to go on with: what the layers depend on
// and takes long to find.
func (w *Writer) SetPlan(plan json.RawMessage) error {
	w.kept.plan = plan
	if err := w.kept.note(journalLine{Plan: plan}); err != nil {
		return w.fail(err)
	}
	return nil
}

// about names the file and the tensor of an error.
func (w *Writer) about(t codebook.Tensor, err error) error {
	return atTensor(w.out.name(), t.Name, err)
}

// readFull is io.ReadFull until ctx is done.
func readFull(ctx context.Context, r io.Reader, dst []byte) error {
	for len(dst) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, dst[:min(chunkBytes, len(dst))])
		if err != nil {
			return err
		}
		dst = dst[n:]
	}
	return nil
}

// PutTensor passes tensor t of the source through, with its scales where it has any, bit for bit.
func (w *Writer) PutTensor(ctx context.Context, t codebook.Tensor) error {
	e, err := w.take(t)
	if err != nil {
		return err
	}
	it := new(item)
	if e.scales != nil && w.src.block != usualBlock {
		it.block, it.second = encodeBlock(w.src.block), true
	}
	return w.put(ctx, t.Name, it, e.together(), e.DType)
}

// PutHalf stores tensor t of the source, of dtype F32 or F64, as F16. Its values are rounded to the
// nearest float32 and then to the nearest F16, ties to even.
func (w *Writer) PutHalf(ctx context.Context, t codebook.Tensor) error {
	if !t.Wide() {
		return w.about(t, fmt.Errorf("%s is not kept as F16, only F32 and F64 are", describe(t)))
	}
	e, err := w.take(t)
	if err != nil {
		return err
	}
	return w.put(ctx, t.Name, &item{was: t.DType}, []*entry{e}, dtype.F16)
}

// put stores tensors of the source under a name, the first as values of a dtype. They are read
// again when the file is written, so that none are kept.
func (w *Writer) put(ctx context.Context, name string, it *item, tensors []*entry,
	as string) error {
	sums := make(map[string]uint64)
	for i, e := range tensors {
		t := e.Tensor
		if i == 0 && as != t.DType {
			t = t.Half()
		}
		sum, err := w.src.checksum(ctx, e, t.DType)
		if err != nil {
			return err
		}
		sums[e.Name] = sum
		it.blobs = append(it.blobs, blob{Tensor: t, load: func(ctx context.Context, dst []byte) error {
			return w.src.verified(ctx, e, t.DType, dst, sum, "changed while it was read")
		}})
	}
	w.mu.Lock()
	maps.Copy(w.sums, sums)
	w.items[name] = it
	w.mu.Unlock()
	if w.kept.path == "" || w.kept.kept[name].Tensor != "" {
		return nil
	}
	source := sums[name]
	if len(tensors) > 1 || as != tensors[0].DType { // else that is all that was read
		var err error
		if source, err = w.src.Checksum(ctx, name, math.MaxInt64); err != nil {
			return err
		}
	}
	line := keptLine{Tensor: name, Half: it.was != "", Source: sum64(source)}
	if err := w.kept.note(journalLine{Kept: &line}); err != nil {
		return w.fail(err)
	}
	return nil
}

// Commit writes the output and, where Create has begun it, gives it its name. Each tensor of the
// source must have been put. After an error, and once ctx is done, there is no output.
func (w *Writer) Commit(ctx context.Context) (size int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	for _, e := range w.src.entries {
		if w.items[e.Name] == nil && e.scaled == nil {
			return 0, w.about(e.Tensor, fmt.Errorf("was left out, %s has it", w.src.path))
		}
	}
	files, err := w.contents()
	if err != nil {
		return 0, at(w.out.name(), err)
	}
	if size, err = w.out.write(ctx, w.kept.scratch(), files...); err != nil {
		w.err = err
		return 0, err
	}
	w.Abort()
	return size, nil
}

// contents are the files of the output.
func (w *Writer) contents() ([]content, error) {
	units := make(map[string][]blob, len(w.items))
	for name, it := range w.items {
		units[name] = it.blobs
	}
	shards := split(units, w.shardSize, codebookExt)
	for i := range shards {
		s := &shards[i]
		s.metadata = w.metadata(s)
	}
	if w.shardSize == 0 {
		return []content{shards[0].content()}, nil
	}
	config, err := w.src.config(markConfig)
	return append(contentsOf(shards, codebookExt), config...), err
}

// metadata is that of the source and ours of a file; nil: of one before any tensor is put.
func (w *Writer) metadata(file *outShard) map[string]string {
	metadata := w.src.Metadata()
	if metadata == nil {
		metadata = make(map[string]string)
	}
	metadata[versionKey] = "1"
	narrowed, stacks, sums := make(map[string]string), make(map[string]int), make(map[string]uint64)
	if file == nil {
		file, stacks = new(outShard), w.src.stacks
	}
	for _, name := range file.units {
		it := w.items[name]
		if it.second || it.was != "" {
			metadata[versionKey] = "2"
		}
		if it.was != "" {
			narrowed[name] = it.was
		}
		if it.record != "" {
			metadata[layerPrefix+name] = it.record
		}
		if it.block != "" {
			metadata[blockKey] = it.block
		}
		for _, b := range it.blobs {
			sums[b.Name] = w.sums[b.Name]
		}
		if whole, _, ok := stack.Cut(name); ok && w.src.stacks[whole] > 0 {
			metadata[versionKey] = "2"
			stacks[whole] = w.src.stacks[whole]
		}
	}
	if len(narrowed) > 0 {
		metadata[narrowedKey] = encodeObject(narrowed)
	}
	if len(stacks) > 0 {
		metadata[stacksKey] = encodeObject(stacks)
	}
	metadata[producerKey] = producer
	if w.settings != "" {
		metadata[settingsKey] = w.settings
	}
	metadata[checksumsKey] = encodeChecksums(sums)
	metadata[headerKey] = headerChecksum(entriesOf(file.blobs), metadata)
	return metadata
}

// Abort removes all that was written but not committed. It does nothing after Commit and Suspend,
// so that it can be deferred.
func (w *Writer) Abort() { w.end((*partial).remove) }

// Suspend leaves the layers that have been put to a Writer that resumes, in the folder whose path
// it returns; "" where there are none, and after Commit and Abort.
func (w *Writer) Suspend() (path string) {
	w.end(func(p *partial) {
		if p.path == "" || !p.noted {
			p.remove()
			return
		}
		path = p.path
		p.close()
	})
	return path
}

// Finish is Suspend for a part of a model, of which all that it is to have has been put: see Merge.
func (w *Writer) Finish() (path string, err error) {
	w.end(func(p *partial) {
		path = p.path
		err = errors.Join(p.note(journalLine{Whole: true}), p.close())
	})
	return path, at(path, err)
}

func (w *Writer) end(how func(*partial)) {
	if w.kept == nil {
		return
	}
	how(w.kept)
	w.kept = nil
	w.err = errClosed
}

// IsCodebook reports whether a file has metadata of a codebook file, of whatever version and in
// whatever state.
func IsCodebook(f *File) bool {
	for key := range f.Metadata() {
		if strings.HasPrefix(key, ourPrefix) {
			return true
		}
	}
	return false
}
