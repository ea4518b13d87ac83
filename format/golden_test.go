package format

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
)

// golden files are in testdata/golden/v1, NAME.pal.safetensors and what it decompresses to,
// NAME.dense.safetensors. They are never to change: a change of the format is a new version.
var golden = []struct {
	name     string
	metadata map[string]string
	tensors  []tensor
	layers   map[string]*codebook.Layer
}{
	{"tiny", map[string]string{"format": "pt"},
		[]tensor{{"bias", "F32", []int{2}, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}}, random("w", "F32", 2, 5)},
		map[string]*codebook.Layer{"w": {
			Rows: 2, Cols: 5, Width: 2, ZeroPoint: 128, Scale: 0.0078125,
			Centroids: []byte{128, 128, 255, 1, 64, 160}, Assignments: []byte{0, 1, 2, 2, 1, 0}, RowScales: []byte{255, 239},
		}}},
	{"segments", map[string]string{"format": "pt", "note": "<\"é\">"},
		[]tensor{random("a.weight", "F32", 4, 3, 5), random("a.bias", "F32", 4), random("b.weight", "BF16", 3, 387), random("position_ids", "I64", 1, 7)},
		map[string]*codebook.Layer{"a.weight": makeLayer(4, 15, 4, 5, 0, true), "b.weight": makeLayer(3, 387, 2, 256, 0, true)}},
	{"rows", nil,
		[]tensor{random("a", "F16", 6, 70), random("b", "F64", 2, 3)},
		map[string]*codebook.Layer{"a": makeLayer(6, 70, 70, 3, 0, false), "b": makeLayer(2, 3, 3, 1, 0, true)}},
	{"scalar", nil,
		[]tensor{random("w", "F32", 3, 43), random("v", "F16", 2, 9), random("eight", "F8_E4M3", 5), random("pair", "C64", 1), random("step", "I64"), random("none", "BF16", 0, 2), random("mask", "BOOL", 3)},
		map[string]*codebook.Layer{"w": makeLayer(3, 43, 1, 16, 16, true), "v": makeLayer(2, 9, 1, 17, 8, false)}},
	{"entropy", nil,
		[]tensor{random("w", "F32", 6, 9), random("v", "F16", 5, 2, 4), random("u", "BF16", 2, 3)},
		map[string]*codebook.Layer{
			"w": entropyLayer(6, 9, "010811274562809ebbd9f7ffffeffffcfffffaff010d48c103041d0204dfefff3bdff7cfbfff1d03"+
				"003f034804001c56002f22203dcf1c003175490c4b4c3121e0602b00a360cf0216fc4c00f2bfae02"+
				"aad6b100655eeb4fb20217db0100ca2f4c00331f09001983130098b60200f2591c00331f0900"),
			"v": entropyLayer(5, 8, "000600285580aad4ff0005031f0105ff53f001dff7cfbfff03003f03482675140100341f0100b35f"+
				"22587b6bca93ad800030cdf00100afbff30d634fff0da10fee57a87f"),
			"u": entropyLayer(2, 3, "0004004080c0ff0002021f0101ff03df77020014000c0c7dd70100af6c0400af6c04007dd70100af"+
				"6c040056600400"),
		}},
}

// entropyLayer decodes a layer of 8, 32 or 4 states.
func entropyLayer(rows, cols int, stream string) *codebook.Layer {
	l := &codebook.Layer{Rows: rows, Cols: cols, Width: 1, ZeroPoint: 128, Scale: 0.015625}
	var err error
	if l.Stream, err = hex.DecodeString(stream); err == nil {
		err = l.Decode(1)
	}
	if err != nil {
		panic(err)
	}
	return l
}

func goldenPath(name string) string {
	return filepath.Join("testdata", "golden", "v1", name+".safetensors")
}

func TestGoldenFiles(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out.pal.safetensors")
			compress(t, writeModel(t, dir, tt.metadata, tt.tensors...), path, tt.layers)
			fixture(t, goldenPath(tt.name+".pal"), contentOf(t, path))

			c, err := OpenCodebook(goldenPath(tt.name + ".pal"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for name, want := range tt.layers {
				if got, _, err := c.Layer(name); err != nil || !sameLayer(got.Layer, want) {
					t.Errorf("got layer %q %+v, want %+v (%v)", name, got.Layer, want, err)
				}
			}
			dense := filepath.Join(dir, "dense.safetensors")
			if err := Decompress(context.Background(), c, dense, false); err != nil {
				t.Fatal(err)
			}
			fixture(t, goldenPath(tt.name+".dense"), contentOf(t, dense))

			again := filepath.Join(dir, "again.pal.safetensors")
			encodeAgain(t, c, dense, again)
			if !bytes.Equal(contentOf(t, again), contentOf(t, path)) {
				t.Error("what was decoded does not encode to the same bytes")
			}
		})
	}
}

