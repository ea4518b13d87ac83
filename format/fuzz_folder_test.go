package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
)

// FuzzConfig: a configuration that is marked is JSON if it was, and comes back bit for bit; of a
// model that is quantised no more nothing says that it is.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		configText, "{}", " {\"a\": 1}", "[]", "{", "null",
		`{"quantization_config": {"quant_method": "fp8", "weight_block_size": [32, 16]}}`,
		`{"original_quantization_config": 1, "quantization_config": 2}`,
		`{"original_original_quantization_config": 1, "a": {"quantization_config": 2} }`,
		`{"quantization_config": 1, "quantization_config": 2, "\u0071uantization_config": 3}`,
		"{" + mark + " , \"a\": 1}", "[{" + mark + "}]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		marked := markConfig(bytes.Clone(text))
		object := isObject(text)
		if bytes.Contains(marked, []byte("{"+mark)) != object && !bytes.Contains(text, []byte(mark)) {
			t.Errorf("becomes %q", marked)
		}
		if object {
			if back := unmarkConfig(bytes.Clone(marked)); !bytes.Equal(back, text) {
				t.Errorf("becomes %q and comes back as %q", marked, back)
			}
		}
		plain, floats := unmarkConfig(bytes.Clone(text)), unquantisedConfig(bytes.Clone(text))
		for _, edited := range [][]byte{marked, plain, floats} {
			if json.Valid(edited) != json.Valid(text) || isObject(edited) != object {
				t.Errorf("becomes %q", edited)
			}
		}
		if slices.ContainsFunc(members(floats), func(m member) bool {
			return m.key == quantisationOf
		}) {
			t.Errorf("is quantised still: %q", floats)
		}
	})
}

