package format

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/internal/dtype"
)

// TestHugeOutliersOfEveryType compresses matrices with one weight far beyond all others: it comes
// back as what its type has nearest to the 16 bits that are stored, and leaves the others as they
// would be without it.
func TestHugeOutliersOfEveryType(t *testing.T) {
	const rows, cols, at = 64, 96, 777
	for _, tt := range []struct {
		dtype         string
		size          int
		outlier, want float32
	}{
		{"F64", 8, 1e30, math.Float32frombits(0x714a0000)},
		{"F32", 4, -1e30, math.Float32frombits(0xf14a0000)},
		{"F32", 4, math.MaxFloat32, math.Float32frombits(0x7f7f0000)},
		{"BF16", 2, 1e30, math.Float32frombits(0x714a0000)},
		{"F16", 2, 65504, 65504},
		{"F16", 2, -40000, -39936},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		values := make([]float32, rows*cols)
		for i := range values {
			values[i] = float32(0.01 * random.NormFloat64())
		}
		values[at] = tt.outlier
		w := tensor{"w", tt.dtype, []int{rows, cols}, make([]byte, tt.size*len(values))}
		dtype.Of(tt.dtype).Put(w.data, values)
		dir := t.TempDir()
		path, dense := filepath.Join(dir, "w.pal"),
			filepath.Join(dir, "dense.safetensors")
		src, err := Open(writeModel(t, dir, nil, w))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		dst, err := Create(path, src, CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer dst.Abort()
		report, err := compress.Compress(t.Context(), dst, src,
			compress.Options{Settings: compress.Settings{Bits: 4}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dst.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if bits := 8 * float64(report.Entries[0].Bytes) / (rows * cols); bits > 4 || bits < 3.9 {
			t.Errorf("%s: %v bits a weight", tt.dtype, bits)
		}
		c := openBook(t, path)
		if err := decompress(t.Context(), c, dense, false); err != nil {
			t.Fatal(err)
		}
		got, truth := floatsOf(t, dense), floatsOf(t, filepath.Join(dir, "model.safetensors"))
		if got[at] != tt.want {
			t.Errorf("%s: %v came back as %v, want %v", tt.dtype, tt.outlier, got[at], tt.want)
		}
		got[at], truth[at] = 0, 0
		var d codebook.Distortion
		if d.Add(got, truth); d.Relative() > 0.12 {
			t.Errorf("%s: beside %v the others have an error of %v",
				tt.dtype, tt.outlier, d.Relative())
		}
	}
}

func floatsOf(t *testing.T, path string) []float32 {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := f.Floats(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	return w
}
