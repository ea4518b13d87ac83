package format

import (
	"bytes"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// eightBits returns a tensor of finite 8-bit floats and its scales for blocks of this size, none of
// them NaN where they are powers of two.
func eightBits(name, as, scalesAs string, block [2]int, shape ...int) []tensor {
	w := random(name, as, shape...)
	for i, b := range w.data {
		w.data[i] = b & 0xbf // no exponent is the largest
	}
	grid := slices.Clone(shape)
	for i, n := range grid[len(grid)-2:] {
		grid[len(grid)-2+i] = (n + block[i] - 1) / block[i]
	}
	scales := random(name+"_scale_inv", scalesAs, grid...)
	if scalesAs == "F8_E8M0" {
		for i, b := range scales.data {
			scales.data[i] = 96 + b%64 // 255 is NaN
		}
	}
	return []tensor{w, scales}
}

// scaledValues is what such a pair stands for, value by value.
func scaledValues(pair []tensor, block [2]int) []float32 {
	w, s := pair[0], pair[1]
	values := dtype.Of(w.dtype).Append(nil, w.data)
	scales := dtype.Of(s.dtype).Append(nil, s.data)
	n := len(w.shape)
	rows, cols := w.shape[n-2], w.shape[n-1]
	down, across := s.shape[n-2], s.shape[n-1]
	for i := range values {
		matrix, r, c := i/(rows*cols), i/cols%rows, i%cols
		values[i] *= scales[matrix*down*across+r/block[0]*across+c/block[1]]
	}
	return values
}

func TestScaledFloats(t *testing.T) {
	for _, tt := range []struct {
		as, scalesAs string
		block        [2]int
		shape        []int
	}{
		{"F8_E4M3", "F32", usualBlock, []int{300, 200}},
		{"F8_E4M3", "F32", usualBlock, []int{192, 192}},
		{"F8_E4M3", "BF16", usualBlock, []int{256, 128}},
		{"F8_E4M3", "F32", usualBlock, []int{3, 5}},
		{"F8_E5M2", "F32", [2]int{64, 32}, []int{65, 97}},
		{"F8_E4M3", "F32", [2]int{1, 7}, []int{5, 15}},
		{"F8_E4M3", "F32", [2]int{4, 3}, []int{3, 9, 8}},
		{"F8_E4M3", "F8_E8M0", usualBlock, []int{300, 200}},
	} {
		pair := eightBits("w", tt.as, tt.scalesAs, tt.block, tt.shape...)
		f := newModel(t, t.TempDir(), nil, pair...)
		if err := f.SetBlock(tt.block[0], tt.block[1]); err != nil {
			t.Fatal(err)
		}
		got, err := f.Floats(t.Context(), "w")
		if err != nil || !slices.Equal(got, scaledValues(pair, tt.block)) {
			t.Errorf("%s %v in blocks of %v: differs (%v)", tt.as, tt.shape, tt.block, err)
		}
		want := codebook.Tensor{
			Name: "w", DType: tt.as, Shape: tt.shape, Scaled: true,
			Bytes: int64(len(pair[0].data) + len(pair[1].data)),
		}
		if list := f.Tensors(); len(list) != 1 || !sameTensor(list[0], want) {
			t.Errorf("lists %+v, want %+v", list, want)
		}
		scales, err := f.Floats(t.Context(), "w_scale_inv")
		if err != nil || len(scales) != len(pair[1].data)*8/dtype.Of(tt.scalesAs).Bits {
			t.Errorf("%d scales (%v)", len(scales), err)
		}
	}
}

func sameTensor(a, b codebook.Tensor) bool {
	return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape) &&
		a.Bytes == b.Bytes && a.Scaled == b.Scaled
}

