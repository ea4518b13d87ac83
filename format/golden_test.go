package format

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/internal/logscale"
)

// golden files are in testdata/golden/v1, those of version 2 in v2, NAME.pal and what
// it decompresses to, NAME.dense.safetensors. They are never to change: a change of the format is a
// new version.
var golden = []struct {
	name     string
	metadata map[string]string
	tensors  []tensor
	layers   map[string]*codebook.Layer
}{
	{"tiny", map[string]string{"format": "pt"},
		[]tensor{{"bias", "F32", []int{2}, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}},
			random("w", "F32", 2, 5)},
		map[string]*codebook.Layer{"w": {
			Rows: 2, Cols: 5, Width: 2, ZeroPoint: 128, Scale: 0.0078125,
			Centroids: []byte{128, 128, 255, 1, 64, 160}, Assignments: []byte{0, 1, 2, 2, 1, 0},
			RowScales: []byte{255, 239},
		}}},
	{"segments", map[string]string{"format": "pt", "note": "<\"é\">"},
		[]tensor{random("a.weight", "F32", 4, 3, 5), random("a.bias", "F32", 4),
			random("b.weight", "BF16", 3, 387), random("position_ids", "I64", 1, 7)},
		map[string]*codebook.Layer{"a.weight": makeLayer(4, 15, 4, 5, 0, true),
			"b.weight": makeLayer(3, 387, 2, 256, 0, true)}},
	{"rows", nil,
		[]tensor{random("a", "F16", 6, 70), random("b", "F64", 2, 3)},
		map[string]*codebook.Layer{"a": makeLayer(6, 70, 70, 3, 0, false),
			"b": makeLayer(2, 3, 3, 1, 0, true)}},
	{"scalar", nil,
		[]tensor{random("w", "F32", 3, 43), random("v", "F16", 2, 9), random("eight", "F8_E4M3", 5),
			random("pair", "C64", 1), random("step", "I64"), random("none", "BF16", 0, 2),
			random("mask", "BOOL", 3)},
		map[string]*codebook.Layer{"w": makeLayer(3, 43, 1, 16, 16, true),
			"v": makeLayer(2, 9, 1, 17, 8, false)}},
	{"folded", nil,
		[]tensor{
			random("gru", "F32", 2, 6, 5), random("table", "F64", 1, 7, 4),
			random("matmul", "BF16", 7, 4), random("experts", "F16", 3, 5, 4),
			random("rnn", "F32", 2, 3, 3),
		},
		map[string]*codebook.Layer{
			"gru": makeLayer(12, 5, 2, 7, 0, true), "table": makeLayer(7, 4, 4, 3, 0, false),
			"matmul":  makeLayer(4, 7, 1, 9, 8, true),
			"experts": makeLayer(12, 5, 1, 17, 0, true),
			"rnn":     windowLayer(6, 3, 4, "00", "f030a07050b0901020408060"),
		}},
	{"narrowed", map[string]string{"format": "pt"},
		[]tensor{
			random("w", "F32", 2, 5), random("head", "F32", 3, 5),
			random("gate <\"é\">", "F64", 2, 2, 3),
			{"edges", "F32", []int{2, 4}, singles(
				0, 0x1p-25, -0x1.8p-25, 0x1p-149, 65504, -65519, 1+0x1p-11, 1+0x3p-11)},
			random("bias", "F32", 3), random("half", "F16", 2, 2),
		},
		map[string]*codebook.Layer{"w": makeLayer(2, 5, 2, 3, 0, true)}},
	{"stacked", map[string]string{"format": "pt"},
		[]tensor{
			random("experts", "F32", 3, 4, 6), random("in, out", "BF16", 2, 5, 3),
			random("experts[3]", "F32", 4, 6), random("bias", "F32", 3),
		},
		map[string]*codebook.Layer{
			"experts[0]": makeLayer(4, 6, 2, 5, 0, true), "in, out[0]": makeLayer(3, 5, 1, 9, 8, true),
			"in, out[1]": sumsLayer(3, 5, 3, "010648c1", "a9385bc20fee"),
		}},
	{"entropy", nil,
		[]tensor{random("w", "F32", 6, 9), random("v", "F16", 5, 2, 4), random("u", "BF16", 2, 3)},
		map[string]*codebook.Layer{
			"w": decoded(6, 9,
				"010811274562809ebbd9f7ffffeffffcfffffaff010d48c103041d0204dfefff3bdff7cfbfff1d03"+
					"003f034804001c56002f22203dcf1c003175490c4b4c3121e0602b00a360cf0216fc4c00f2bf"+
					"ae02aad6b100655eeb4fb20217db0100ca2f4c00331f09001983130098b60200f2591c00331f"+
					"0900"),
			"v": decoded(5, 8,
				"000600285580aad4ff0005031f0105ff53f001dff7cfbfff03003f03482675140100341f0100b35f"+
					"22587b6bca93ad800030cdf00100afbff30d634fff0da10fee57a87f"),
			"u": decoded(2, 3,
				"0004004080c0ff0002021f0101ff03df77020014000c0c7dd70100af6c0400af6c04007dd70100af"+
					"6c040056600400"),
		}},
	{"window", nil,
		[]tensor{random("w", "F32", 3, 5), random("v", "F16", 2, 3, 3), random("u", "BF16", 5, 1),
			random("t", "F64", 2, 7)},
		map[string]*codebook.Layer{
			"w": windowLayer(3, 5, 3, "010648c1", "a9385bc20fee"),
			"v": windowLayer(2, 9, 2, "00", "1b27801e9240"),
			"u": windowLayer(5, 1, 4, "0201018043c0c2", "f0307000a0"),
			"t": windowLayer(2, 7, 5, "00", "8c63f71ee0ff10c43e20"),
		}},
	{"sums", nil,
		[]tensor{random("w", "F32", 3, 5), random("v", "F16", 2, 3, 3), random("u", "BF16", 5, 1),
			random("t", "F64", 2, 7)},
		map[string]*codebook.Layer{
			"w": sumsLayer(3, 5, 3, "010648c1", "a9385bc20fee"),
			"v": sumsLayer(2, 9, 2, "00", "1b27801e9240"),
			"u": sumsLayer(5, 1, 4, "0201018043c0c2", "f0307000a0"),
			"t": sumsLayer(2, 7, 5, "00", "8c63f71ee0ff10c43e20"),
		}},
}

