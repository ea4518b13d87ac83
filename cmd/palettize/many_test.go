package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// names are parts of tensors' names that something may stumble over.
var names = []string{
	"weight", "é", "e\u0301", "☃", "\U0001f600", "日本語", "שלום", "\u202e", "\u2028", "\x00", "\n", "\"",
	`\`, "<&>", "/", "..", "*", "[a]", " ", "\ufeff", "\u00a0", "%s", "_scale_inv", "\x7f",
}

// kinds are tensors of all types that are never compressed: scalars, empty ones, vectors. Values
// take so many bytes.
var kinds = []struct {
	dtype string
	shape []int
	bytes int
}{
	{"F64", nil, 8}, {"F32", []int{3}, 12}, {"F16", []int{1, 5}, 10}, {"BF16", []int{0}, 0},
	{"F8_E4M3", []int{7}, 7}, {"F8_E5M2", []int{1, 1}, 1}, {"F8_E4M3FNUZ", []int{2, 2}, 4},
	{"F8_E5M2FNUZ", []int{3, 1}, 3}, {"F8_E8M0", []int{2, 3}, 6}, {"F6_E2M3", []int{4}, 3},
	{"F6_E3M2", []int{2, 2}, 3}, {"F4", []int{2, 3}, 3}, {"C64", []int{1, 2}, 16},
	{"I64", []int{0, 1 << 20}, 0}, {"U64", []int{2}, 16}, {"I32", []int{2, 2}, 16}, {"U32", nil, 4},
	{"I16", []int{3}, 6}, {"U16", []int{1, 1, 1}, 2}, {"I8", []int{3, 0, 2}, 0}, {"U8", []int{5}, 5},
	{"BOOL", []int{2}, 2},
}

// writeTensors writes a safetensors file.
func writeTensors(t *testing.T, name string, metadata map[string]string, n int,
	describe func(i int) (codebook.Tensor, []byte)) {
	t.Helper()
	header := map[string]any{"__metadata__": metadata}
	var data []byte
	for i := range n {
		tensor, values := describe(i)
		header[tensor.Name] = map[string]any{
			"dtype": tensor.DType, "shape": append([]int{}, tensor.Shape...),
			"data_offsets": []int{len(data), len(data) + len(values)},
		}
		data = append(data, values...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if err := os.WriteFile(name, slices.Concat(file, text, data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestManyTensors: 100,000 of every type and shape, of names of all kinds, come back as they were.
func TestManyTensors(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 3000
	}
	dir := t.TempDir()
	model, book := filepath.Join(dir, "m"), filepath.Join(dir, "m.pal")
	writeTensors(t, model, map[string]string{"format": "pt"}, n,
		func(i int) (codebook.Tensor, []byte) {
			kind := kinds[i%len(kinds)]
			values := make([]byte, kind.bytes)
			for j := range values {
				values[j] = byte(i>>8 + 31*i + j)
			}
			name := fmt.Sprintf("%s.%d.%s", names[i%len(names)], i, names[i/7%len(names)])
			return codebook.Tensor{Name: name, DType: kind.dtype, Shape: kind.shape}, values
		})
	code, _, stderr := palettize("compress", model, "-o", book, "--quiet")
	if want := fmt.Sprintf("all %d tensors of %s passed through", n, model); code != exitFine ||
		!strings.Contains(stderr, want) || strings.Contains(stderr, "header") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	dense := filepath.Join(dir, "m.dense")
	if code, _, stderr := palettize("decompress", book, "-o", dense); code != exitFine {
		t.Fatal(stderr)
	}
	a, b := openTensors(t, model), openTensors(t, dense)
	list := a.Tensors()
	if len(list) != n || len(b.Tensors()) != n || b.Metadata()["format"] != "pt" {
		t.Fatalf("%d and %d tensors, metadata %v", len(list), len(b.Tensors()), b.Metadata())
	}
	back := make(map[string]codebook.Tensor)
	for _, tensor := range b.Tensors() {
		back[tensor.Name] = tensor
	}
	for _, tensor := range list {
		got := back[tensor.Name]
		if got.DType != tensor.DType || !slices.Equal(got.Shape, tensor.Shape) ||
			!slices.Equal(bytesOf(t, a, tensor.Name), bytesOf(t, b, tensor.Name)) {
			t.Fatalf("tensor %q is %+v, was %+v, or has other values", tensor.Name, got, tensor)
		}
	}
}

func openTensors(t *testing.T, name string) *format.File {
	t.Helper()
	f, err := format.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func bytesOf(t *testing.T, f *format.File, name string) []byte {
	t.Helper()
	r, err := f.Reader(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestLargeHeader: other programs refuse headers that the format allows.
func TestLargeHeader(t *testing.T) {
	long(t)
	dir := t.TempDir()
	model, book := filepath.Join(dir, "m"), filepath.Join(dir, "m.pal")
	for long, warned := range map[int]bool{25_000_000: true, 24_000_000: false} {
		metadata := map[string]string{"license": strings.Repeat("x", long)}
		writeTensors(t, model, metadata, 1, func(int) (codebook.Tensor, []byte) {
			return codebook.Tensor{Name: "w", DType: "U8"}, []byte{1}
		})
		for _, args := range [][]string{
			{"compress", model, "-o", book, "--force", "--quiet"},
			{"decompress", book, "-o", filepath.Join(dir, "dense"), "--force"},
		} {
			code, _, stderr := palettize(args...)
			if code != exitFine || strings.Contains(stderr, "its header takes 25,000,") != warned {
				t.Errorf("%s with a header of %d bytes: exit code %d, %s", args[0], long, code, stderr)
			}
		}
	}
}