// Scales that are not finite make values that are not, as do NaNs of 8 bits; 0 makes zeros.
func TestScalesThatAreNoNumbers(t *testing.T) {
	pair := eightBits("w", "F8_E4M3", "F32", usualBlock, 2, 400)
	for i := range pair[0].data {
		pair[0].data[i] = 0x38 // 1
	}
	pair[0].data[300] = 0x7f
	inf := float32(math.Inf(1))
	scales := []float32{inf, float32(math.NaN()), 2, 0}
	dtype.Of("F32").Put(pair[1].data, scales)
	values, err := newModel(t, t.TempDir(), nil, pair...).Floats(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	if values[0] != inf || values[128] == values[128] || values[256] != 2 ||
		values[300] == values[300] || values[399] != 0 {
		t.Errorf("%v %v %v %v %v", values[0], values[128], values[256], values[300], values[399])
	}
}

func TestScalesOfOtherBlocks(t *testing.T) {
	pair := eightBits("w", "F8_E4M3", "F32", [2]int{64, 64}, 192, 192)
	f := newModel(t, t.TempDir(), nil, pair...)
	_, err := f.Floats(t.Context(), "w")
	want := f.Path() + `: tensor "w": is F8_E4M3 [192, 192], its scales "w_scale_inv" are [3, 3]: ` +
		`blocks of [128, 128] have [2, 2]`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := f.SetBlock(64, 0); err == nil || !strings.Contains(err.Error(), "[64, 0]") {
		t.Error(err)
	}
	if err := f.SetBlock(64, 64); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Floats(t.Context(), "w"); err != nil {
		t.Error(err)
	}
}

func TestRagged(t *testing.T) {
	var all []tensor
	for name, shape := range map[string][]int{
		"even": {256, 128}, "one": {100, 3}, "rows": {192, 128}, "cols": {3, 256, 192},
	} {
		all = append(all, eightBits(name, "F8_E4M3", "F32", usualBlock, shape...)...)
	}
	f := newModel(t, t.TempDir(), nil, all...)
	if names := f.Ragged(); !slices.Equal(names, []string{"cols", "rows"}) {
		t.Errorf("ragged are %q", names)
	}
}

// What is called like scales and is none stays a tensor of its own.
func TestNoScales(t *testing.T) {
	f := newModel(t, t.TempDir(), nil,
		random("a", "F8_E4M3", 4, 4), random("a_scale_inv", "F32"),
		random("b", "F8_E4M3", 4, 4), random("b_scale_inv", "F32", 4),
		random("c", "F8_E4M3", 4, 4), random("c_scale_inv", "U8", 1, 1),
		random("d", "F32", 4, 4), random("d_scale_inv", "F32", 1, 1),
		random("e", "F8_E4M3", 4), random("e_scale_inv", "F32", 1),
		random("f", "F8_E4M3", 0, 4), random("f_scale_inv", "F32", 0, 1),
		random("g", "F8_E8M0", 4, 4), random("g_scale_inv", "F32", 1, 1),
		random("h_scale_inv", "F32", 1, 1),
		random("i", "F8_E4M3", 4, 4), random("i_scale_inv", "F8_E8M0", 4))
	if n := len(f.Tensors()); n != 17 {
		t.Errorf("%d tensors, want 17", n)
	}
	if _, err := f.Floats(t.Context(), "i_scale_inv"); err == nil {
		t.Error("reads powers of two that scale nothing")
	}
	for _, tensor := range f.Tensors() {
		if tensor.Scaled {
			t.Errorf("%s has scales", tensor.Name)
		}
	}
}

// A byte 255 of scales that are powers of two is NaN, and so are the values of its block.
func TestScaleOfNoPower(t *testing.T) {
	pair := eightBits("w", "F8_E4M3", "F8_E8M0", usualBlock, 2, 300)
	for i := range pair[0].data {
		pair[0].data[i] = 0x38 // 1
	}
	copy(pair[1].data, []byte{0, 255, 254})
	values, err := newModel(t, t.TempDir(), nil, pair...).Floats(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	if values[0] != 0x1p-127 || values[128] == values[128] || values[256] != 0x1p127 {
		t.Errorf("%v %v %v", values[0], values[128], values[256])
	}
}

// TestScaledRoundTrip compresses one such tensor and passes another through.
func TestScaledRoundTrip(t *testing.T) {
	for _, block := range [][2]int{usualBlock, {2, 8}} {
		dir := t.TempDir()
		layer := eightBits("layer", "F8_E4M3", "F32", block, 5, 20)
		kept := eightBits("kept", "F8_E4M3", "F8_E8M0", block, 3, 9)
		plain := random("plain", "F8_E5M2", 6, 15)
		model := slices.Concat(layer, kept, []tensor{plain, random("bias", "F8_E4M3", 7)})
		src := newModel(t, dir, nil, model...)
		if err := src.SetBlock(block[0], block[1]); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "m.pal")
		w, err := Create(path, src, CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		layers := map[string]*codebook.Layer{
			"layer": makeLayer(5, 20, 1, 16, 0, true), "plain": makeLayer(6, 15, 1, 8, 0, false),
		}
		scales := codebook.Tensor{Name: "kept_scale_inv", DType: "F8_E8M0", Shape: kept[1].shape}
		err = w.PutTensor(t.Context(), scales)
		if err == nil || !strings.Contains(err.Error(), `has the scales of "kept"`) {
			t.Errorf("scales without what they scale: %v", err)
		}
		most := w.Rest([]string{"layer", "plain"})
		for _, tensor := range src.Tensors() {
			if l := layers[tensor.Name]; l != nil {
				n, putErr := w.PutLayer(t.Context(), tensor, l, someDistortion)
				most, err = most+n, putErr
			} else {
				err = w.PutTensor(t.Context(), tensor)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		size, err := w.Commit(t.Context())
		if err != nil || size > most {
			t.Errorf("%d bytes, at most %d were expected (%v)", size, most, err)
		}
		c := openBook(t, path)
		for name, want := range map[string]string{"layer": "BF16", "plain": "F8_E5M2"} {
			if got := c.Original(name); got.DType != want || got.Scaled {
				t.Errorf("the original of %s is %+v, want %s", name, got, want)
			}
		}
		_, unusual := c.file.Metadata()[blockKey]
		if c.version != 2 || unusual != (block != usualBlock) {
			t.Errorf("version %d, metadata %v", c.version, c.file.Metadata())
		}
		values, err := c.Rest().Floats(t.Context(), "kept")
		if err != nil || !slices.Equal(values, scaledValues(kept, block)) {
			t.Errorf("kept: differs (%v)", err)
		}
		if name, err := c.Changed(t.Context(), src); name != "" || err != nil {
			t.Errorf("%q changed (%v)", name, err)
		}
		checkUnscaled(t, c, layers, slices.Concat(kept, model[4:]))
		kept[1].data[0]++
		if name, err := c.Changed(t.Context(), newModel(t, dir, nil, slices.Concat(layer, kept,
			model[4:])...)); name != "kept_scale_inv" || err != nil {
			t.Errorf("%q changed (%v), want the scales", name, err)
		}
	}
}

// checkUnscaled holds what a codebook file is decompressed to against its layers, of which none has
// scales, and tensors that passed through.
func checkUnscaled(t *testing.T, c *Codebook, layers map[string]*codebook.Layer, all []tensor) {
	t.Helper()
	want := make(map[string][]byte)
	for _, s := range all {
		want[s.name] = s.data
	}
	for name, l := range layers {
		original := c.Original(name)
		want[name] = make([]byte, original.Bytes)
		dtype.Of(original.DType).Put(want[name], l.Dense())
	}
	var dense bytes.Buffer
	if err := DecompressTo(t.Context(), &dense, c); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile(bytes.NewReader(dense.Bytes()), int64(dense.Len()), "dense")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]byte)
	for _, e := range f.entries {
		got[e.Name] = readAll(t, f, e.Name)
	}
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got tensors %q, want %q, or other values", slices.Sorted(maps.Keys(got)),
			slices.Sorted(maps.Keys(want)))
	}
}