// goldenNarrowed are the tensors of golden files that are kept as F16.
var goldenNarrowed = map[string][]string{
	"narrowed": {"head", "gate <\"é\">", "edges"}, "stacked": {"experts[2]"},
}

// singles are values as F32.
func singles(values ...float32) []byte {
	data := make([]byte, 4*len(values))
	dtype.Of("F32").Put(data, values)
	return data
}

// windowLayer decodes a layer of version 1 with as many bits a weight and centroids 0 to 255.
func windowLayer(rows, cols, bits int, outliers, windows string) *codebook.Layer {
	var centroids [256]byte
	for i := range centroids {
		centroids[i] = byte(i)
	}
	return anyWindowLayer(rows, cols, bits, centroids[:], outliers, windows)
}

// sumsLayer decodes a layer with as many bits a weight, whose centroids are sums of two.
func sumsLayer(rows, cols, bits int, outliers, windows string) *codebook.Layer {
	var centroids [32]byte
	for i := range 16 {
		centroids[i], centroids[16+i] = byte(1+8*i), byte(40*i%128)
	}
	return anyWindowLayer(rows, cols, bits, centroids[:], outliers, windows)
}

func anyWindowLayer(rows, cols, bits int, centroids []byte, outliers, windows string,
) *codebook.Layer {
	stream := append([]byte{7, byte(len(centroids) - 1), byte(bits)}, centroids...)
	for c := range cols {
		stream = append(stream, byte(255-4*c))
	}
	for r := range rows {
		stream = append(stream, byte(255-16*r))
	}
	return decoded(rows, cols, hex.EncodeToString(stream)+outliers+windows)
}

