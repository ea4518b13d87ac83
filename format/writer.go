package format

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
)

// CreateOptions are those of Create.
type CreateOptions struct {
	Overwrite bool   // replace a file that is there
	Settings  string // JSON: what the file was made with, kept in its metadata; may be empty
}

// Writer writes a codebook file. It implements [compress.Sink]. Layers go to a temporary file,
// which Create has in the output's folder; tensors that pass through stay in the source until
// Commit.
type Writer struct {
	out      destination
	src      *File
	settings string
	spool    *os.File // parts of layers, one after the other
	spooled  int64
	blobs    []blob
	sums     map[string]uint64 // of blobs, by name
	records  map[string]string // of layers, by name
	done     map[string]bool   // tensors of the source
	second   bool              // something is there that version 1 does not know
	block    string            // of scales that passed through, as JSON; "": the usual one
	narrowed map[string]string // original dtypes of the tensors that are kept as F16, by name
	err      error             // the first failure: the writer is of no use after it
}

// errClosed is what a Writer says after Commit and Abort.
var errClosed = errors.New("format: writer is closed")

// Create begins a codebook file for the model src, which must stay open until Commit. It fails
// before any work is done when the output exists and is not to be overwritten, or could not be
// written, and when the source has names that the file's own would collide with. One of Commit and
// Abort must follow.
func Create(path string, src *File, opts CreateOptions) (*Writer, error) {
	if err := collisions(src); err != nil {
		return nil, err
	}
	out, err := newOutput(path, opts.Overwrite, src.info)
	if err != nil {
		return nil, err
	}
	return begin(out, src, opts.Settings)
}

// NewWriter is Create for a file that Commit writes to w. Nothing reaches w before that; what it
// has got is a file only if Commit returns no error. Settings are those of CreateOptions.
func NewWriter(w io.Writer, src *File, settings string) (*Writer, error) {
	if err := collisions(src); err != nil {
		return nil, err
	}
	return begin(toWriter{w}, src, settings)
}

