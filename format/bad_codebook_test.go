package format

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palettize/palettize/internal/dtype"
)

// Codebook files whose checksums are right and whose content is not, each in testdata/bad-codebook.
// They are made from a golden file; sealed tells that the checksums are computed after the change.
var badCodebooks = []struct {
	name, golden   string
	sealed         bool
	change         func(p parts)
	tensor, reason string
}{
	{"header-checksum-missing", "tiny", false, func(p parts) { delete(p.metadata, headerKey) },
		header, "lacks palettize.header"},
	{"header-checksum-wrong", "tiny", false,
		func(p parts) { p.metadata[headerKey] = "0123456789abcdef" }, header,
		"does not match its checksum"},
	{"metadata-changed", "tiny", false, func(p parts) { p.metadata["format"] = "np" }, header,
		"does not match its checksum"},
	{"tensor-renamed", "tiny", false, func(p parts) { rename(p, "bias", "bios") }, header,
		"does not match its checksum"},
	{"data-changed", "tiny", false, func(p parts) { p.tensors["w.centroids"].data[0]++ },
		"w.centroids", "does not match its checksum"},
	{"unknown-key", "tiny", true, func(p parts) { p.metadata["palettize.shards"] = "2" }, header,
		`unknown key "palettize.shards"`},
	{"layer-and-tensor", "tiny", true, func(p parts) { rename(p, "bias", "w") }, header,
		`layer "w" is there as a tensor too`},
	{"centroids-missing", "tiny", true, func(p parts) { delete(p.tensors, "w.centroids") }, header,
		`tensor "w.centroids" is missing`},
	{"assignments-missing", "tiny", true, func(p parts) { delete(p.tensors, "w.assignments") },
		header, `tensor "w.assignments" is missing`},
	{"multipliers-missing", "scalar", true, func(p parts) { delete(p.tensors, "v.multipliers") },
		header, `tensor "v.multipliers" is missing`},
	{"centroids-not-u8", "tiny", true, func(p parts) { p.tensors["w.centroids"].dtype = "I8" },
		header, "is I8 [3, 2], expected U8"},
	{"centroids-none", "tiny", true, func(p parts) { reshape(p, "w.centroids", 0, 2) }, header,
		"centroids have shape [0, 2]"},
	{"centroids-no-width", "tiny", true, func(p parts) { reshape(p, "w.centroids", 3, 0) }, header,
		"centroids have shape [3, 0]"},
	{"centroids-257", "tiny", true, func(p parts) { reshape(p, "w.centroids", 257, 2) }, header,
		"centroids have shape [257, 2]"},
	{"centroids-too-wide", "tiny", true, func(p parts) { reshape(p, "w.centroids", 3, 65) }, header,
		"centroids have shape [3, 65]"},
	{"centroids-three-dimensions", "tiny", true,
		func(p parts) { reshape(p, "w.centroids", 3, 2, 1) }, header, "expected U8 [-1, -1]"},
	{"assignments-too-short", "tiny", true, func(p parts) { reshape(p, "w.assignments", 1, 1) },
		header, "is U8 [1, 1], expected U8 [2, 1]"},
	{"scales-too-long", "tiny", true, func(p parts) { reshape(p, "w.scales", 3) }, header,
		"is U8 [3], expected U8 [2]"},
	{"assignment-beyond-k", "tiny", true, func(p parts) { p.tensors["w.assignments"].data[0] |= 3 },
		"w", "assignment 0 is 3, of 3 centroids"},
	{"padding-not-zero", "tiny", true, func(p parts) { p.tensors["w.assignments"].data[1] |= 64 },
		"w", "the padding of row 1 is not zero"},
	{"multiplier-minus-64", "scalar", true, func(p parts) {
		p.tensors["v.multipliers"].data[0] = p.tensors["v.multipliers"].data[0]&0x80 | 0x40
	}, "v", "multiplier 0 is -64"},
	{"record-no-json", "tiny", true, record1(`F32 [2,5]`), header, "its record: invalid character"},
	{"record-object", "tiny", true, record1(`{"dtype":"F32"}`), header, "its record: json"},
	{"record-text-after", "tiny", true, record1(`["F32",[2,5],0,128,0.5,[0,0,0,0,0]] ` + "x"),
		header, "its record: invalid character"},
	{"record-too-short", "tiny", true, record1(`["F32",[2,5],0,128,0.5]`), header,
		"5 fields, expected 6"},
	{"record-null", "tiny", true, record1(`["F32",[2,5],0,null,0.5,[0,0,0,0,0]]`), header, "null"},
	{"record-distortion", "tiny", true, record1(`["F32",[2,5],0,128,0.5,[0,0,0,0]]`), header,
		"4 numbers of distortion"},
	{"record-integer-dtype", "tiny", true, record1(`["I32",[2,5],0,128,0.5,[0,0,0,0,0]]`), header,
		"no matrix of floats"},
	{"record-unknown-dtype", "tiny", true, record1(`["F7",[2,5],0,128,0.5,[0,0,0,0,0]]`), header,
		"no matrix of floats"},
	{"record-vector", "tiny", true, record1(`["F32",[10],0,128,0.5,[0,0,0,0,0]]`), header,
		"no matrix of floats"},
	{"record-negative-shape", "tiny", true, record1(`["F32",[-2,-5],0,128,0.5,[0,0,0,0,0]]`),
		header, "shape [-2, -5]"},
	{"record-shape-overflow", "tiny", true,
		record1(`["F32",[2,4611686018427387904],0,128,0.5,[0,0,0,0,0]]`), header,
		byWord("overflows", "into Go value of type int")},
	{"record-wrong-rows", "tiny", true, record1(`["F32",[3,5],0,128,0.5,[0,0,0,0,0]]`), header,
		"expected U8 [3, 1]"},
	{"record-wrong-cols", "tiny", true, record1(`["F32",[2,11],0,128,0.5,[0,0,0,0,0]]`), header,
		"expected U8 [2, 2]"},
	// Nothing may be allocated, nor wrap around, for a claim of 2^56 segments.
	{"record-huge-cols", "tiny", true, func(p parts) {
		record1(`["F16",[2,144115188075855872],0,128,0.5,[0,0,0,0,0]]`)(p)
		reshape(p, "w.centroids", 256, 2)
		reshape(p, "w.assignments", 2, 0)
	}, header, byWord("expected U8 [2, 72057594037927936]", "into Go value of type int")},
	{"record-zero-point-256", "tiny", true, record1(`["F32",[2,5],0,256,0.5,[0,0,0,0,0]]`), header,
		"field 3"},
	{"record-scale-negative", "tiny", true, record1(`["F32",[2,5],0,128,-0.5,[0,0,0,0,0]]`), "w",
		"scale -0.5"},
	{"record-scale-infinite", "tiny", true, record1(`["F32",[2,5],0,128,1e39,[0,0,0,0,0]]`), header,
		"field 4"},
	{"record-group-of-segments", "tiny", true, record1(`["F32",[2,5],8,128,0.5,[0,0,0,0,0]]`),
		header, "groups of 8 for segments of width 2"},
	{"entropy-missing", "entropy", true, func(p parts) { delete(p.tensors, "w.trellis") }, header,
		`tensor "w.trellis" is missing`},
	{"entropy-not-u8", "entropy", true, func(p parts) { p.tensors["w.trellis"].dtype = "I8" },
		header, "expected U8"},
	{"entropy-two-dimensions", "entropy", true,
		func(p parts) { p.tensors["u.trellis"].shape = []int{1, 47} }, header,
		"is U8 [1, 47], expected U8 [-1]"},
	{"entropy-empty", "entropy", true, stream(func([]byte) []byte { return nil }), "w",
		"trellis: it ends early"},
	{"entropy-cut", "entropy", true, stream(func(b []byte) []byte { return b[:len(b)-1] }), "w",
		"trellis: the stream ends early"},
	{"entropy-longer", "entropy", true, stream(func(b []byte) []byte { return append(b, 0) }), "w",
		"bytes are left behind the coded levels"},
	{"entropy-unknown-flag", "entropy", true, stream(change(0, 9)), "w", "unknown flags 0x9"},
	{"entropy-fewer-centroids", "entropy", true,
		stream(func(b []byte) []byte { b[1] -= 2; return append(b[:2], b[4:]...) }), "w",
		"level 0 is centroid 4 of 7"},
	{"entropy-outliers-without-end", "entropy", true, stream(change(20, 0x7f)), "w",
		"it ends early"},
	{"entropy-outlier-beyond", "entropy", true, stream(change(21, 54)), "w",
		"outlier 0 lies beyond the matrix"},
	{"entropy-outlier-nan", "entropy", true, stream(change(23, 0x7f, 22, 0xc0)), "w",
		"outlier 0 is NaN"},
	{"entropy-16-states", "entropy", true, stream(change(24, 4)), "w", "no trellis has 2^4 states"},
	{"entropy-no-classes", "entropy", true, stream(change(27, 0)), "w", "0 classes from 29 on"},
	{"entropy-no-rows-a-block", "entropy", true, stream(change(28, 0)), "w",
		"blocks of 0 rows in 6"},
	{"entropy-long-number", "entropy", true, stream(func(b []byte) []byte {
		return append(append(b[:28:28], b[28]|0x80, 0), b[29:]...)
	}), "w", "takes more bytes than it needs"},
	{"entropy-padding", "entropy", true, stream(change(32, 0x7b)), "w",
		"the padding of codes is not zero"},
	{"entropy-coder-start", "entropy", true, stream(change(54, 0)), "w",
		"block 0: the coded levels are damaged: a coder begins below its range"},
	{"entropy-coder-end", "entropy", true,
		stream(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "w",
		"block 1: the coded levels are damaged"},
	{"entropy-record-other-k", "entropy", true, record1(`["F32",[6,9],0,128,0.5,[0,0,0,0,0],8]`),
		"w", "9 centroids, the record says 8"},
	{"entropy-record-k-0", "entropy", true, record1(`["F32",[6,9],0,128,0.5,[0,0,0,0,0],0]`),
		header, "0 centroids"},
	{"entropy-record-k-257", "entropy", true, record1(`["F32",[6,9],0,128,0.5,[0,0,0,0,0],257]`),
		header, "257 centroids"},
	{"entropy-record-without-k", "entropy", true, record1(`["F32",[6,9],0,128,0.5,[0,0,0,0,0]]`),
		header, `tensor "w.centroids" is missing`},
	{"entropy-record-with-groups", "entropy", true,
		record1(`["F32",[6,9],8,128,0.5,[0,0,0,0,0],9]`), header, "groups of 8"},
	{"entropy-record-too-long", "entropy", true, record1(`["F32",[6,9],0,128,0.5,[0,0,0,0,0],9,1]`),
		header, "fold 1 of a shape of 2 dimensions"},
	{"record-9-fields", "tiny", true, record1(`["F32",[2,5],0,128,0.5,[0,0,0,0,0],0,-1,0]`), header,
		"9 fields, expected 6 to 8"},
	{"record-fold-in-version-1", "tiny", true, record1(`["F32",[5,2],0,128,0.5,[0,0,0,0,0],0,-1]`),
		header, "has a fold, which version 1 has not"},
	{"record-fold-0", "folded", true, recordOf("gru", `["F32",[2,6,5],0,128,0.5,[0,0,0,0,0],0,0]`),
		header, "fold 0 of a shape of 3 dimensions"},
	{"record-fold-3", "folded", true, recordOf("gru", `["F32",[2,6,5],0,128,0.5,[0,0,0,0,0],0,3]`),
		header, "fold 3 of a shape of 3 dimensions"},
	{"record-fold-minus-2", "folded", true, recordOf("gru",
		`["F32",[2,6,5],0,128,0.5,[0,0,0,0,0],0,-2]`), header,
		"fold -2 of a shape of 3 dimensions"},
	{"record-fold-of-vector", "folded", true, recordOf("gru",
		`["F32",[60],0,128,0.5,[0,0,0,0,0],0,-1]`), header, "fold -1 of a shape of 1 dimensions"},
	{"record-fold-other-way", "folded", true, recordOf("gru",
		`["F32",[2,6,5],0,128,0.5,[0,0,0,0,0],0,-1]`), header, "expected U8 [10, "},
	{"record-fold-k-with-groups", "folded", true, recordOf("rnn",
		`["F32",[2,3,3],8,128,0.5,[0,0,0,0,0],256,2]`), header, "256 centroids, groups of 8"},
	{"block-in-version-1", "tiny", true, block(`[64,64]`), header,
		"has palettize.block, which version 1 has not"},
	{"block-zero", "narrowed", true, block(`[64,0]`), header, "palettize.block: is not [rows, co"},
	{"block-one", "narrowed", true, block(`[64]`), header, "palettize.block: is not [rows, columns]"},
	{"block-spaces", "narrowed", true, block(`[64, 64]`), header, "is not [rows, columns]"},
	{"block-null", "narrowed", true, block(`null`), header, "is not [rows, columns]"},
	{"block-no-json", "narrowed", true, block(``), header, "palettize.block: unexpected end"},
	{"record-f8-in-version-1", "tiny", true, record1(`["F8_E4M3",[2,5],0,128,0.5,[0,0,0,0,0]]`),
		header, `layer "w": has dtype F8_E4M3, which version 1 has not`},
	{"narrowed-in-version-1", "tiny", true, narrowed(`{"bias":"F32"}`), header,
		"has palettize.narrowed, which version 1 has not"},
	{"narrowed-empty", "narrowed", true, narrowed(`{}`), header,
		"palettize.narrowed: names no tensor"},
	{"narrowed-null", "narrowed", true, narrowed(`null`), header,
		"found 'n', expected '{' at its beginning at byte 0"},
	{"narrowed-list", "narrowed", true, narrowed(`["head"]`), header, "found '[', expected '{'"},
	{"narrowed-no-json", "narrowed", true, narrowed(``), header, "ends in the middle"},
	{"narrowed-cut", "narrowed", true, narrowed(`{"head":"F32"`), header, "ends in the middle"},
	{"narrowed-text-after", "narrowed", true, narrowed(`{"head":"F32"}{}`), header,
		"2 bytes follow the JSON"},
	{"narrowed-twice", "narrowed", true, narrowed(`{"head":"F32","he\u0061d":"F64"}`), header,
		`tensor "head" is there twice`},
	{"narrowed-null-dtype", "narrowed", true, narrowed(`{"head":null}`), header,
		"found 'n', expected a string"},
	{"narrowed-number", "narrowed", true, narrowed(`{"head":32}`), header,
		"found '3', expected a string"},
	{"narrowed-from-bf16", "narrowed", true, narrowed(`{"head":"BF16"}`), header,
		`tensor "head" was "BF16", expected F32 or F64`},
	{"narrowed-from-f16", "narrowed", true, narrowed(`{"half":"F16"}`), header,
		`tensor "half" was "F16", expected F32 or F64`},
	{"narrowed-missing", "narrowed", true, narrowed(`{"tail":"F32"}`), header,
		`tensor "tail" is missing`},
	{"narrowed-layer", "narrowed", true, narrowed(`{"w":"F32"}`), header, `tensor "w" is missing`},
	{"narrowed-part", "narrowed", true, narrowed(`{"w.centroids":"F32"}`), header,
		`tensor "w.centroids" is U8 [3, 2], expected F16`},
	{"narrowed-passed", "narrowed", true, narrowed(`{"bias":"F32"}`), header,
		`tensor "bias" is F32 [3], expected F16`},
	{"narrowed-overflow", "narrowed", true, func(p parts) {
		narrowed(`{"head":"F64"}`)(p)
		p.tensors["head"] = &tensor{"head", "F16", []int{0, 1 << 29, 1 << 29}, nil}
	}, header, `tensor "head" was F64 [0, 536870912, 536870912]: the shape overflows`},
	{"stacks-in-version-1", "tiny", true, stacks(`{"bias":2}`), header,
		"has palettize.stacks, which version 1 has not"},
	{"stacks-empty", "stacked", true, stacks(`{}`), header, "palettize.stacks: names no tensor"},
	{"stacks-null", "stacked", true, stacks(`null`), header, "found 'n', expected '{'"},
	{"stacks-string", "stacked", true, stacks(`{"experts":"3"}`), header,
		`found '"', expected a number`},
	{"stacks-negative", "stacked", true, stacks(`{"experts":-3}`), header, "negative number"},
	{"stacks-twice", "stacked", true, stacks(`{"experts":3,"experts":3}`), header,
		`tensor "experts" is there twice`},
	{"stacks-of-none", "stacked", true, stacks(`{"experts":0}`), header,
		`tensor "experts" has 0 slices, expected 2 or more`},
	{"stacks-of-one", "stacked", true, stacks(`{"experts":1}`), header, "has 1 slices"},
	{"stacks-missing", "stacked", true, stacks(`{"expert":2}`), header,
		`tensor "expert" lacks slice 0 of 2`},
	{"stacks-too-many", "stacked", true, stacks(`{"experts":9000000000000000000}`), header,
		byWord("lacks slice 4 of 9000000000000000000", "number beyond")},
	{"stacks-and-whole", "stacked", true, func(p parts) { rename(p, "bias", "experts") }, header,
		`tensor "experts" is there as a whole too`},
	{"stacks-of-layers", "stacked", true, stacks(`{"in, out":2,"in, out[0]":2}`), header,
		`tensor "in, out[0]" is there as a whole too`},
	{"stacks-other-shape", "stacked", true,
		func(p parts) { p.tensors["experts[1]"].shape = []int{6, 4} }, header,
		`tensor "experts" has slices that are F32 [4, 6] and F32 [6, 4]`},
	{"stacks-other-dtype", "stacked", true, narrowed(`{"experts[2]":"F64"}`), header,
		`tensor "experts" has slices that are F32 [4, 6] and F64 [4, 6]`},
	{"stacks-of-vectors", "stacked", true, func(p parts) {
		stacks(`{"bias":2}`)(p)
		rename(p, "bias", "bias[0]")
	}, header, `tensor "bias" has a slice 0 that is F32 [3], no matrix`},
	// Nothing may be allocated for a shape that the stream does not back.
	{"entropy-huge-rows", "entropy", true,
		record1(`["F32",[1099511627776,9],0,128,0.5,[0,0,0,0,0],9]`), byWord("w", header),
		byWord("it ends early", "into Go value of type int")},
	{"entropy-huge-cols", "entropy", true,
		record1(`["F32",[6,1099511627776],0,128,0.5,[0,0,0,0,0],9]`), byWord("w", header),
		byWord("it ends early", "into Go value of type int")},
	{"window-six-bits", "window", true, stream(change(2, 6)), "w", "windows of 6 bits a weight"},
	{"window-fewer-centroids", "window", true,
		stream(func(b []byte) []byte { b[1]--; return append(b[:3], b[4:]...) }), "w",
		"255 centroids"},
	{"window-cut", "window", true, stream(func(b []byte) []byte { return b[:len(b)-1] }), "w",
		"trellis: 5 bytes of windows for 3 rows of 2"},
	{"window-longer", "window", true, stream(func(b []byte) []byte { return append(b, 0) }), "w",
		"trellis: 7 bytes of windows for 3 rows of 2"},
	{"window-padding", "window", true, stream(func(b []byte) []byte { b[len(b)-3] |= 1; return b }),
		"w", "row 1: bits behind the last weight"},
	{"window-record-other-k", "window", true, record1(`["F32",[3,5],0,128,0.5,[0,0,0,0,0],255]`),
		"w", "256 centroids, the record says 255"},
	{"window-huge-rows", "window", true,
		record1(`["F32",[1099511627776,5],0,128,0.5,[0,0,0,0,0],256]`), byWord("w", header),
		byWord("it ends early", "into Go value of type int")},
	{"record-group-of-7", "scalar", true,
		func(p parts) { p.metadata[layerPrefix+"v"] = `["F16",[2,9],7,127,0.5,[0,0,0,0,0]]` },
		header, "groups of 7"},
}

func block(text string) func(parts) {
	return func(p parts) { p.metadata[blockKey] = text }
}

func narrowed(text string) func(parts) {
	return func(p parts) { p.metadata[narrowedKey] = text }
}

func stacks(text string) func(parts) {
	return func(p parts) { p.metadata[stacksKey] = text }
}

func record1(text string) func(parts) { return recordOf("w", text) }

func recordOf(layer, text string) func(parts) {
	return func(p parts) { p.metadata[layerPrefix+layer] = text }
}

// stream changes the stream of layer w.
func stream(change func([]byte) []byte) func(parts) {
	return func(p parts) {
		w := p.tensors["w.trellis"]
		w.data = change(w.data)
		w.shape = []int{len(w.data)}
	}
}

// change sets bytes: pairs of where and what.
func change(pairs ...int) func([]byte) []byte {
	return func(b []byte) []byte {
		for i := 0; i < len(pairs); i += 2 {
			b[pairs[i]] = byte(pairs[i+1])
		}
		return b
	}
}

func rename(p parts, from, to string) {
	p.tensors[to] = p.tensors[from]
	delete(p.tensors, from)
}

// reshape gives a U8 tensor a shape and as many bytes as that takes.
func reshape(p parts, name string, shape ...int) {
	size, _ := dtype.Of("U8").Size(shape)
	p.tensors[name].shape, p.tensors[name].data = shape, make([]byte, size)
}

func TestBadCodebooksAreRefused(t *testing.T) {
	for _, tt := range badCodebooks {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Open(goldenPath(tt.golden + ".pal"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p := takeApart(t, f)
			tt.change(p)
			var content []byte
			if tt.sealed {
				content = p.seal(t)
			} else {
				content = p.write(t)
			}
			path := filepath.Join("testdata", "bad-codebook", tt.name+".safetensors")
			fixture(t, path, content)
			err = readAllLayers(t, path)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("got %v", err)
			}
			if corrupt.Tensor != tt.tensor || corrupt.Path != path ||
				!strings.Contains(corrupt.Reason, tt.reason) {
				t.Errorf("got %q, want %q: %q", err, tt.tensor, tt.reason)
			}
		})
	}
}

