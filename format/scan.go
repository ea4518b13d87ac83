package format

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// The limits of a header. A reader that keeps to them takes a few times the header's size.
const (
	maxHeader  = 100_000_000 // bytes; other readers of safetensors files refuse more
	maxEntries = 1_000_000   // tensors, and keys of __metadata__
	maxRank    = 64          // dimensions of a tensor
)

const metadataKey = "__metadata__"

// entry is one tensor of a header.
type entry struct {
	codebook.Tensor
	in    *shard
	begin int64 // in the data
	end   int64
	where int64 // of the entry, in the file

	scales *entry // of its values, see scaleSuffix; nil: it has none
	scaled *entry // whose scales it is; nil: it is none
}

// layout is what a header says.
type layout struct {
	entries  []entry           // by offset, then name
	metadata map[string]string // nil without __metadata__
	data     int64             // where the data begins in the file
	plain    bool              // no white space but padding, no upper-case digits in escapes
}

// scan reads and checks the header of a file of this size. It is strict where the library is
// not: it accepts each key once, whole numbers only, and data that the tensors cover from the first
// byte to the last without gap or overlap. It reads the header as a stream, for two reasons: the
// library takes 1.4 GB for a header of 90 MB, and it refuses whole files for one tensor of a dtype
// that it does not know (F8_E4M3), which we pass through. So its own parser never sees a header.
func scan(r io.ReaderAt, size int64) (*layout, error) {
	n, err := headerLen(r, size)
	if err != nil {
		return nil, err
	}
	s := &scanner{
		r:   bufio.NewReaderSize(io.NewSectionReader(r, 8, n), int(min(n, 64<<10))),
		pos: 8,
		out: layout{data: 8 + n, plain: true},
	}
	if err := s.header(); err != nil {
		return nil, err
	}
	if err := s.out.cover(size); err != nil {
		return nil, err
	}
	return &s.out, nil
}

// headerLen reads the length of the header. It is a claim: it is held against the limit and the
// bytes that are there before anything is done with it.
func headerLen(r io.ReaderAt, size int64) (int64, error) {
	switch {
	case size == 0:
		return 0, whole(0, "is empty: download it again, or look at what wrote it")
	case size < 8:
		return 0, whole(size, "has %d bytes, too few for a safetensors file: "+
			"download it again?", size)
	}
	var start [9]byte // the length, and what the header begins with if it is there
	there := min(size, int64(len(start)))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, there), start[:there]); err != nil {
		return 0, shrunk(header, 0, err)
	}
	n := binary.LittleEndian.Uint64(start[:])
	const no = "is no safetensors file, or a damaged one: " +
		"its first 8 bytes say that its header takes %d bytes, "
	switch room := uint64(size) - 8; {
	case n > maxHeader:
		return 0, whole(0, no+"the limit is %d", n, maxHeader)
	case n < 2:
		return 0, whole(0, no+"too few for {}", n)
	case n > room && (room == 0 || start[8] == '{'):
		return 0, whole(size, "has %d bytes, its header alone takes %d: "+
			"download it again?", size, 8+n)
	case n > room:
		return 0, whole(0, no+"it has %d bytes", n, size)
	}
	return int64(n), nil
}

// whole is an error that is about the file as a whole.
func whole(offset int64, format string, args ...any) error {
	return &CorruptError{Tensor: wholeFile, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// shrunk is the error of reading a tensor, or the header, up to an offset. The end of a file where
// there was none before becomes a CorruptError.
func shrunk(tensor string, offset int64, err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &CorruptError{
			Tensor: tensor, Offset: offset, Err: io.ErrUnexpectedEOF,
			Reason: "the file ends here: it has shrunk since it was opened",
		}
	case tensor == header:
		return err
	}
	return &codebook.TensorError{Tensor: tensor, Err: cause(err)}
}

// cover puts the entries in order and checks that they cover the data exactly.
func (l *layout) cover(size int64) error {
	slices.SortFunc(l.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end),
			cmp.Compare(a.Name, b.Name))
	})
	room, end := size-l.data, int64(0)
	for i := range l.entries {
		e := &l.entries[i]
		reason := ""
		switch {
		case e.begin < end:
			reason = fmt.Sprintf("begins at byte %d of the data, %d before tensor %s ends",
				e.begin, end-e.begin, quote(l.entries[i-1].Name))
		case e.begin > end:
			reason = fmt.Sprintf("begins at byte %d of the data and leaves a hole of %d before it",
				e.begin, e.begin-end)
		}
		if reason != "" {
			return &CorruptError{Tensor: e.Name, Offset: e.where, Reason: reason}
		}
		end = e.end
	}
	switch {
	case end > room:
		return whole(size, "has %d bytes, its header says %d: download it again?", size, l.data+end)
	case end < room:
		return whole(l.data+end, "has %d bytes, its header says %d: "+
			"it is damaged, or something was added at its end", size, l.data+end)
	}
	return nil
}