// decoded is the layer of a stream.
func decoded(rows, cols int, stream string) *codebook.Layer {
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

// firstVersion are the golden files of version 1.
var firstVersion = []string{"tiny", "scalar", "segments", "rows", "entropy", "window"}

// goldenPath is where a golden file is: NAME.pal, NAME.dense.safetensors.
func goldenPath(name string) string {
	version := "v1"
	if stem, _, _ := strings.Cut(name, "."); !slices.Contains(firstVersion, stem) {
		version = "v2"
	}
	return filepath.Join("testdata", "golden", version, name)
}

// checkModel runs each layer of a codebook file by its name, as it is stored, and holds its rows
// against those of the layer.
func checkModel(t *testing.T, c *Codebook) {
	t.Helper()
	m := codebook.NewModel(c, codebook.RunOptions{})
	for _, name := range c.Layers() {
		l, _, err := c.Layer(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.MatMul(make([]float32, l.Rows), name, make([]float32, l.Cols), 1); err != nil {
			t.Error(err)
		}
		got, want := make([]float32, l.Cols), make([]float32, l.Cols)
		for r := range l.Rows {
			l.Row(want, r)
			if err := m.Row(got, name, r); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: row %d is %v, want %v (%v)", name, r, got, want, err)
				break
			}
		}
	}
}

func TestGoldenFiles(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out.pal")
			model := writeModel(t, dir, tt.metadata, tt.tensors...)
			writeBook(t, model, path, tt.layers, goldenNarrowed[tt.name]...)
			fixture(t, goldenPath(tt.name+".pal"), contentOf(t, path))

			c := openBook(t, goldenPath(tt.name+".pal"))
			for name, want := range tt.layers {
				if got, _, err := c.Layer(t.Context(), name); err != nil || !sameLayer(got, want) {
					t.Errorf("got layer %q %+v, want %+v (%v)", name, got, want, err)
				}
			}
			checkModel(t, c)
			dense := filepath.Join(dir, "dense.safetensors")
			if err := decompress(t.Context(), c, dense, false); err != nil {
				t.Fatal(err)
			}
			fixture(t, goldenPath(tt.name+".dense.safetensors"), contentOf(t, dense))

			again := filepath.Join(dir, "again.pal")
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
	src = src.sliced(func(t codebook.Tensor) bool { return c.stacks[t.Name] != 0 })
	w, err := Create(path, src, CreateOptions{Settings: c.Info().Settings})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, tensor := range c.Info().Tensors {
		put := w.PutTensor
		if c.Info().Narrowed[tensor.Name] {
			put = w.PutHalf
		}
		if err := put(t.Context(), tensor); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range c.Layers() {
		l, about, err := c.Layer(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := w.PutLayer(t.Context(), about.Tensor, l, about.Distortion)
		if err != nil || bytes != about.Bytes {
			t.Fatalf("layer %q takes %d bytes, read %d (%v)", name, bytes, about.Bytes, err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
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

// dumpBlock is the annotated dump in FORMAT.md: lines of an offset, hexadecimal bytes and their
// text, between comments.
var dumpBlock = regexp.MustCompile("(?s)```hexdump\n(.*?)```\n")

// TestDumpInSpecification decodes the dumps of FORMAT.md, encodes the first again and compares the
// bytes.
func TestDumpInSpecification(t *testing.T) {
	tiny := contentOf(t, goldenPath("tiny.pal"))
	entropyCoded, windows := golden[len(golden)-3].layers["w"], golden[len(golden)-1].layers["w"]
	dumps := []string{dump(t, tiny), dumpEntropy(t, entropyCoded), dumpWindows(windows)}
	spec := contentOf(t, "FORMAT.md")
	if *update {
		i := 0
		spec = dumpBlock.ReplaceAllFunc(spec, func([]byte) []byte {
			i++
			return []byte("```hexdump\n" + dumps[i-1] + "```\n")
		})
		if err := os.WriteFile("FORMAT.md", spec, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	found := dumpBlock.FindAllSubmatch(spec, -1)
	if len(found) != len(dumps) {
		t.Fatalf("%d dumps in FORMAT.md", len(found))
	}
	for i, want := range dumps {
		if string(found[i][1]) != want {
			t.Errorf("dump %d of FORMAT.md is not that of the golden file: "+
				"run this test with -update", i+1)
		}
	}
	file := undump(t, string(found[0][1]))
	if !bytes.Equal(file, tiny) {
		t.Error("the dump of FORMAT.md is not the golden file tiny.pal")
	}
	for i, want := range []*codebook.Layer{entropyCoded, windows} {
		stream := hex.EncodeToString(undump(t, string(found[i+1][1])))
		if got := decoded(want.Rows, want.Cols, stream); !sameLayer(got, want) {
			t.Errorf("the dump of FORMAT.md is decoded to %+v", got)
		}
	}
	checkEncodedAgain(t, file)
}

// undump returns the bytes of a dump.
func undump(t *testing.T, dump string) (file []byte) {
	t.Helper()
	for line := range strings.Lines(dump) {
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
	return file
}

func checkEncodedAgain(t *testing.T, file []byte) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.pal")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	c := openBook(t, path)
	dense, again := filepath.Join(dir, "dense"), filepath.Join(dir, "again")
	if err := decompress(t.Context(), c, dense, false); err != nil {
		t.Fatal(err)
	}
	encodeAgain(t, c, dense, again)
	if !bytes.Equal(contentOf(t, again), file) {
		t.Error("the dump does not encode to the same bytes")
	}
}

// TestScaleTableInSpecification reads the constants of FORMAT.md and compares them with the values
// of row scales.
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
			if got := logscale.Value(byte(code)); got != want {
				t.Errorf("%s: code %d is %v, want %v", name, code, got, want)
			}
		}
	}
	if logscale.Value(0) != 0 {
		t.Error("code 0 is not 0")
	}
}

// dumper writes bytes as lines of 16, a new line for each thing that a comment explains.
type dumper struct {
	strings.Builder
	data []byte
	at   int
}

// part writes the bytes up to an offset.
func (d *dumper) part(to int, comment string, args ...any) {
	fmt.Fprintf(d, "# "+comment+"\n", args...)
	for ; d.at < to; d.at += 16 {
		line := d.data[d.at:min(d.at+16, to)]
		text := bytes.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == '|' {
				return '.'
			}
			return r
		}, bytes.ToValidUTF8(line, []byte(".")))
		fmt.Fprintf(d, "%04x  %-47s  |%s|\n", d.at, fmt.Sprintf("% x", line), text)
	}
	d.at = to
}

// dump explains a file.
func dump(t *testing.T, file []byte) string {
	l, err := scan(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d := dumper{data: file}
	d.part(8, "length of the header: %d", l.data-8)
	d.part(int(l.data), "header, JSON, padded with spaces to a multiple of 8")
	for _, e := range l.entries {
		d.part(int(l.data+e.end), "%s, %s", e.Name, describe(e.Tensor))
	}
	return d.String()
}

// head explains what stands in front of the assignments of a layer with column scales and few
// outliers, which are not far apart.
func (d *dumper) head(l *codebook.Layer) {
	d.part(2, "k - 1")
	if l.WindowBits != 0 {
		d.part(3, "bits")
	}
	d.part(d.at+int(d.data[1])+1, "centroids")
	d.part(d.at+l.Cols, "column scales")
	if l.RowScales != nil {
		d.part(d.at+l.Rows, "row scales")
	}
	d.part(d.at+1, "outliers")
	d.part(d.at+len(l.Outliers), "gaps")
	d.part(d.at+2*len(l.Outliers), "values")
}

// dumpWindows explains a layer with row scales too.
func dumpWindows(l *codebook.Layer) string {
	d := dumper{data: l.Stream}
	d.part(1, "flags: column scales, row scales, windows")
	d.head(l)
	for r := range l.Rows {
		d.part(d.at+(l.Cols*l.WindowBits+7)/8, "row %d. Its assignments: % x", r,
			l.Assignments[r*l.Cols:][:l.Cols])
	}
	return d.String()
}

// dumpEntropy explains an entropy-coded layer.
func dumpEntropy(t *testing.T, l *codebook.Layer) string {
	d := dumper{data: l.Stream}
	d.part(1, "flags: column scales")
	d.head(l)
	c, blocks, err := entropy.Parse(l.Stream[d.at:], l.Rows, l.Cols)
	if err != nil {
		t.Fatal(err)
	}
	d.part(d.at+1, "memory: a trellis of %d states", c.Trellis.States())
	d.part(d.at+1, "zero")
	d.part(d.at+2, "low, classes")
	d.part(d.at+1, "block rows")
	d.part(d.at+(5*l.Rows+7)/8, "row codes: %v", c.Classes.Rows)
	d.part(d.at+(5*l.Cols+7)/8, "column codes: %v", c.Classes.Cols)
	costs, err := c.Costs(1)
	if err != nil {
		t.Fatal(err)
	}
	for class, table := range c.Tables {
		d.part(d.at+1, "class %d: max", class)
		for parity, name := range []string{"even", "odd"} {
			d.part(d.at+len(table.Knots[parity]), "knots of the %s levels. Their frequencies: %v",
				name, frequencies(costs[class], parity))
		}
	}
	d.part(d.at+len(blocks), "sizes")
	for b, data := range blocks {
		d.part(d.at+4*min(l.Cols, entropy.Lanes), "block %d: coders", b)
		d.part(d.at+len(data)-4*min(l.Cols, entropy.Lanes), "words")
		lo, hi := c.Block(b)
		fmt.Fprintf(&d, "# levels of rows %d to %d:\n", lo, hi-1)
		for r := lo; r < hi; r++ {
			fmt.Fprint(&d, "#  ")
			for _, a := range l.Assignments[r*l.Cols:][:l.Cols] {
				fmt.Fprintf(&d, " %2d", int(a)-int(c.Zero))
			}
			fmt.Fprintln(&d)
		}
	}
	return d.String()
}

// frequencies returns those of the levels of a parity from what they cost in bits.
func frequencies(costs [256]float32, parity int) (freqs []int) {
	for i, bits := range costs {
		if i&1 == parity && bits < entropy.Forbidden {
			freqs = append(freqs, int(math.RoundToEven(math.Exp2(12-float64(bits)))))
		}
	}
	return freqs
}

// TestEveryFlippedBitIsRefused changes each byte of small files in nine ways.
func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, tt := range golden[:1] {
		file := contentOf(t, goldenPath(tt.name+".pal"))
		if _, err := openMemory(t, file); err != nil {
			t.Fatal(err)
		}
		for i := range file {
			for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				file[i] ^= flip
				_, err := openMemory(t, file)
				file[i] ^= flip
				if corrupt := new(CorruptError); !errors.As(err, &corrupt) || corrupt.Tensor == "" ||
					corrupt.Path != "memory" {
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
			if _, err := openMemory(t, file); err == nil {
				t.Fatalf("%s: byte %d: accepted", tt.name, i)
			}
			file[i] ^= 1 << (i % 8)
			if _, err := openMemory(t, file[:i]); err == nil {
				t.Fatalf("%s: accepted when cut to %d bytes", tt.name, i)
			}
		}
	}
}

func openMemory(t testing.TB, file []byte) (*Codebook, error) {
	return NewCodebook(t.Context(), bytes.NewReader(file), int64(len(file)), "memory")
}
