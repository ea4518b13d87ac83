package format

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// blob is a tensor to be written: load fills dst, of the tensor's length, when its turn comes.
type blob struct {
	codebook.Tensor
	load   func(ctx context.Context, dst []byte) error
	slices []blob // of a stack, which are loaded one after the other instead
}

// arrange puts blobs in the order in which serialize writes them.
func arrange(blobs []blob) {
	rank := func(b blob) int { return dtype.Of(b.DType).Rank }
	slices.SortFunc(blobs, func(a, b blob) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Name, b.Name))
	})
}

// headerLimit passes a file on unless its first 8 bytes, the length of its header, say that it has
// one that readers would not take.
type headerLimit struct {
	w     io.Writer
	start []byte // the first bytes, up to 8
}

func (h *headerLimit) Write(p []byte) (int, error) {
	if missing := 8 - len(h.start); missing > 0 {
		h.start = append(h.start, p[:min(missing, len(p))]...)
		if len(h.start) == 8 {
			if n := binary.LittleEndian.Uint64(h.start); n > maxHeader {
				return 0, fmt.Errorf("the header would take %d bytes, the limit is %d",
					n, maxHeader)
			}
		}
	}
	return h.w.Write(p)
}

// entriesOf lists what the header will say of arranged blobs.
func entriesOf(blobs []blob) []entry {
	entries := make([]entry, len(blobs))
	end := int64(0)
	for i, b := range blobs {
		entries[i] = entry{Tensor: b.Tensor, begin: end, end: end + b.Bytes}
		end += b.Bytes
	}
	return entries
}

// serialize writes a safetensors file, holding one tensor in memory at a time, of a stack one
// slice. The library writes it, unless it does not know a dtype (F8_E4M3 ...) or there are stacks:
// then write has the same layout.
func serialize(ctx context.Context, w io.Writer, blobs []blob, metadata map[string]string) error {
	if max(len(blobs), len(metadata)) > maxEntries {
		return fmt.Errorf("%d tensors and %d keys of metadata, the limit is %d",
			len(blobs), len(metadata), maxEntries)
	}
	buffered := bufio.NewWriterSize(&headerLimit{w: w}, chunkBytes)
	arrange(blobs)
	by := writeByLibrary
	if slices.ContainsFunc(blobs, unknownToLibrary) {
		by = write
	}
	if err := by(ctx, buffered, blobs, metadata); err != nil {
		return err
	}
	return buffered.Flush()
}

// unknownToLibrary reports whether the library cannot write a tensor, or not slice by slice.
func unknownToLibrary(b blob) bool {
	_, err := safetensors.ParseDType(b.DType)
	return err != nil || b.slices != nil
}

func writeByLibrary(ctx context.Context, w io.Writer, blobs []blob,
	metadata map[string]string) error {
	shared := loader{ctx: ctx}
	views := make(map[string]view, len(blobs))
	for _, b := range blobs {
		kind, err := safetensors.ParseDType(b.DType)
		if err != nil {
			return err
		}
		views[b.Name] = view{b, kind, &shared}
	}
	if err := safetensors.SerializeToWriter(views, metadata, w); err != nil {
		return err
	}
	return shared.err
}

// write is SerializeToWriter for dtypes that the library cannot name.
func write(ctx context.Context, w io.Writer, blobs []blob, metadata map[string]string) error {
	type info struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	head := make(map[string]any, len(blobs)+1)
	if len(metadata) > 0 {
		head[metadataKey] = metadata
	}
	for _, e := range entriesOf(blobs) {
		head[e.Name] = info{e.DType, append([]int{}, e.Shape...), [2]int64{e.begin, e.end}}
	}
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	shared := loader{ctx: ctx}
	for _, b := range blobs {
		slices := b.slices
		if slices == nil {
			slices = []blob{b}
		}
		for _, s := range slices {
			data := shared.load(s)
			if shared.err != nil {
				return shared.err
			}
			if _, err := w.Write(data); err != nil {
				return err
			}
		}
	}
	return nil
}

// loader loads one blob at a time into a buffer that is used again, and keeps the first error.
type loader struct {
	ctx    context.Context // of one call of serialize: the library hands none on
	buffer []byte
	err    error
}

func (l *loader) load(b blob) []byte {
	if l.err != nil {
		return nil
	}
	if int64(cap(l.buffer)) < b.Bytes {
		l.buffer = nil // free before the larger one is made
		l.buffer = make([]byte, b.Bytes)
	}
	data := l.buffer[:b.Bytes]
	l.err = b.load(l.ctx, data)
	return data
}

// view is a blob as the library wants it. The library writes what Data returns before it asks for
// the next, so all views share one buffer; its Data cannot fail, so the loader keeps the error.
type view struct {
	blob
	kind   safetensors.DType
	shared *loader
}

func (v view) DType() safetensors.DType { return v.kind }
func (v view) DataLen() uint64          { return uint64(v.Bytes) }
func (v view) Data() []byte             { return v.shared.load(v.blob) }

func (v view) Shape() []uint64 {
	shape := make([]uint64, len(v.blob.Shape)) // not nil, which would be written as null
	for i, d := range v.blob.Shape {
		shape[i] = uint64(d)
	}
	return shape
}
