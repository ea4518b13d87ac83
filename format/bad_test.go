package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false,
	"write the files of testdata and the dump of FORMAT.md anew")

// fileOf puts a file together from the text of its header and the length of its data.
func fileOf(header string, data int) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))),
		header+strings.Repeat("\x07", data)...)
}

// tensorText is the entry of a tensor.
func tensorText(name, dtype, shape string, begin, end int64) string {
	return fmt.Sprintf(`%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`,
		name, dtype, shape, begin, end)
}

// fileWith puts a file together from the entries of tensors and the length of its data.
func fileWith(data int, tensors ...string) []byte {
	return fileOf("{"+strings.Join(tensors, ",")+"}", data)
}

// bad files and what is said of them: where, and a part of the reason. Each is in testdata/bad.
var bad = []struct {
	name, tensor, reason string
	content              []byte
}{
	{"empty", wholeFile, "is empty: download it again", nil},
	{"seven-bytes", wholeFile, "has 7 bytes, too few for a safetensors file: download it again?",
		[]byte("\x02\x00\x00\x00\x00\x00\x00")},
	{"header-length-only", wholeFile, "has 8 bytes, its header alone takes 10: download it again?",
		[]byte("\x02\x00\x00\x00\x00\x00\x00\x00")},
	{"header-past-end", wholeFile, "has 10 bytes, its header alone takes 208: download it again?",
		append([]byte("\xc8\x00\x00\x00\x00\x00\x00\x00"), "{}"...)},
	{"header-huge", wholeFile, "has 10 bytes, its header alone takes 90000008: download it again?",
		append(binary.LittleEndian.AppendUint64(nil, 90_000_000), "{}"...)},
	{"header-past-end-of-something-else", wholeFile, "its header takes 200 bytes, it has 10 bytes",
		append([]byte("\xc8\x00\x00\x00\x00\x00\x00\x00"), "\x01\x02"...)},
	{"header-negative", wholeFile,
		"is no safetensors file, or a damaged one: its first 8 bytes say that " +
			"its header takes 18446744073709551615 bytes, the limit is",
		append([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), "{}"...)},
	{"header-zero", wholeFile, "its header takes 0 bytes, too few for {}", make([]byte, 16)},
	{"header-cut", "a", "ends in the middle", fileOf(`{"a":{"dtype":"U8","sha`, 0)},
	{"header-null", header, `begins with 'n'`, fileOf(`null    `, 0)},
	{"header-not-object", header, `begins with '['`, fileOf(`[]      `, 0)},
	{"header-leading-space", header, `begins with ' '`, fileOf(` {}     `, 0)},
	{"header-two-objects", header, `found '{' after the end`, fileOf(`{}{}    `, 0)},
	{"header-trailing-comma", header, `found '}', expected a string`,
		fileOf("{"+tensorText("a", "U8", "[1]", 0, 1)+",}", 1)},
	{"header-not-utf8", header, "not UTF-8",
		fileOf("{\"\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1)},
	{"header-control-character", header, "control character", fileOf("{\"a\n\":{}}", 0)},
	{"header-half-surrogate", header, "surrogate", fileOf(`{"\ud800":{}}`, 0)},
	{"duplicate-key", header, `key "a" is there twice`,
		fileWith(2, tensorText("a", "U8", "[1]", 0, 1), tensorText("a", "U8", "[1]", 1, 2))},
	{"duplicate-key-escaped", header, `key "a" is there twice`,
		fileWith(2, tensorText("a", "U8", "[1]", 0, 1),
			`"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}`)},
	{"duplicate-field", "a", `key "shape" is there twice`,
		fileOf(`{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"duplicate-metadata", header, `key "__metadata__" is there twice`,
		fileOf(`{"__metadata__":{},"__metadata__":{}}`, 0)},
	{"duplicate-metadata-key", header, `key "k" of __metadata__ is there twice`,
		fileOf(`{"__metadata__":{"k":"1","k":"2"}}`, 0)},
	{"metadata-nul", header, `found '}' in the middle of null`, fileOf(`{"__metadata__":nul}`, 0)},
	{"metadata-null-cut", header, `ends in the middle`, fileOf(`{"__metadata__":nu`, 0)},
	{"metadata-null-twice", header, `key "__metadata__" is there twice`,
		fileOf(`{"__metadata__":null,"__metadata__":null}`, 0)},
	{"metadata-null-upper-case", header, `found 'N', expected '{' or null`,
		fileOf(`{"__metadata__":NULL}`, 0)},
	{"metadata-nullx", header, `found 'x', expected ',' or '}'`,
		fileOf(`{"__metadata__":nullx}`, 0)},
	{"metadata-value-null", header, `found 'n', expected a string`,
		fileOf(`{"__metadata__":{"k":null}}`, 0)},
	{"metadata-list", header, `found '[', expected '{' or null`, fileOf(`{"__metadata__":[]}`, 0)},
	{"metadata-number", header, `found '1', expected a string`,
		fileOf(`{"__metadata__":{"k":1}}`, 0)},
	{"entry-null", header, `found 'n', expected '{'`, fileOf(`{"a":null}`, 0)},
	{"long-name-twice", header, `aaa"... is there twice`,
		fileWith(0, tensorText(strings.Repeat("a", 2000), "U8", "[0]", 0, 0),
			`"`+strings.Repeat("a", 2000)+`":{}`)},
	{"dtype-null", "a", `found 'n', expected a string`,
		fileOf(`{"a":{"dtype":null,"shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"offsets-null", "a", "expected a list",
		fileOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":null}}`, 1)},
	{"missing-field", "a", "lacks one of", fileOf(`{"a":{"dtype":"U8","shape":[1]}}`, 1)},
	{"unknown-field", "a", `unknown key "strides"`,
		fileOf(`{"a":{"dtype":"U8","shape":[1],"strides":[1],"data_offsets":[0,1]}}`, 1)},
	{"unknown-dtype", "a", `unknown dtype "F7"`, fileWith(1, tensorText("a", "F7", "[1]", 0, 1))},
	{"shape-negative", "a", "negative number", fileWith(1, tensorText("a", "U8", "[-1]", 0, 1))},
	{"shape-fraction", "a", "expected whole numbers",
		fileWith(1, tensorText("a", "U8", "[1.0]", 0, 1))},
	{"shape-leading-zero", "a", "leading zero", fileWith(1, tensorText("a", "U8", "[01]", 0, 1))},
	{"shape-null", "a", "expected a list", fileWith(1, tensorText("a", "U8", "null", 0, 1))},
	{"shape-string", "a", "expected a number", fileWith(1, tensorText("a", "U8", `["1"]`, 0, 1))},
	{"shape-beyond-64-bits", "a", "number beyond",
		fileWith(1, tensorText("a", "U8", "[18446744073709551616]", 0, 1))},
	{"shape-overflow", "a", byWord("the shape overflows", "number beyond"),
		fileWith(1, tensorText("a", "F32", "[4294967296,4294967296]", 0, 1))},
	{"shape-overflow-empty", "a", byWord("the shape overflows", "number beyond"),
		fileWith(0, tensorText("a", "F32", "[0,4294967296,4294967296]", 0, 0))},
	{"shape-65-dimensions", "a", "more than 64 numbers",
		fileWith(1, tensorText("a", "U8", "[1"+strings.Repeat(",1", 64)+"]", 0, 1))},
	{"shape-mismatch", "a", "F32 [2] takes 8 bytes, data_offsets [0, 4] give 4",
		fileWith(4, tensorText("a", "F32", "[2]", 0, 4))},
	{"shape-half-a-byte", "a", "end inside a byte",
		fileWith(2, tensorText("a", "F4", "[3]", 0, 2))},
	{"offsets-backwards", "a", "run backwards", fileWith(1, tensorText("a", "U8", "[1]", 1, 0))},
	{"offsets-negative", "a", "negative number", fileWith(1, tensorText("a", "U8", "[1]", -1, 0))},
	{"offsets-one", "a", "1 data_offsets, expected 2",
		fileOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1]}}`, 1)},
	{"offsets-three", "a", "more than 2 numbers",
		fileOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1)},
	{"overlapping", "b", `begins at byte 3 of the data, 1 before tensor "a" ends`,
		fileWith(7, tensorText("a", "U8", "[4]", 0, 4), tensorText("b", "U8", "[4]", 3, 7))},
	{"hole", "b", "leaves a hole of 1",
		fileWith(9, tensorText("a", "U8", "[4]", 0, 4), tensorText("b", "U8", "[4]", 5, 9))},
	{"hole-first", "a", "leaves a hole of 1", fileWith(5, tensorText("a", "U8", "[4]", 1, 5))},
	{"past-end", wholeFile, "has 127 bytes, its header says 1127: download it again?",
		fileWith(8, tensorText("a", "U8", "[4]", 0, 4), tensorText("b", "U8", "[1004]", 4, 1008))},
	{"truncated", wholeFile, "has 120 bytes, its header says 121: download it again?",
		fileWith(7, tensorText("a", "U8", "[4]", 0, 4), tensorText("b", "U8", "[4]", 4, 8))},
	{"trailing-bytes", wholeFile,
		"has 66 bytes, its header says 65: it is damaged, or something was added at its end",
		fileWith(5, tensorText("a", "U8", "[4]", 0, 4))},
}

// byWord returns what a program of 64 bits says of a number that one of 32 bits cannot hold, and
// what that says.
func byWord(on64, on32 string) string {
	if strconv.IntSize == 32 {
		return on32
	}
	return on64
}

func TestBadFilesAreRefused(t *testing.T) {
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join("testdata", "bad", tt.name+".safetensors")
			fixture(t, path, tt.content)
			f, err := Open(path)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("Open: %v, %v", f, err)
			}
			if corrupt.Tensor != tt.tensor || corrupt.Path != path ||
				!strings.Contains(corrupt.Reason, tt.reason) {
				t.Errorf("got %q, want tensor %q and %q", err, tt.tensor, tt.reason)
			}
			if corrupt.Offset < 0 || corrupt.Offset > int64(len(tt.content)) {
				t.Errorf("offset %d in a file of %d bytes", corrupt.Offset, len(tt.content))
			}
			if strings.Count(err.Error(), path) != 1 || strings.Contains(err.Error(), "\n") ||
				len(err.Error()) > 300 {
				t.Errorf("not one short line with the path once: %q", err)
			}
		})
	}
}

// fixture holds a file of testdata against its content, or writes it.
func fixture(t *testing.T, path string, content []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Fatalf("%s is not what this test makes: run it with -update", path)
	}
}

func TestForeignFilesAreExplained(t *testing.T) {
	torch := zipOf(t, "model/data.pkl", "model/byteorder", "model/data/0")
	tests := []struct{ name, file, content, want string }{
		{"checkpoint", "model.pt", torch, "PyTorch checkpoint (zip archive)"},
		{"checkpoint under our name", "model.safetensors", torch,
			"PyTorch checkpoint (zip archive)"},
		{"checkpoint cut short", "model.pt", torch[:len(torch)/2],
			"PyTorch checkpoint (zip archive)"},
		{"script", "model.pt", zipOf(t, "model/data/0", "model/data.pkl", "model/constants.pkl"),
			"TorchScript archive, not a safetensors file: convert it"},
		{"npz", "weights.npz", zipOf(t, "arr_0.npy", "arr_1.npy"), "NumPy archive (npz)"},
		{"keras", "model.keras", zipOf(t, "metadata.json", "config.json", "model.weights.h5"),
			"Keras model"},
		{"zipped model", "model.zip", zipOf(t, "README.md", "model.safetensors"),
			"zip archive that holds a .safetensors file, not a safetensors file: unpack it first"},
		{"other zip", "model.docx", zipOf(t, "word/document.xml"),
			"a zip archive, not a safetensors file: unpack it first, and name"},
		{"zip without names", "model.zip", zipMagic + "\x14\x00\x00\x00\x08\x08",
			"a zip archive, "},
		{"zip with a name that is not there", "model.zip", zipMagic + strings.Repeat("\xff", 30),
			"a zip archive, "},
		{"gzip", "model.safetensors", "\x1f\x8b\x08\x08\x27\x00\x00\x00\x00\x03", "gzip archive"},
		{"pickle", "pytorch_model.bin", "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
			"PyTorch checkpoint (pickle)"},
		{"bin", "pytorch_model.bin", "anything else", "PyTorch checkpoint"},
		{"gguf", "model.gguf", "GGUF\x03\x00\x00\x00\x00", "GGUF"},
		{"onnx", "model.onnx", "\x08\x07\x12\x07pytorch\x1a", "ONNX"},
		{"lfs", "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0",
			"Git LFS pointer, not the model itself, not a safetensors file: " +
				"fetch the model (git lfs pull)"},
		{"web page", "model.safetensors", "\n\n<!DOCTYPE html><html>",
			"web page, not a safetensors file: download the model itself"},
		{"web page in capitals", "model.safetensors", "<HTML><BODY>", "web page"},
		{"xml", "model.safetensors", "\ufeff<?xml version=\"1.0\"?><Error><Code>AccessDenied",
			"XML"},
		{"json", "model.json", `{"metadata": {}, "weight_map": {}}`, "JSON text"},
		{"short json", "model.safetensors", "{}", "JSON text"},
		{"text", "model.safetensors", "Entry not found\n",
			`text that begins with "Entry not found"`},
		{"text of a few bytes", "model.safetensors", "no", `text that begins with "no"`},
		{"text cut within a character", "model.safetensors", strings.Repeat("a", 63) + "é",
			`text that begins with "` + strings.Repeat("a", 63) + `"`},
		{"short bin", "model.bin", "x", "PyTorch checkpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, []byte(tt.content), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), "looks like ") ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	// The length of the header, 0x280, begins like a pickle.
	damaged := fileOf("{"+strings.Repeat(" ", 0x280-1), 0)
	_, err := NewFile(bytes.NewReader(damaged), int64(len(damaged)), "model.safetensors")
	if !errors.As(err, new(*CorruptError)) {
		t.Errorf("a damaged file is explained as another kind: %v", err)
	}
}

// zipOf is a zip archive of files of these names.
func zipOf(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(bytes.Repeat([]byte("some content "), 10))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestZipDirectoryIsBounded: of an archive with a directory larger than its bound, no more than
// that is read.
func TestZipDirectoryIsBounded(t *testing.T) {
	var names []string
	for i := range 150 {
		names = append(names, fmt.Sprintf("%060000d", i))
	}
	content := zipOf(t, append([]string{"model/data.pkl"}, names...)...)
	counted := &counter{Reader: strings.NewReader(content)}
	if kind := archive(counted,
		int64(len(content))); kind.looks != "a PyTorch checkpoint (zip archive)" {
		t.Errorf("looks like %s", kind.looks)
	}
	if most := archiveBytes + 1<<17; counted.read > most {
		t.Errorf("read %d bytes, want at most %d", counted.read, most)
	}
}

// counter counts the bytes that are read.
type counter struct {
	*strings.Reader
	read int
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.read += n
	return n, err
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:                          "is a folder",
		filepath.Join(dir, "none"):   "no such file",
		filepath.Join(dir, "a", "b"): "no such file",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Count(err.Error(), path) != 1 {
			t.Errorf("Open(%s) says %v, want %q", path, err, want)
		}
	}
}