func TestChecksumsOfTensors(t *testing.T) {
	pair := eightBits("a", "F8_E4M3", "F32", usualBlock, 4, 6)
	same := []tensor{{"b", "F8_E4M3", []int{4, 6}, pair[0].data},
		{"b_scale_inv", "F32", []int{1, 1}, pair[1].data}}
	others := []tensor{{"c", "F8_E4M3", []int{4, 6}, pair[0].data},
		{"c_scale_inv", "F32", []int{1, 1}, []byte{1, 2, 3, 4}}}
	end := tensor{"d", "F8_E4M3", []int{4, 6}, slices.Clone(pair[0].data)}
	end.data[23] ^= 1
	f := newModel(t, t.TempDir(), nil, slices.Concat(pair, same, others, []tensor{end,
		{"e", "F8_E4M3", []int{4, 6}, pair[0].data}})...)
	sum := func(name string, most int64) uint64 {
		sum, err := f.Checksum(t.Context(), name, most)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	const all = math.MaxInt64
	if sum("a", all) != sum("b", all) || sum("a", all) == sum("c", all) ||
		sum("d", all) == sum("e", all) || sum("d", 23) != sum("e", 23) {
		t.Error("checksums that should be equal differ, or the other way round")
	}
	if _, err := f.Checksum(t.Context(), "none", all); err == nil {
		t.Error("no error")
	}
}
