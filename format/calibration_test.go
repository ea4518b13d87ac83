package format

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/stack"
)

// le puts numbers, strings and bytes together, little-endian.
func le(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case []byte:
			b.Write(p)
		default:
			if err := binary.Write(&b, binary.LittleEndian, p); err != nil {
				panic(err)
			}
		}
	}
	return b.Bytes()
}

// imatrixEntry is an entry of an importance matrix of the older form.
func imatrixEntry(name string, calls int32, values ...float32) []byte {
	return le(int32(len(name)), name, calls, int32(len(values)), values)
}

func imatrixFile(entries ...[]byte) []byte {
	return le(int32(len(entries)), bytes.Join(entries, nil), int32(7), int32(3), "txt")
}

func ggufText(s string) []byte { return le(uint64(len(s)), s) }

// ggufInfo is what a GGUF header says of a tensor.
func ggufInfo(name string, dtype uint32, offset uint64, shape ...uint64) []byte {
	return le(ggufText(name), uint32(len(shape)), shape, dtype, offset)
}

// ggufKeys are of all kinds that a reader has to step over.
var ggufKeys = [][]byte{
	le(ggufText("general.type"), uint32(ggufString), ggufText("imatrix")),
	le(ggufText("imatrix.datasets"), uint32(ggufArray), uint32(ggufString), uint64(2),
		ggufText("a.txt"), ggufText("")),
	le(ggufText("imatrix.chunk_count"), uint32(ggufU32), uint32(5)),
	le(ggufText("floats"), uint32(ggufArray), uint32(6), uint64(2), []float32{1, 2}),
}

// ggufFile puts a header and 64 bytes of data together: at 0 the sums 2, 4, 6, at 32 the count 2.
func ggufFile(keys [][]byte, infos ...[]byte) []byte {
	file := le(ggufMagic, uint32(3), uint64(len(infos)), uint64(len(keys)), bytes.Join(keys, nil),
		bytes.Join(infos, nil))
	for len(file)%32 != 0 {
		file = append(file, 0)
	}
	return le(file, []float32{2, 4, 6, 8, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0})
}

func ggufGood() []byte {
	return ggufFile(ggufKeys, ggufInfo("blk.3.ffn_up.weight.in_sum2", 0, 0, 3, 1),
		ggufInfo("blk.3.ffn_up.weight.counts", 0, 32, 1, 1),
		ggufInfo("unused.in_sum2", 0, 0, 3, 1), ggufInfo("unused.counts", 0, 48, 1, 1),
		ggufInfo("other", 12, 999, 256))
}

func safetensorsFile(t testing.TB, tensors ...*tensor) []byte {
	t.Helper()
	p := parts{tensors: make(map[string]*tensor)}
	for _, s := range tensors {
		p.tensors[s.name] = s
	}
	return p.write(t)
}