func begin(out destination, src *File, settings string) (*Writer, error) {
	settings, err := compact(settings)
	if err != nil {
		return nil, at(out.name(), fmt.Errorf("settings: %w", err))
	}
	spool, err := out.temporary()
	if err != nil {
		return nil, err
	}
	// Where the system lets an open file be removed, nothing can be left behind, whatever ends the
	// program. Where it does not, close removes it.
	os.Remove(spool.Name())
	return &Writer{
		out: out, src: src, settings: settings, spool: spool,
		sums: make(map[string]uint64), records: make(map[string]string),
		done: make(map[string]bool), narrowed: make(map[string]string),
	}, nil
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
	for _, e := range src.layout.entries {
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
	if w.done[t.Name] {
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
	return int64(entryBytes(narrowedKey, encodeNarrowed(map[string]string{t.Name: t.DType})))
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
	for _, e := range w.src.layout.entries {
		if !replaced[e.Name] && (e.scaled == nil || !replaced[e.scaled.Name]) {
			total += e.Bytes
			tensors++
			header[e.Name] = map[string]any{
				"dtype": e.DType, "shape": e.Shape, "data_offsets": []int64{1e9, 1e9},
			}
		}
	}
	header[metadataKey] = w.metadata()
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // numbers and names always marshal
	}
	const length, padding = 8, 8
	sums := base64.RawStdEncoding.EncodedLen(8 * tensors)
	if w.src.block != usualBlock {
		total += int64(entryBytes(blockKey, encodeBlock(w.src.block)))
	}
	return total + length + int64(len(text)+sums) + padding
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
	parts := encode(t.Name, l)
	tensors := make([]codebook.Tensor, len(parts))
	for i, p := range parts {
		tensors[i] = p.Tensor
		if err := w.keep(ctx, p); err != nil {
			w.err = at(w.out.name(), err)
			return 0, w.err
		}
	}
	w.records[t.Name] = record
	t.Fold = t.Folding()
	w.second = w.second || (&stored{tensor: t}).second() != "" || l.WindowBits != 0
	w.finish(e)
	return layerBytes(t.Name, tensors, record), nil
}

// finish notes that a tensor of the source, with its scales, is in the file.
func (w *Writer) finish(e *entry) {
	for _, part := range e.together() {
		w.done[part.Name] = true
	}
}

// about names the file and the tensor of an error.
func (w *Writer) about(t codebook.Tensor, err error) error {
	return atTensor(w.out.name(), t.Name, err)
}

// keep appends a part to the spool.
func (w *Writer) keep(ctx context.Context, p part) error {
	offset, size := w.spooled, p.Bytes // what load keeps: not the data, which would fill the memory
	to := &untilDone{ctx: ctx, w: io.NewOffsetWriter(w.spool, offset)}
	if _, err := to.Write(p.data); err != nil {
		return err
	}
	w.spooled += size
	w.sums[p.Name] = xxh3.Hash(p.data)
	w.blobs = append(w.blobs, blob{p.Tensor, func(ctx context.Context, dst []byte) error {
		return readFull(ctx, io.NewSectionReader(w.spool, offset, size), dst)
	}})
	return nil
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
	for _, part := range e.together() {
		if err := w.put(ctx, part, part.Tensor); err != nil {
			return err
		}
	}
	if e.scales != nil && w.src.block != usualBlock {
		w.block, w.second = encodeBlock(w.src.block), true
	}
	w.finish(e)
	return nil
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
	if err := w.put(ctx, e, e.Half()); err != nil {
		return err
	}
	w.narrowed[t.Name] = t.DType
	w.finish(e)
	return nil
}

// put stores a tensor of the source as another one, of the same name and shape. Its values are read
// again when the file is written, so that none are kept.
func (w *Writer) put(ctx context.Context, e *entry, as codebook.Tensor) error {
	sum, err := w.src.checksum(ctx, e, as.DType)
	if err != nil {
		return err
	}
	w.sums[e.Name] = sum
	w.blobs = append(w.blobs, blob{as, func(ctx context.Context, dst []byte) error {
		return w.src.verified(ctx, e, as.DType, dst, sum, "changed while it was read")
	}})
	return nil
}

// Commit writes the file and, where Create has begun it, gives it its name. Each tensor of the
// source must have been put. After an error, and once ctx is done, there is no output.
func (w *Writer) Commit(ctx context.Context) (size int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	defer w.Abort()
	for _, e := range w.src.layout.entries {
		if !w.done[e.Name] {
			return 0, w.about(e.Tensor, fmt.Errorf("was left out, %s has it", w.src.path))
		}
	}
	metadata := w.metadata()
	return w.out.write(ctx, func(to io.Writer) error {
		return serialize(ctx, to, w.blobs, metadata)
	})
}

// metadata is that of the source and ours.
func (w *Writer) metadata() map[string]string {
	metadata := w.src.Metadata()
	if metadata == nil {
		metadata = make(map[string]string)
	}
	metadata[versionKey] = "1"
	if w.second || len(w.narrowed) > 0 {
		metadata[versionKey] = "2"
	}
	if len(w.narrowed) > 0 {
		metadata[narrowedKey] = encodeNarrowed(w.narrowed)
	}
	if w.block != "" {
		metadata[blockKey] = w.block
	}
	metadata[producerKey] = producer
	if w.settings != "" {
		metadata[settingsKey] = w.settings
	}
	for name, record := range w.records {
		metadata[layerPrefix+name] = record
	}
	metadata[checksumsKey] = encodeChecksums(w.sums)
	arrange(w.blobs)
	metadata[headerKey] = headerChecksum(entriesOf(w.blobs), metadata)
	return metadata
}

// Abort removes all that was written but not committed. It does nothing after Commit, so that it
// can be deferred.
func (w *Writer) Abort() {
	if w.spool == nil {
		return
	}
	w.spool.Close()
	os.Remove(w.spool.Name())
	w.spool = nil
	w.err = errClosed
}

// IsCodebook reports whether a file has metadata of a codebook file, of whatever version and in
// whatever state.
func IsCodebook(f *File) bool {
	for key := range f.layout.metadata {
		if strings.HasPrefix(key, ourPrefix) {
			return true
		}
	}
	return false
}
