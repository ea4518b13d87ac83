package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/internal/dtype"
)

// TestWeightsOfEveryMagnitude compresses what float32 or its scales do not hold beside what they
// do: the former passes through bit for bit, with a reason, and no figure of the latter is lost.
func TestWeightsOfEveryMagnitude(t *testing.T) {
	const rows, cols = 32, 64
	plain := random("plain", "F32", rows, cols)
	doubles := func(name string, at func(i int, v float64) float64) tensor {
		data := make([]byte, 0, 8*rows*cols)
		for i := range rows * cols {
			v := math.Float32frombits(binary.LittleEndian.Uint32(plain.data[4*i:]))
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(at(i, float64(v))))
		}
		return tensor{name, "F64", []int{rows, cols}, data}
	}
	singles := func(name string, at func(i int) float32) tensor {
		data := make([]byte, 0, 4*rows*cols)
		for i := range rows * cols {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(at(i)))
		}
		return tensor{name, "F32", []int{rows, cols}, data}
	}
	reasons := map[string]string{ // of the tensors that pass through
		"f64 tiny":         "too small for float32 scales",
		"f64 denormal":     "too small for float32 scales",
		"f64 beyond":       "value 5 is beyond float32",
		"f32 huge":         "too large for float32 scales",
		"f32 one denormal": "too small for float32 scales",
	}
	model := []tensor{
		doubles("f64 tiny", func(_ int, v float64) float64 { return v * 1e-60 }),
		doubles("f64 denormal", func(_ int, v float64) float64 { return v * 1e-40 }),
		doubles("f64 beyond", func(i int, v float64) float64 {
			if i == 5 {
				return 1e300
			}
			return v
		}),
		doubles("f64 ordinary", func(_ int, v float64) float64 { return v }),
		doubles("f64 one tiny", func(i int, v float64) float64 {
			if i == 5 {
				return 1e-60
			}
			return v
		}),
		singles("f32 huge", func(i int) float32 { return math.MaxFloat32 / float32(i+2) }),
		singles("f32 one denormal",
			func(i int) float32 { return 0x1p-149 * float32(i/(rows*cols-1)) }),
		singles("f32 denormal row", func(i int) float32 {
			if i < cols {
				return 0x1p-149 * float32(i/(cols-1))
			}
			return float32(i % 701)
		}),
		singles("f32 small", func(i int) float32 { return 1e-27 * float32(i%701) }),
	}
	for _, scheme := range []codebook.Scheme{
		compress.Schemes()[0], {Name: "trellis", Width: 1, K: 256, WindowBits: 4},
		{Name: "segments", Width: 2, K: 256},
		{Name: "scalar", Width: 1, K: 256}, {Name: "scalar", Width: 1, K: 16, Group: 16},
		{Name: "scalar", Width: 1, K: 16},
	} {
		t.Run(fmt.Sprintf("%+v", scheme), func(t *testing.T) {
			dir := t.TempDir()
			src, err := Open(writeModel(t, dir, nil, model...))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			path, dense := filepath.Join(dir, "out.safetensors"),
				filepath.Join(dir, "dense.safetensors")
			dst, err := Create(path, src, CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer dst.Abort()
			report, err := compress.Compress(t.Context(), dst, src,
				compress.Options{Settings: compress.Settings{Scheme: scheme}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := dst.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			passed := map[string]bool{}
			for _, e := range report.Entries {
				want := reasons[e.Tensor.Name]
				passed[e.Tensor.Name] = e.Layer == nil
				if (e.Reason == "") != (want == "") || !strings.Contains(e.Reason, want) {
					t.Errorf("%s: reason %q, want %q", e.Tensor.Name, e.Reason, want)
				}
			}
			c := openBook(t, path)
			if err := decompress(t.Context(), c, dense, false); err != nil {
				t.Fatal(err)
			}
			got, err := Open(dense)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			for _, m := range model {
				r, err := got.Reader(m.name)
				if err != nil {
					t.Fatal(err)
				}
				data := make([]byte, r.Size())
				if _, err := r.ReadAt(data, 0); err != nil {
					t.Fatal(err)
				}
				if passed[m.name] != bytes.Equal(data, m.data) {
					t.Errorf("%s: passed through: %v, the same bytes: %v",
						m.name, passed[m.name], !passed[m.name])
				}
			}
		})
	}
}

// TestSizesBeyondTheWord: a matrix that a program of 32 bits cannot count in is refused there, not
// counted wrong.
func TestSizesBeyondTheWord(t *testing.T) {
	size, err := dtype.Of("F32").Size([]int{1 << 16, 1 << 16})
	want := byWord("<nil>", "more than a 32-bit program can hold")
	if fmt.Sprint(err) != want || err == nil && size != 1<<34 {
		t.Errorf("%d bytes, %v, want %s", size, err, want)
	}
	if strconv.IntSize != 32 {
		return
	}
	path := filepath.Join(t.TempDir(), "large.safetensors")
	content := fileOf("{"+tensorText("a", "F16", "[1073741823]", 0, 1<<31-2)+"}", 0)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	// A hole takes no room on the disk.
	if err := os.Truncate(path, int64(len(content))+1<<31-2); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Floats(t.Context(), "a"); err == nil ||
		!strings.Contains(err.Error(), "more than a 32-bit program can hold") {
		t.Error(err)
	}
}
