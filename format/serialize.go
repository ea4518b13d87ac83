package format

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"github.com/palettize/palettize/codebook"
)

// blob is a tensor to be written: load fills dst, of the tensor's length, when its turn comes.
type blob struct {
	codebook.Tensor
	load func(dst []byte) error
}

// arrange puts blobs in the order in which serialize writes them.
func arrange(blobs []blob) {
	slices.SortFunc(blobs, func(a, b blob) int {
		return cmp.Or(cmp.Compare(dtypeRank(b.DType), dtypeRank(a.DType)), cmp.Compare(a.Name, b.Name))
	})
}

// fill serializes into a new file. It refuses a header that readers would not take.
func fill(f *os.File, blobs []blob, metadata map[string]string) error {
	if err := serialize(f, blobs, metadata); err != nil {
		return err
	}
	var prefix [8]byte
	if _, err := f.ReadAt(prefix[:], 0); err != nil {
		return err
	}
	if n := binary.LittleEndian.Uint64(prefix[:]); n > maxHeader {
		return fmt.Errorf("the header would take %d bytes, the limit is %d", n, maxHeader)
	}
	return nil
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

// serialize writes a safetensors file, holding one tensor in memory at a time. The library writes
// it, unless it does not know a dtype (F8_E4M3 ...): then write has the same layout.
func serialize(w io.Writer, blobs []blob, metadata map[string]string) error {
	if max(len(blobs), len(metadata)) > maxEntries {
		return fmt.Errorf("%d tensors and %d keys of metadata, the limit is %d", len(blobs), len(metadata), maxEntries)
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	arrange(blobs)
	var err error
	if slices.ContainsFunc(blobs, func(b blob) bool { return foreignBits[b.DType] != 0 }) {
		err = write(buffered, blobs, metadata)
	} else {
		err = writeByLibrary(buffered, blobs, metadata)
	}
	if err != nil {
		return err
	}
	return buffered.Flush()
}

func writeByLibrary(w io.Writer, blobs []blob, metadata map[string]string) error {
	var shared loader
	views := make(map[string]view, len(blobs))
	for _, b := range blobs {
		dtype, err := safetensors.ParseDType(b.DType)
		if err != nil {
			return err
		}
		views[b.Name] = view{b, dtype, &shared}
	}
	if err := safetensors.SerializeToWriter(views, metadata, w); err != nil {
		return err
	}
	return shared.err
}

// write is SerializeToWriter for dtypes that the library cannot name.
func write(w io.Writer, blobs []blob, metadata map[string]string) error {
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
	var shared loader
	for _, b := range blobs {
		data := shared.load(b)
		if shared.err != nil {
			return shared.err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// loader loads one blob at a time into a buffer that is used again, and keeps the first error.
type loader struct {
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
	l.err = b.load(data)
	return data
}

// view is a blob as the library wants it. The library writes what Data returns before it asks for
// the next, so all views share one buffer; its Data cannot fail, so the loader keeps the error.
type view struct {
	blob
	dtype  safetensors.DType
	shared *loader
}

func (v view) DType() safetensors.DType { return v.dtype }
func (v view) DataLen() uint64          { return uint64(v.Bytes) }
func (v view) Data() []byte             { return v.shared.load(v.blob) }

func (v view) Shape() []uint64 {
	shape := make([]uint64, len(v.blob.Shape)) // not nil, which would be written as null
	for i, d := range v.blob.Shape {
		shape[i] = uint64(d)
	}
	return shape
}