// FuzzIndex: no index makes opening panic, or leads out of its folder, and one that is taken says
// where its tensors are.
func FuzzIndex(f *testing.F) {
	model := writeFolder(f, 2)
	outside := filepath.Join(filepath.Dir(model), "outside.safetensors")
	const first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	put(f, outside, string(contentOf(f, filepath.Join(model, first))))
	if err := os.Symlink(outside, filepath.Join(model, "link.safetensors")); err != nil {
		f.Skip(err)
	}
	path := filepath.Join(model, stem+modelExt+indexExt)
	good := string(contentOf(f, path))
	f.Add(good)
	f.Add(`{"metadata": {"palettize_headers": {"` + first + `": "0"}}, "weight_map": {"l0": "` +
		first + `"}}`)
	for _, name := range []string{
		second, "", ".", "..", "../outside.safetensors", outside, "link.safetensors", "1_Pooling",
		"config.json", `..\outside.safetensors`, "model\x00", "./" + first,
	} {
		f.Add(strings.ReplaceAll(good, first, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		put(t, path, text)
		m, err := Open(model)
		if err != nil {
			if !strings.HasPrefix(err.Error(), model) {
				t.Error(err)
			}
			return
		}
		defer m.Close()
		home, err := resolved(model)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.shards {
			if file, err := resolved(s.path); err != nil || filepath.Dir(file) != home {
				t.Errorf("%s is %s, not in %s: %v", s.path, file, home, err)
			}
		}
		x := new(index)
		if err := json.Unmarshal([]byte(text), x); err != nil {
			t.Fatal(err)
		}
		for name, in := range x.WeightMap {
			if e := m.find(name); e == nil || filepath.Base(e.in.path) != in {
				t.Errorf("tensor %q is not in %q", name, in)
			}
		}
	})
}

// FuzzMetadata: whatever a codebook file's metadata says of layers, stacks, blocks of scales and
// tensors that are kept as F16, with checksums that are right, reading it does not panic.
func FuzzMetadata(f *testing.F) {
	var books []parts
	for _, path := range goldenBooks(f) {
		file := contentOf(f, path)
		opened, err := NewFile(bytes.NewReader(file), int64(len(file)), path)
		if err != nil {
			f.Fatal(err)
		}
		p := takeApart(f, opened)
		books = append(books, p)
		for _, key := range slices.Sorted(maps.Keys(p.metadata)) {
			if strings.HasPrefix(key, ourPrefix) && key != headerKey && key != checksumsKey {
				f.Add(byte(len(books)-1), key, p.metadata[key])
			}
		}
	}
	f.Add(byte(0), stacksKey, `{"a":2}`)
	f.Add(byte(0), blockKey, "[1,2]")
	f.Add(byte(0), narrowedKey, `{"bias":"F32"}`)
	f.Fuzz(func(t *testing.T, book byte, key, text string) {
		if key == metadataKey || key == headerKey || key == checksumsKey {
			return
		}
		p := books[int(book)%len(books)]
		p.metadata = maps.Clone(p.metadata)
		p.metadata[key] = text
		file := p.seal(t)
		readEverything(t, file)
		if c, err := openMemory(t, file); err == nil {
			var out bytes.Buffer
			if err := DecompressTo(t.Context(), &out, c); err == nil {
				asOriginal(t, c, out.Bytes())
			}
		}
	})
}

// goldenBooks are the paths of codebook files of every kind.
func goldenBooks(t testing.TB) []string {
	t.Helper()
	var books []string
	for _, version := range []string{"v1", "v2"} {
		paths, err := filepath.Glob(filepath.Join("testdata", "golden", version, "*"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%d files, %v", len(paths), err)
		}
		for _, path := range paths {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if IsCodebook(f) {
				books = append(books, path)
			}
			f.Close()
		}
	}
	return books
}

// asOriginal checks that a decompressed file has the tensors that its codebook file speaks of.
func asOriginal(t *testing.T, c *Codebook, dense []byte) {
	t.Helper()
	f, err := NewFile(bytes.NewReader(dense), int64(len(dense)), "decompressed")
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, original := range c.originals() {
		want[original.Name] = original.DType + shapeText(original.Shape)
	}
	for i := range f.entries {
		e := &f.entries[i]
		if got := e.DType + shapeText(e.Shape); e.scaled == nil && want[e.Name] != got &&
			want[e.Name] != "" {
			t.Errorf("tensor %q is %s, expected %s", e.Name, got, want[e.Name])
		}
	}
}

// FuzzPartial: whatever a run that was cut off seems to have left, the one that takes it up writes
// the right file or says what is wrong. With right checksums for each line of the journal, which no
// accident makes, its layers may be others, but it is a file of the model's tensors, or an error.
func FuzzPartial(f *testing.F) {
	r := newResumable(f)
	whole := r.whole(f)
	left := r.out + partialExt
	for _, layers := range []int{1, 4} {
		if _, err := r.run(f.Context(), r.opts, layers, suspend); err != nil {
			f.Fatal(err)
		}
		files := contentsIn(f, left)
		f.Add([]byte(files[journalName]), []byte(files[partsName]), false)
		f.Add([]byte(files[journalName]), []byte(files[partsName]), true)
		lines := strings.SplitAfter(files[journalName], "\n")
		f.Add([]byte(strings.Join(lines[1:], "")), []byte(files[partsName]), false)
		os.RemoveAll(left)
	}
	src, err := Open(r.model)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { src.Close() })
	resume := r.opts
	resume.Resume = true
	f.Fuzz(func(t *testing.T, journal, layers []byte, sealed bool) {
		os.RemoveAll(left)
		os.Remove(r.out)
		if sealed {
			journal = sealLines(journal)
		}
		put(t, filepath.Join(left, journalName), string(journal))
		put(t, filepath.Join(left, partsName), string(layers))
		_, merged := Merge(t.Context(), r.out, r.model, []string{left}, CreateOptions{Overwrite: true})
		if merged == nil {
			r.check(t, src, whole, sealed)
			os.Remove(r.out)
		}
		switch _, err := r.run(t.Context(), resume, -1, nil); {
		case err == nil:
			r.check(t, src, whole, sealed)
		case !sealed && !strings.Contains(err.Error(), "was begun"):
			t.Errorf("resumed: %v", err)
		default:
			if _, err := os.Stat(r.out); err == nil {
				t.Error("there is an output after an error")
			}
		}
	})
}

// sealLines gives each line of a journal its checksum.
func sealLines(journal []byte) []byte {
	var sealed []byte
	for line := range bytes.Lines(journal) {
		_, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		if ok {
			sealed = fmt.Appendf(sealed, "%016x %s\n", xxh3.Hash(text), text)
		}
	}
	return sealed
}

// check holds the output against that of a run that nothing interrupts or, where layers may be
// others, against the model.
func (r resumable) check(t *testing.T, src *File, whole []byte, others bool) {
	t.Helper()
	file := contentOf(t, r.out)
	if bytes.Equal(file, whole) {
		return
	}
	c, err := openMemory(t, file)
	if err != nil || !others {
		t.Fatalf("the file is another (%v)", err)
	}
	var got, want []string
	for _, tensor := range c.originals() {
		got = append(got, tensor.Name+" "+describe(codebook.Tensor{
			DType: tensor.DType, Shape: tensor.Shape,
		}))
	}
	for _, tensor := range src.Tensors() {
		want = append(want, tensor.Name+" "+describe(tensor))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("has %q, expected %q", got, want)
	}
	var dense bytes.Buffer
	if err := DecompressTo(t.Context(), &dense, c); err != nil && !errors.As(err,
		new(*CorruptError)) {
		t.Error(err)
	}
}