func openCalibration(t testing.TB, file []byte) *Calibration {
	t.Helper()
	c, err := NewCalibration(bytes.NewReader(file), int64(len(file)), "memory")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCalibrationOfEveryForm(t *testing.T) {
	const name = "encoder.layer.3.intermediate.dense.weight"
	matrix := []float32{4, 1, 0, 1, 5, 0, 0, 0, 6}
	for _, c := range []struct {
		form    string
		file    []byte
		squares []float32
		matrix  []float32
	}{
		{"vector F32", safetensorsFile(t, &tensor{name, "F32", []int{3}, le([]float32{1, 2, 3})}),
			[]float32{1, 2, 3}, nil},
		{"vector F64", safetensorsFile(t, &tensor{name, "F64", []int{3}, le([]float64{1, 2, 3})}),
			[]float32{1, 2, 3}, nil},
		{"matrix F32", safetensorsFile(t, &tensor{name, "F32", []int{3, 3}, le(matrix)}),
			[]float32{4, 5, 6}, matrix},
		{"gguf", ggufGood(), []float32{1, 2, 3}, nil},
		{"gguf with the model's names",
			ggufFile(nil, ggufInfo(name+".in_sum2", 0, 0, 3), ggufInfo(name+".counts", 0, 32, 1)),
			[]float32{1, 2, 3}, nil},
		{"gguf with an alignment",
			ggufFile([][]byte{le(ggufText(ggufAlignment), uint32(ggufU32), uint32(32))},
				ggufInfo(name+".in_sum2", 0, 4, 3), ggufInfo(name+".counts", 0, 32, 1)),
			[]float32{2, 3, 4}, nil},
		{"dat", imatrixFile(imatrixEntry("x", 1, 9),
			imatrixEntry("blk.3.ffn_up.weight", 10, 5, 10, 0)), []float32{0.5, 1, 0}, nil},
		{"dat of an old version", le(int32(1), imatrixEntry("blk.3.ffn_up.weight", 0, 5, 10, 0)),
			[]float32{5, 10, 0}, nil},
	} {
		f := openCalibration(t, c.file)
		m, err := f.Moments(t.Context(), name, 3)
		if err != nil || m == nil || !slices.Equal(m.Squares, c.squares) ||
			!slices.Equal(m.Matrix, c.matrix) {
			t.Errorf("%s: %+v, %v", c.form, m, err)
		}
		m, err = f.Moments(t.Context(), "encoder.layer.4.intermediate.dense.weight", 3)
		if m != nil || err != nil {
			t.Errorf("%s: a tensor that is not there: %v, %v", c.form, m, err)
		}
		if missing, err := f.Missing([]string{name, "other"}); err != nil ||
			!slices.Equal(missing, []string{"other"}) {
			t.Errorf("%s: missing %q, %v", c.form, missing, err)
		}
		if _, err := f.Missing([]string{"a", "b"}); err == nil ||
			!strings.Contains(err.Error(), `nothing for any of 2 tensors`) {
			t.Errorf("%s: %v", c.form, err)
		}
	}
}

// TestCalibrationBesideMoments: what is known of a matrix beside its moments, or without any.
func TestCalibrationBesideMoments(t *testing.T) {
	c := openCalibration(t, safetensorsFile(t,
		&tensor{"a", "F32", []int{3}, le([]float32{1, 2, 3})},
		&tensor{"a.sensitivity", "F64", []int{1}, le([]float64{0.5})},
		&tensor{"b.lookups", "F32", []int{4}, le([]float32{0, 1, 7, 2})},
		&tensor{"b.sensitivity", "F32", nil, le([]float32{3})},
		&tensor{"c.lookups", "F32", []int{2}, le([]float32{1, -1})},
		&tensor{"d.sensitivity", "F32", []int{2}, le([]float32{1, 1})},
		&tensor{"e.lookups", "F32", []int{2, 1}, le([]float32{1, 1})},
		&tensor{"f.lookups", "I32", []int{1}, le([]int32{1})}))
	for name, want := range map[string]moments.Moments{
		"a": {Squares: []float32{1, 2, 3}, Sensitivity: 0.5},
		"b": {Lookups: []float32{0, 1, 7, 2}, Sensitivity: 3},
	} {
		m, err := c.Moments(t.Context(), name, 3)
		if err != nil || m == nil || !reflect.DeepEqual(*m, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, m, err, want)
		}
	}
	for name, want := range map[string]string{
		"c": `tensor "c.lookups": value 1 is -1, expected 0 or more`,
		"d": `tensor "d.sensitivity": has 2 values, expected one`,
		"e": `tensor "e.lookups": F32 [2, 1], expected a list of F32 or F64`,
		"f": `tensor "f.lookups": I32 [1], expected a list of F32 or F64`,
	} {
		if _, err := c.Moments(t.Context(), name, 3); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if missing, err := c.Missing([]string{"a", "b", "x"}); err != nil ||
		!slices.Equal(missing, []string{"x"}) {
		t.Errorf("missing %q, %v", missing, err)
	}
}

func TestOpenCalibrationReadsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	if err := os.WriteFile(path, ggufGood(), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCalibration(path)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := c.Moments(t.Context(), "blk.3.ffn_up.weight", 3); err != nil || m == nil ||
		c.Path() != path {
		t.Errorf("%v, %v, %s", m, err, c.Path())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenCalibration(filepath.Dir(path)); err == nil ||
		!strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("PK\x03\x04 and so on and so on"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCalibration(path); err == nil ||
		!strings.Contains(err.Error(), "looks like a zip archive") {
		t.Error(err)
	}
}

func TestCalibrationThatDoesNotFit(t *testing.T) {
	nan := float32(math.NaN())
	values := func(shape []int, v ...float32) []byte {
		return safetensorsFile(t, &tensor{"a", "F32", shape, le(v)})
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"dtype", safetensorsFile(t, &tensor{"a", "BF16", []int{2}, make([]byte, 4)}),
			"dtype BF16, expected F32 or F64"},
		{"length", values([]int{3}, 1, 2, 3),
			"shape [3], expected [2], E[x^2] for each input column, " +
				"[experts, 2], [2, 2], E[x x^T], or [experts, 2, 2]"},
		{"rank", values([]int{1, 1, 2}, 1, 2), "shape [1, 1, 2], expected"},
		{"NaN", values([]int{2}, 1, nan), "value 1 is NaN"},
		{"infinity", safetensorsFile(t, &tensor{"a", "F64", []int{2}, le([]float64{1, 1e300})}),
			"value 1 is beyond float32"},
		{"negative", values([]int{2, 2}, 1, 0, 0, -1),
			"the mean square of column 1 is -1, below 0"},
		{"asymmetric", values([]int{2, 2}, 1, 0.5, 0, 1), "not symmetric"},
		{"experts of three columns", ggufFile(nil, ggufInfo("a.in_sum2", 0, 0, 3, 2),
			ggufInfo("a.counts", 0, 32, 1, 2)),
			"shape [2, 3], expected [2], an importance for each input column, or [experts, 2]"},
		{"an importance too long", imatrixFile(imatrixEntry("a", 1, 1, 2, 3)),
			"shape [3], expected [2], an importance"},
	} {
		_, err := openCalibration(t, c.file).Moments(t.Context(), "a", 2)
		if err == nil || !strings.Contains(err.Error(), `memory: tensor "a": `) ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestCalibrationShrunk(t *testing.T) {
	file := imatrixFile(imatrixEntry("a", 1, 1, 2))
	c := openCalibration(t, file)
	c.file.shards[0].r = bytes.NewReader(file[:20])
	if _, err := c.Moments(t.Context(), "a", 2); err == nil ||
		!strings.Contains(err.Error(), "has shrunk") {
		t.Error(err)
	}
}

// badCalibrations are in testdata/bad-calibration.
var badCalibrations = []struct {
	name, reason string
	content      []byte
}{
	{"cut.dat", "has 7", imatrixFile(imatrixEntry("a", 1, 1, 2))[:24]},
	{"cut-in-name.dat", "the file has 2", le(int32(1), int32(5), "ab")},
	{"negative-length.dat", "a name of 4294967295 bytes",
		le(int32(2), imatrixEntry("a", 1, 1), int32(-1), "ab")},
	{"negative-values.dat", "claims -1 values", le(int32(1), int32(1), "a", int32(1), int32(-1))},
	{"negative-calls.dat", "claims -5 calls", imatrixFile(imatrixEntry("a", -5, 1))},
	{"huge-values.dat", "claims 8589934588 more bytes",
		le(int32(1), int32(1), "a", int32(1), int32(math.MaxInt32))},
	{"no-values.dat", "has no values", imatrixFile(imatrixEntry("a", 1))},
	{"twice.dat", "is there twice", imatrixFile(imatrixEntry("a", 1, 1), imatrixEntry("a", 1, 1))},
	{"more-entries.dat", "a name of 0 bytes",
		le(int32(1000000), imatrixEntry("a", 1, 1), make([]byte, 20))},
	{"trailing.dat", "1 bytes after the end", append(imatrixFile(imatrixEntry("a", 1, 1)), 0)},
	{"trailing-name.dat", "the file has 3",
		le(int32(1), imatrixEntry("a", 1, 1), int32(7), int32(4), "txt")},

	{"magic-only.gguf", "the file has 0", []byte(ggufMagic)},
	{"version-1.gguf", "GGUF version 1", le(ggufMagic, uint32(1), make([]byte, 16))},
	{"version-4.gguf", "GGUF version 4", le(ggufMagic, uint32(4), make([]byte, 16))},
	{"big-endian.gguf", "big-endian", le(ggufMagic, "\x00\x00\x00\x03", make([]byte, 16))},
	{"tensors-huge.gguf", "claims 18446744073709551615 tensors",
		le(ggufMagic, uint32(3), uint64(math.MaxUint64), uint64(0))},
	{"keys-huge.gguf", "claims 9223372036854775808 keys",
		le(ggufMagic, uint32(3), uint64(1), uint64(1<<63))},
	{"key-huge.gguf", "claims 18446744073709551615 more bytes",
		le(ggufMagic, uint32(3), uint64(1), uint64(1), uint64(math.MaxUint64))},
	{"unknown-type.gguf", "a value of unknown type 13",
		ggufFile([][]byte{le(ggufText("a"), uint32(13))})},
	{"array-of-arrays.gguf", "a value of unknown type 9",
		ggufFile([][]byte{le(ggufText("a"), uint32(ggufArray), uint32(ggufArray), uint64(1))})},
	{"array-huge.gguf", "claims 18446744073709551615 more bytes",
		ggufFile([][]byte{le(ggufText("a"), uint32(ggufArray), uint32(12),
			uint64(math.MaxUint64))})},
	{"strings-huge.gguf", "more bytes",
		ggufFile([][]byte{le(ggufText("a"), uint32(ggufArray), uint32(ggufString),
			uint64(math.MaxUint64))})},
	{"alignment-0.gguf", "general.alignment is 0",
		ggufFile([][]byte{le(ggufText(ggufAlignment), uint32(ggufU32), uint32(0))})},
	{"alignment-24.gguf", "general.alignment is 24",
		ggufFile([][]byte{le(ggufText(ggufAlignment), uint32(ggufU32), uint32(24))})},
	{"rank-5.gguf", "has 5 dimensions", ggufFile(nil, ggufInfo("a", 0, 0, 1, 1, 1, 1, 1))},
	{"dimension-negative.gguf", "has a dimension of",
		ggufFile(nil, ggufInfo("a", 0, 0, math.MaxUint64))},
	{"shape-overflow.gguf", byWord("the shape overflows", "has a dimension of"),
		ggufFile(nil, ggufInfo("a.in_sum2", 0, 0, 1<<62, 4), ggufInfo("a.counts", 0, 32, 1))},
	{"past-end.gguf", "the file ends before",
		ggufFile(nil, ggufInfo("a.in_sum2", 0, 32, 9), ggufInfo("a.counts", 0, 32, 1))},
	{"offset-huge.gguf", "the file ends before",
		ggufFile(nil, ggufInfo("a.in_sum2", 0, math.MaxUint64-7, 1),
			ggufInfo("a.counts", 0, 32, 1))},
	{"tensor-twice.gguf", `tensor "a" is there twice`,
		ggufFile(nil, ggufInfo("a", 0, 0, 1), ggufInfo("a", 0, 0, 1))},
	{"sums-f16.gguf", "of type 1, expected F32", ggufFile(nil, ggufInfo("a.in_sum2", 1, 0, 1))},
	{"no-counts.gguf", "has sums and no counts", ggufFile(nil, ggufInfo("a.in_sum2", 0, 0, 3))},
	{"wrong-counts.gguf", "2 counts for 1 matrices",
		ggufFile(nil, ggufInfo("a.in_sum2", 0, 0, 3), ggufInfo("a.counts", 0, 32, 1, 2))},
	{"counts-twice.gguf", "its counts are those of other tensors", append(ggufFile(nil,
		ggufInfo("a.in_sum2", 0, 0, 1, 1024), ggufInfo("a.counts", 0, 0, 1, 1024),
		ggufInfo("b.in_sum2", 0, 0, 1, 1024), ggufInfo("b.counts", 0, 0, 1, 1024),
	), make([]byte, 4096)...)},
	{"negative-count.gguf", "a count of -1",
		append(ggufFile(nil, ggufInfo("a.in_sum2", 0, 0, 3), ggufInfo("a.counts", 0, 64, 1)),
			le(float32(-1))...)},
	{"no-sums.gguf", "without an importance matrix", ggufFile(ggufKeys, ggufInfo("a", 0, 0, 3))},
}

func TestBadCalibrationsAreRefused(t *testing.T) {
	for _, tt := range badCalibrations {
		path := filepath.Join("testdata", "bad-calibration", tt.name)
		fixture(t, path, tt.content)
		_, err := OpenCalibration(path)
		var corrupt *CorruptError
		switch {
		case err == nil || !strings.Contains(err.Error(), tt.reason) ||
			strings.Count(err.Error(), path) != 1 || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.reason)
		case errors.As(err, &corrupt) &&
			(corrupt.Offset < 0 || corrupt.Offset > int64(len(tt.content))):
			t.Errorf("%s: offset %d in a file of %d bytes",
				tt.name, corrupt.Offset, len(tt.content))
		}
	}
}

// TestMomentsOfExperts reads sums of two experts [2, 4] and [6, 8], of two and three tokens.
func TestMomentsOfExperts(t *testing.T) {
	const gate = "blk.3.ffn_gate_exps.weight"
	gguf := func(first, second float32) []byte {
		file := ggufFile(nil,
			ggufInfo(gate+ggufSums, 0, 0, 2, 2), ggufInfo(gate+ggufCounts, 0, 32, 1, 2))
		copy(file[len(file)-32:], le([]float32{first, second}))
		return file
	}
	own := func(shape []int, v ...float32) []byte {
		return safetensorsFile(t, &tensor{"experts", "F32", shape, le(v)})
	}
	one, fused := "model.layers.3.mlp.experts.1.gate_proj.weight",
		"model.layers.3.mlp.experts.gate_up_proj"
	for _, c := range []struct {
		name   string
		file   []byte
		tensor string
		want   []float32
	}{
		{"the first", gguf(2, 3), "model.layers.3.mlp.experts.0.up_proj.weight", nil},
		{"the first gate", gguf(2, 3), "model.layers.3.block_sparse_moe.experts.0.w1.weight",
			[]float32{1, 2}},
		{"the second", gguf(2, 4), one, []float32{1.5, 2}},
		{"the second, unseen", gguf(2, 0), one, nil},
		{"all", gguf(2, 2), fused, []float32{2, 3}},
		{"all that were seen", gguf(0, 4), fused, []float32{1.5, 2}},
		{"ggml's own name", gguf(4, 4), gate, []float32{1, 1.5}},
		{"one of the older form", imatrixFile(imatrixEntry(gate, 10, 5, 10, 20, 40)), one,
			[]float32{2, 4}},
		{"one unseen of the older form", imatrixFile(imatrixEntry(gate, 10, 5, 10, 10, 10)), one,
			nil},
		{"all of the older form", imatrixFile(imatrixEntry(gate, 10, 5, 10, 10, 10)), fused,
			[]float32{0.5, 1}},
		{"safetensors", own([]int{3, 2}, 1, 2, 3, 6, 0, 0), "experts", []float32{2, 4}},
		{"safetensors, nothing seen", own([]int{3, 2}, 0, 0, 0, 0, 0, 0), "experts", nil},
		{"as many experts as columns: a matrix", own([]int{2, 2}, 1, 0, 0, 9), "experts",
			[]float32{1, 9}},
		{"matrices", own([]int{2, 2, 2}, 1, 0, 0, 9, 3, 1, 1, 5), "experts", []float32{2, 7}},

		{"a slice", gguf(2, 4), fused + "[1]", []float32{1.5, 2}},
		{"a slice, unseen", gguf(0, 4), fused + "[0]", nil},
		{"a slice of the older form", imatrixFile(imatrixEntry(gate, 10, 5, 10, 20, 40)),
			fused + "[1]", []float32{2, 4}},
		{"an unseen slice of the older form", imatrixFile(imatrixEntry(gate, 10, 5, 10, 10, 10)),
			fused + "[1]", nil},
		{"slice of safetensors", own([]int{3, 2}, 1, 2, 3, 6, 0, 0), "experts[1]",
			[]float32{3, 6}},
		{"slice of safetensors, nothing seen", own([]int{3, 2}, 1, 2, 3, 6, 0, 0), "experts[2]",
			nil},
		{"slice with the moments of all", own([]int{2}, 5, 6), "experts[7]", []float32{5, 6}},
		{"slice with the matrix of all", own([]int{2, 2}, 5, 0, 0, 6), "experts[7]",
			[]float32{5, 6}},
		{"slice of matrices", own([]int{2, 2, 2}, 1, 0, 0, 9, 3, 1, 1, 5), "experts[1]",
			[]float32{3, 5}},
		{"slice of matrices, nothing seen", own([]int{2, 2, 2}, 1, 0, 0, 9, 0, 0, 0, 0),
			"experts[1]", nil},
		{"slice under its own name", safetensorsFile(t, &tensor{"experts[1]", "F32", []int{2},
			le([]float32{7, 8})}), "experts[1]", []float32{7, 8}},
	} {
		m, err := openCalibration(t, c.file).Moments(t.Context(), c.tensor, 2)
		var got []float32
		if m != nil {
			got = m.Squares
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	for _, beyond := range []string{"model.layers.3.mlp.experts.2.gate_proj.weight", fused + "[2]"} {
		_, err := openCalibration(t, gguf(2, 3)).Moments(t.Context(), beyond, 2)
		if err == nil || !strings.Contains(err.Error(), "has no expert 2") {
			t.Error(err)
		}
	}
	matrix := openCalibration(t, own([]int{2, 2, 2}, 1, 0, 0, 9, 3, 1, 1, 5))
	if m, err := matrix.Moments(t.Context(), "experts[1]", 2); err != nil ||
		!slices.Equal(m.Matrix, []float32{3, 1, 1, 5}) {
		t.Errorf("%v, %v", m, err)
	}
	bad := openCalibration(t, own([]int{2, 2}, 1, 2, 3, float32(math.NaN())))
	if _, err := bad.Moments(t.Context(), "experts[1]", 2); err == nil ||
		!strings.Contains(err.Error(), "NaN") {
		t.Error(err)
	}
	unseen := gguf(0, 0)
	_, err := NewCalibration(bytes.NewReader(unseen), int64(len(unseen)), "memory")
	if err == nil || !strings.Contains(err.Error(), "without an importance") {
		t.Errorf("no expert has seen a token: %v", err)
	}
}

func TestTransposedByMoments(t *testing.T) {
	names := []string{"linear", "square", "matmul", "conv", "experts", "bias", "ids"}
	lengths := []int{5, 4, 6, 3, 6, 4, 4}
	var tensors []*tensor
	for i, name := range names {
		n := lengths[i]
		tensors = append(tensors, &tensor{name, "F32", []int{n}, make([]byte, 4*n)})
	}
	c := openCalibration(t, safetensorsFile(t, tensors...))
	got := c.Transposed([]codebook.Tensor{
		{Name: "linear", DType: "F32", Shape: []int{6, 5}},
		{Name: "square", DType: "F32", Shape: []int{4, 4}},
		{Name: "matmul", DType: "F32", Shape: []int{6, 5}},
		{Name: "conv", DType: "F32", Shape: []int{8, 3, 4}},
		{Name: "experts", DType: "F32", Shape: []int{2, 6, 5}},
		{Name: "bias", DType: "F32", Shape: []int{4, 1}},
		{Name: "ids", DType: "I64", Shape: []int{4, 5}},
		{Name: "other", DType: "F32", Shape: []int{4, 5}},
	})
	if want := []string{"matmul", "experts"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTransposedStacks: the older form of an importance matrix says only how many values there are
// of all experts.
func TestTransposedStacks(t *testing.T) {
	const gate = "model.layers.0.mlp.experts.gate_up_proj"
	const down = "model.layers.0.mlp.experts.down_proj"
	c := openCalibration(t, imatrixFile(imatrixEntry("blk.0.ffn_gate_exps.weight", 1,
		make([]float32, 4*6)...), imatrixEntry("blk.0.ffn_down_exps.weight", 1,
		make([]float32, 4*12)...), imatrixEntry("blk.1.ffn_down_exps.weight", 1,
		make([]float32, 4*6)...)))
	tensors := []codebook.Tensor{
		// of one of four experts, the number of which nothing says
		{Name: "model.layers.1.mlp.experts.0.down_proj.weight", DType: "F32", Shape: []int{24, 6}},
	}
	for i := range 4 {
		tensors = append(tensors,
			codebook.Tensor{Name: stack.Slice(gate, i), DType: "F32", Shape: []int{6, 12}},
			codebook.Tensor{Name: stack.Slice(down, i), DType: "F32", Shape: []int{6, 12}})
	}
	if got := c.Transposed(tensors); !slices.Equal(got, []string{gate}) {
		t.Errorf("%q, want %q", got, gate)
	}
	whole := codebook.Tensor{Name: gate, DType: "F32", Shape: []int{4, 6, 24}}
	if got := c.Transposed([]codebook.Tensor{whole}); !slices.Equal(got, []string{gate}) {
		t.Errorf("%q, want %q", got, gate)
	}
}

// TestCompressWithMomentsOfExperts: experts in one tensor, small and large ones, and one by one,
// get what an importance matrix has of them.
func TestCompressWithMomentsOfExperts(t *testing.T) {
	const experts, cols = 16, 96
	const gate, down = "blk.0.ffn_gate_exps.weight", "blk.0.ffn_down_exps.weight"
	const small = "model.layers.0.mlp.experts.gate_up_proj"
	const large = "model.layers.0.mlp.experts.down_proj"
	const single = "model.layers.0.block_sparse_moe.experts.3.w2.weight"
	src := newModel(t, t.TempDir(), nil, random(small, "F32", experts, 64, cols),
		random(large, "F32", experts, 192, cols), random(single, "F32", 128, cols))
	counts, sums := make([]float32, experts), make([]float32, experts*cols)
	for e := range counts {
		counts[e] = float32(2 * e)
		for j := range cols {
			sums[e*cols+j] = float32(2 * e * (1 + e + j%2))
		}
	}
	size := uint64(4 * experts * cols)
	gguf := le(ggufMagic, uint32(3), uint64(4), uint64(0),
		ggufInfo(gate+ggufSums, ggufF32, 0, cols, experts),
		ggufInfo(down+ggufSums, ggufF32, size, cols, experts),
		ggufInfo(gate+ggufCounts, ggufF32, 2*size, 1, experts),
		ggufInfo(down+ggufCounts, ggufF32, 2*size+64, 1, experts))
	gguf = append(gguf, make([]byte, -len(gguf)&31)...)
	gguf = le(gguf, sums, sums, counts, counts)
	older := slices.Clone(sums)
	for e := range counts {
		for j := range cols {
			older[e*cols+j] = 5 // of experts without a token
			if counts[e] > 0 {
				older[e*cols+j] = 5 * sums[e*cols+j] / counts[e]
			}
		}
	}
	dat := imatrixFile(imatrixEntry(gate, 5, older...), imatrixEntry(down, 5, older...))
	for _, file := range [][]byte{gguf, dat} {
		c := openCalibration(t, file)
		var mu sync.Mutex
		asked := make(map[string]*moments.Moments)
		opts := compress.Options{Moments: func(ctx context.Context, name string, cols int) (
			*moments.Moments, error) {
			m, err := c.Moments(ctx, name, cols)
			mu.Lock()
			defer mu.Unlock()
			asked[name] = m
			return m, err
		}}
		compressAll(t, src, filepath.Join(t.TempDir(), "out"), opts)
		if len(asked) != experts+2 || asked[small] == nil {
			t.Fatalf("moments of %d matrices", len(asked))
		}
		for e := range experts {
			m := asked[stack.Slice(large, e)]
			if e == 0 && m != nil || e > 0 && (m == nil ||
				!slices.Equal(m.Squares[:2], []float32{float32(1 + e), float32(2 + e)})) {
				t.Errorf("expert %d: %v", e, m)
			}
		}
		if m := asked[single]; m == nil || m.Squares[95] != 5 {
			t.Errorf("%s: %v", single, m)
		}
	}
}

// TestGGMLNames holds the table against itself: no name means two things within a family.
func TestGGMLNames(t *testing.T) {
	for model, want := range map[string]string{
		"encoder.layer.11.attention.self.query.weight":    "blk.11.attn_q.weight",
		"bert.encoder.layer.0.output.dense.weight":        "blk.0.ffn_down.weight",
		"encoder.layer.0.attention.output.dense.weight":   "blk.0.attn_output.weight",
		"model.layers.31.mlp.down_proj.weight":            "blk.31.ffn_down.weight",
		"lm_head.weight":                                  "output.weight",
		"lm_head.weight.more":                             "",
		"model.layers..mlp.down_proj.weight":              "",
		"model.layers.a.mlp.down_proj.weight":             "",
		"decoder.layers.1.self_attn.q_proj.weight":        "",
		"encoder.layer.0.attention.output.dense.bias":     "",
		"encoder.layer.1.attention.2.output.dense.weight": "",
		"model.layers.1.mlp.experts.x.up_proj.weight":     "",
		"model.layers.1.mlp.experts.1.2.up_proj.weight":   "",
		"": "",

		"model.layers.2.mlp.experts.17.gate_proj.weight":           "blk.2.ffn_gate_exps.weight 17",
		"model.layers.2.block_sparse_moe.experts.0.w1.weight":      "blk.2.ffn_gate_exps.weight 0",
		"model.layers.2.block_sparse_moe.experts.7.w2.weight":      "blk.2.ffn_down_exps.weight 7",
		"model.layers.2.block_sparse_moe.experts.7.w3.weight":      "blk.2.ffn_up_exps.weight 7",
		"model.layers.2.mlp.experts.down_proj":                     "blk.2.ffn_down_exps.weight",
		"model.layers.2.block_sparse_moe.input_linear.weight":      "blk.2.ffn_gate_exps.weight",
		"model.layers.2.mlp.shared_expert.up_proj.weight":          "blk.2.ffn_up_shexp.weight",
		"model.layers.2.mlp.experts.99999999999999999999.w.weight": "",

		"model.layers.2.mlp.experts.up_proj":                       "blk.2.ffn_up_exps.weight",
		"model.layers.2.feed_forward.experts.down_proj":            "blk.2.ffn_down_exps.weight",
		"model.layers.2.feed_forward.shared_expert.up_proj.weight": "blk.2.ffn_up_shexp.weight",
		"language_model.model.layers.2.mlp.up_proj.weight":         "blk.2.ffn_up.weight",
		"model.language_model.layers.2.mlp.up_proj.weight":         "blk.2.ffn_up.weight",
		"vision_model.model.layers.2.mlp.up_proj.weight":           "",

		"model.layers.2.mlp.experts.gate_up_proj": "blk.2.ffn_gate_exps.weight " +
			"blk.2.ffn_up_exps.weight blk.2.ffn_gate_up_exps.weight",
	} {
		var got []string
		for _, g := range ggmlNamesOf(model) {
			if got = append(got, g.name); g.expert != all {
				got = append(got, strconv.Itoa(g.expert))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %q, want %q", model, got, want)
		}
	}
}

// FuzzOpenCalibration: no input makes opening and reading panic or allocate more than the file has.
func FuzzOpenCalibration(f *testing.F) {
	for _, c := range badCalibrations {
		f.Add(c.content)
	}
	f.Add(ggufGood())
	f.Add(imatrixFile(imatrixEntry("a", 1, 1, 2), imatrixEntry("b", 0, 3)))
	f.Add(safetensorsFile(f, &tensor{"a", "F32", []int{2, 2}, le([]float32{1, 0, 0, 1})}))
	f.Add(safetensorsFile(f, &tensor{"a", "F32", []int{4, 0}, nil}))
	f.Add(safetensorsFile(f, &tensor{"a", "F32", []int{3, 2}, le(make([]float32, 6))}))
	f.Add(safetensorsFile(f, &tensor{"a", "F32", []int{3, 2, 2}, le(make([]float32, 12))}))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := NewCalibration(bytes.NewReader(file), int64(len(file)), "memory")
		if err != nil {
			return
		}
		for _, e := range c.file.Tensors() {
			if e.Bytes > int64(len(file)) {
				t.Fatalf("%s of %d bytes in a file of %d", describe(e), e.Bytes, len(file))
			}
			if len(e.Shape) == 0 {
				continue
			}
			cols := e.Shape[len(e.Shape)-1]
			for _, name := range []string{e.Name, stack.Slice(e.Name, 1)} {
				m, err := c.Moments(t.Context(), name, cols)
				// nil: reached by no token
				if err == nil && (cols == 0 || m != nil && len(m.Squares) != cols) {
					t.Fatalf("%s: %v", describe(e), m)
				}
			}
		}
		if _, err := c.Missing([]string{"a"}); err != nil &&
			!strings.Contains(err.Error(), "memory: ") {
			t.Fatal(err)
		}
	})
}
