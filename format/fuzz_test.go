package format

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// seeds adds the golden and the bad files to a fuzz target.
func seeds(f *testing.F) {
	for _, glob := range []string{"golden/v1", "golden/v2", "bad", "bad-codebook"} {
		paths, err := filepath.Glob(filepath.Join("testdata", glob, "*"))
		if err != nil || len(paths) == 0 {
			f.Fatalf("testdata/%s: %d files, %v", glob, len(paths), err)
		}
		for _, path := range paths {
			f.Add(contentOf(f, path))
		}
	}
}

// FuzzScan: no input makes scan panic, and what it accepts the library reads in the same way.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := scan(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			if corrupt := new(CorruptError); !errors.As(err, &corrupt) || corrupt.Reason == "" ||
				corrupt.Offset < 0 || corrupt.Offset > int64(len(file)) {
				t.Fatalf("%#v", err)
			}
			return
		}
		asLibrary(t, file, l)
	})
}

// FuzzOpenCodebook: no input makes opening, reading and rebuilding panic, with the checksums that
// it has and with the right ones.
func FuzzOpenCodebook(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		readEverything(t, file)
		if sealed, ok := reseal(t, file); ok {
			readEverything(t, sealed)
		}
	})
}

func readEverything(t *testing.T, file []byte) {
	c, err := openMemory(t, file)
	if err != nil {
		return
	}
	c.Info()
	for _, s := range c.layers {
		l, err := c.layer(t.Context(), s)
		if err != nil {
			continue
		}
		if s.tensor.Bytes > 1<<20 {
			continue
		}
		if err := rebuild(t.Context(), make([]byte, s.tensor.Bytes), l, s.tensor); err != nil {
			t.Fatal(err)
		}
	}
	for _, tensor := range c.rest {
		if tensor.Float() {
			_, err := c.Rest().Floats(t.Context(), tensor.Name)
			if err != nil && !tensor.Scaled { // whose scales may be those of other blocks
				t.Fatal(err)
			}
		}
		for _, b := range c.restored(tensor, false) {
			if err := b.load(t.Context(), make([]byte, b.Bytes)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// reseal gives a file the checksums of what it holds.
func reseal(t testing.TB, file []byte) ([]byte, bool) {
	t.Helper()
	f, err := NewFile(bytes.NewReader(file), int64(len(file)), "memory")
	if err != nil {
		return nil, false
	}
	p := takeApart(t, f)
	p.metadata[versionKey] = "2"
	return p.seal(t), true
}

// parts of a codebook file, to be changed and put together again.
type parts struct {
	metadata map[string]string
	tensors  map[string]*tensor
}

func takeApart(t testing.TB, f *File) parts {
	t.Helper()
	p := parts{f.Metadata(), make(map[string]*tensor)}
	if p.metadata == nil {
		p.metadata = make(map[string]string)
	}
	for i := range f.entries {
		e := &f.entries[i]
		data := make([]byte, 0, e.Bytes)
		err := f.chunks(t.Context(), e, func(chunk []byte) error {
			data = append(data, chunk...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p.tensors[e.Name] = &tensor{e.Name, e.DType, e.Shape, data}
	}
	return p
}

// seal puts the parts together under the right checksums.
func (p parts) seal(t testing.TB) []byte {
	t.Helper()
	sums := make(map[string]uint64)
	for name, s := range p.tensors {
		sums[name] = xxh3.Hash(s.data)
	}
	p.metadata[checksumsKey] = encodeChecksums(sums)
	blobs := p.blobs(t)
	arrange(blobs)
	p.metadata[headerKey] = headerChecksum(entriesOf(blobs), p.metadata)
	return p.write(t)
}

func (p parts) blobs(t testing.TB) []blob {
	t.Helper()
	var blobs []blob
	for name, s := range p.tensors {
		size, err := dtype.Of(s.dtype).Size(s.shape)
		if err != nil || size != int64(len(s.data)) {
			t.Fatalf("%s: %s %v is no shape for %d bytes", name, s.dtype, s.shape, len(s.data))
		}
		tensor := codebook.Tensor{Name: name, DType: s.dtype, Shape: s.shape, Bytes: size}
		load := func(_ context.Context, dst []byte) error {
			copy(dst, s.data)
			return nil
		}
		blobs = append(blobs, blob{Tensor: tensor, load: load})
	}
	return blobs
}

// write puts the parts together as they are.
func (p parts) write(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := serialize(t.Context(), &b, p.blobs(t), p.metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