// encodeAgain writes what a codebook file says to another one.
func encodeAgain(t *testing.T, c *Codebook, model, path string) {
	t.Helper()
	src, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w, err := Create(path, src, CreateOptions{Settings: c.Info().Settings})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range c.Rest().Tensors() {
		if err := w.PutTensor(tensor); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range c.Layers() {
		l, d, err := c.Layer(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes, err := w.PutLayer(l.Tensor, l.Layer, d); err != nil || bytes != l.Bytes {
			t.Fatalf("layer %q takes %d bytes, read %d (%v)", name, bytes, l.Bytes, err)
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func contentOf(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dumpBlock is the annotated dump in FORMAT.md: lines of an offset, hexadecimal bytes and their text,
// between comments.
var dumpBlock = regexp.MustCompile("(?s)```hexdump\n(.*?)```\n")

// TestDumpInSpecification decodes the dump of FORMAT.md, encodes it again and compares the bytes.
func TestDumpInSpecification(t *testing.T) {
	tiny := contentOf(t, goldenPath("tiny.pal"))
	spec := contentOf(t, "FORMAT.md")
	if *update {
		spec = dumpBlock.ReplaceAllLiteral(spec, []byte("```hexdump\n"+dump(t, tiny)+"```\n"))
		if err := os.WriteFile("FORMAT.md", spec, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	found := dumpBlock.FindAllSubmatch(spec, -1)
	if len(found) != 1 {
		t.Fatalf("%d dumps in FORMAT.md", len(found))
	}
	var file []byte
	for line := range strings.Lines(string(found[0][1])) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(strings.Split(line, "|")[0])
		if len(fields) == 0 || fields[0] != fmt.Sprintf("%04x", len(file)) {
			t.Fatalf("after %d bytes: %q", len(file), line)
		}
		b, err := hex.DecodeString(strings.Join(fields[1:], ""))
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		file = append(file, b...)
	}
	if !bytes.Equal(file, tiny) {
		t.Error("the dump of FORMAT.md is not the golden file tiny.pal.safetensors: run this test with -update")
	}
	if string(found[0][1]) != dump(t, file) {
		t.Error("the annotations of the dump are not those of its bytes")
	}

	dir := t.TempDir()
	path := filepath.Join(dir, "dump.pal.safetensors")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCodebook(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dense, again := filepath.Join(dir, "dense"), filepath.Join(dir, "again")
	if err := Decompress(context.Background(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	encodeAgain(t, c, dense, again)
	if !bytes.Equal(contentOf(t, again), file) {
		t.Error("the dump does not encode to the same bytes")
	}
}

// TestScaleTableInSpecification reads the constants of FORMAT.md and compares them with the values of row scales.
func TestScaleTableInSpecification(t *testing.T) {
	spec := string(contentOf(t, "FORMAT.md"))
	for name, pattern := range map[string]string{
		"table": `(?s)The bits of T:\n\n(.*?)\n\n`, "snippet": `(?s)T = np.array\(\[(.*?)\]`,
	} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(spec)
		if found == nil {
			t.Fatalf("no %s in FORMAT.md", name)
		}
		words := regexp.MustCompile(`[0-9a-f]{8}`).FindAllString(found[1], -1)
		if len(words) != 16 {
			t.Fatalf("%s: %d constants", name, len(words))
		}
		for code := 1; code < 256; code++ {
			bits, err := strconv.ParseUint(words[(code+1)%16], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			want := float32(math.Ldexp(float64(math.Float32frombits(uint32(bits))), (code+1)/16-16))
			if got := codebook.RowScale(byte(code)); got != want {
				t.Errorf("%s: code %d is %v, want %v", name, code, got, want)
			}
		}
	}
	if codebook.RowScale(0) != 0 {
		t.Error("code 0 is not 0")
	}
}

// dump writes a file as lines of 16 bytes, a new line for each thing that a comment explains.
func dump(t *testing.T, file []byte) string {
	l, err := scan(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	part := func(from, to int64, comment string, args ...any) {
		fmt.Fprintf(&b, "# "+comment+"\n", args...)
		for ; from < to; from += 16 {
			line := file[from:min(from+16, to)]
			text := bytes.Map(func(r rune) rune {
				if r < ' ' || r > '~' || r == '|' {
					return '.'
				}
				return r
			}, bytes.ToValidUTF8(line, []byte(".")))
			fmt.Fprintf(&b, "%04x  %-47s  |%s|\n", from, fmt.Sprintf("% x", line), text)
		}
	}
	part(0, 8, "length of the header: %d", l.data-8)
	part(8, l.data, "header, JSON, padded with spaces to a multiple of 8")
	for _, e := range l.entries {
		part(l.data+e.begin, l.data+e.end, "%s, %s", e.Name, describe(e.Tensor))
	}
	return b.String()
}

// TestEveryFlippedBitIsRefused changes each byte of small files in nine ways.
func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, tt := range golden[:1] {
		file := contentOf(t, goldenPath(tt.name+".pal"))
		if _, err := openMemory(file); err != nil {
			t.Fatal(err)
		}
		for i := range file {
			for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				file[i] ^= flip
				_, err := openMemory(file)
				file[i] ^= flip
				if corrupt, ok := err.(*CorruptError); !ok || corrupt.Tensor == "" || corrupt.Path != "memory" {
					t.Fatalf("%s: byte %d ^ %#x: %v", tt.name, i, flip, err)
				}
			}
		}
	}
	// In the other files flips of whole bytes, to be quick, and all cuts.
	for _, tt := range golden {
		file := contentOf(t, goldenPath(tt.name+".pal"))
		for i := range file {
			file[i] ^= 1 << (i % 8)
			if _, err := openMemory(file); err == nil {
				t.Fatalf("%s: byte %d: accepted", tt.name, i)
			}
			file[i] ^= 1 << (i % 8)
			if _, err := openMemory(file[:i]); err == nil {
				t.Fatalf("%s: accepted when cut to %d bytes", tt.name, i)
			}
		}
	}
}

func openMemory(file []byte) (*Codebook, error) {
	f, err := newFile(memory(file), "memory", int64(len(file)))
	if err != nil {
		return nil, err
	}
	return newCodebook(f)
}