func readAllLayers(t *testing.T, path string) error {
	c, err := OpenCodebook(t.Context(), path)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, name := range c.Layers() {
		if _, _, err := c.Layer(t.Context(), name); err != nil {
			return err
		}
	}
	return nil
}

func TestOtherFilesAreToldFromDamagedOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "newer.safetensors")
	if err := os.WriteFile(path, newerBook(t), 0o666); err != nil {
		t.Fatal(err)
	}
	err := readAllLayers(t, path)
	if err == nil || !strings.Contains(err.Error(), `version "3", made by "palettize 3.1"`) {
		t.Errorf("a newer version: %v", err)
	}
	err = readAllLayers(t, goldenPath("tiny.dense.safetensors"))
	if err == nil || !strings.Contains(err.Error(),
		"not a codebook file (palettize compress makes one of it)") {
		t.Errorf("an ordinary file: %v", err)
	}
}

func TestChecksumsAreDecodedStrictly(t *testing.T) {
	entries := []entry{{}, {}}
	good := base64.RawStdEncoding.EncodeToString(make([]byte, 16))
	if _, err := decodeChecksums(good, entries); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", good + "==", good + "\n", good[:len(good)-1],
		good[:len(good)-1] + "B", good + "AAAA"} {
		if _, err := decodeChecksums(text, entries); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