func (s *scanner) header() error {
	switch c, err := s.byte(); {
	case err != nil:
		return err
	case c != '{':
		s.pos--
		return s.fail("begins with %q, not with '{'", c)
	}
	seen := make(map[string]struct{})
	err := s.object(func(key string) error {
		if _, ok := seen[key]; ok {
			return s.fail("key %s is there twice", quote(key))
		}
		if len(seen) > maxEntries {
			return s.fail("more than %d tensors", maxEntries)
		}
		seen[key] = struct{}{}
		if key == metadataKey {
			return s.metadata()
		}
		if err := s.expect('{', "after key "+quote(key)); err != nil {
			return err
		}
		return s.entry(key)
	})
	if err != nil {
		return err
	}
	for { // padding
		c, err := s.r.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch c {
		case ' ':
		case '\t', '\n', '\r':
			s.out.plain = false
		default:
			return s.fail("found %q after the end of the JSON", c)
		}
		s.pos++
	}
}

// metadata reads what follows the key of the metadata. Some writers put null there when they have
// none, and other readers take it.
func (s *scanner) metadata() error {
	switch c, err := s.token(); {
	case err != nil:
		return err
	case c == 'n':
		return s.rest("null")
	case c != '{':
		s.pos--
		return s.fail("found %q, expected '{' or null after key %q", c, metadataKey)
	}
	s.out.metadata = make(map[string]string)
	return s.object(func(key string) error {
		if _, ok := s.out.metadata[key]; ok {
			return s.fail("key %s of %s is there twice", quote(key), metadataKey)
		}
		if len(s.out.metadata) == maxEntries {
			return s.fail("more than %d keys in %s", maxEntries, metadataKey)
		}
		first, err := s.token()
		if err != nil {
			return err
		}
		value, err := s.string(first)
		if err != nil {
			return err
		}
		s.out.metadata[key] = value
		return nil
	})
}

// entry reads what the header says of one tensor.
func (s *scanner) entry(name string) error {
	e := entry{where: s.pos - 1}
	e.Name = name
	var seen struct{ dtype, shape, offsets bool }
	err := s.object(func(key string) error {
		first, err := s.token()
		if err != nil {
			return err
		}
		twice := false
		switch key {
		case "dtype":
			twice, seen.dtype = seen.dtype, true
			e.DType, err = s.string(first)
		case "shape":
			twice, seen.shape = seen.shape, true
			e.Shape, err = s.numbers(first, maxRank)
		case "data_offsets":
			twice, seen.offsets = seen.offsets, true
			var offsets []int
			offsets, err = s.numbers(first, 2)
			if err == nil && len(offsets) != 2 {
				err = s.fail("%d data_offsets, expected 2", len(offsets))
			}
			if err == nil {
				e.begin, e.end = int64(offsets[0]), int64(offsets[1])
			}
		default:
			err = s.fail("unknown key %s", quote(key))
		}
		if err == nil && twice {
			err = s.fail("key %q is there twice", key)
		}
		return err
	})
	if corrupt := new(CorruptError); errors.As(err, &corrupt) {
		inEntry := *corrupt
		inEntry.Tensor = name
		return &inEntry
	}
	if err != nil {
		return err
	}
	reason := "the entry lacks one of dtype, shape and data_offsets"
	if seen.dtype && seen.shape && seen.offsets {
		reason = e.measure()
	}
	if reason != "" {
		return &CorruptError{Tensor: name, Offset: e.where, Reason: reason}
	}
	s.out.entries = append(s.out.entries, e)
	return nil
}

// measure fills in how many bytes the entry's values take, and says what does not fit together in
// it, "" where all does.
func (e *entry) measure() string {
	kind := dtype.Of(e.DType)
	if !kind.Known() {
		return "unknown dtype " + quote(e.DType)
	}
	if e.begin > e.end {
		return fmt.Sprintf("data_offsets [%d, %d] run backwards", e.begin, e.end)
	}
	var err error
	if e.Bytes, err = kind.Size(e.Shape); err != nil {
		return fmt.Sprintf("%v: %s", err, describe(e.Tensor))
	}
	if e.Bytes != e.end-e.begin {
		return fmt.Sprintf("%s takes %d bytes, data_offsets [%d, %d] give %d",
			describe(e.Tensor), e.Bytes, e.begin, e.end, e.end-e.begin)
	}
	return ""
}
