package codebook

import (
	"math"
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/internal/logscale"
)

func TestMatrix(t *testing.T) {
	for _, c := range []struct {
		what       string
		shape      []int
		rows, cols int
	}{
		{"linear", []int{384, 1536}, 384, 1536},
		{"patch embedding", []int{768, 3, 16, 16}, 768, 768},
		{"patch embedding of video", []int{1024, 3, 2, 14, 14}, 1024, 1176},
		{"convolution", []int{64, 32, 3, 3}, 64, 288},
		{"convolution of one output", []int{1, 64, 3, 3}, 64, 9},
		{"convolution of two outputs", []int{2, 64, 3, 3}, 2, 576},
		{"Conv1d", []int{512, 512, 3}, 512, 1536},
		{"Conv1d of few outputs", []int{6, 32, 7}, 6, 224},
		{"Conv1d with a large kernel", []int{128, 4, 41}, 128, 164},
		{"Conv1d of speech", []int{768, 48, 128}, 768, 6144},
		{"depthwise Conv1d", []int{256, 1, 31}, 256, 31},
		{"filter bank", []int{80, 1, 251}, 80, 251},
		{"transposed Conv1d", []int{512, 256, 16}, 512, 4096},
		{"GRU in both directions", []int{2, 768, 256}, 1536, 256},
		{"LSTM in one", []int{1, 512, 128}, 512, 128},
		{"LSTM of one input", []int{2, 512, 1}, 1024, 1},
		{"LSTM of few inputs", []int{2, 512, 8}, 1024, 8},
		{"experts", []int{8, 28672, 4096}, 229376, 4096},
		{"as many experts as inputs", []int{512, 2048, 512}, 1048576, 512},
		{"more experts than outputs", []int{128, 64, 2048}, 8192, 2048},
		{"a table [1, C, W]", []int{1, 160, 999}, 160, 999},
		{"a table [1, 1, S, S]", []int{1, 1, 64, 64}, 64, 64},
		{"biases of heads", []int{1, 12, 197, 197}, 2364, 197},
		{"a row", []int{1, 384}, 1, 384},
		{"a column", []int{384, 1}, 384, 1},
	} {
		{
			rows, cols, ok := Tensor{Shape: c.shape}.Matrix()
			if !ok || rows != c.rows || cols != c.cols {
				t.Errorf("%s %v: [%d, %d] %v, want [%d, %d]", c.what, c.shape, rows, cols, ok,
					c.rows, c.cols)
			}
		}
	}
	for _, shape := range [][]int{nil, {7}} {
		if _, _, ok := (Tensor{Shape: shape}).Matrix(); ok {
			t.Errorf("%v is a matrix", shape)
		}
	}
	// What a file records goes before the rule.
	for fold, want := range map[Fold][2]int{1: {2, 12}, 2: {6, 4}, FoldTransposed: {8, 3}} {
		rows, cols, ok := Tensor{Shape: []int{2, 3, 4}, Fold: fold}.Matrix()
		if !ok || rows != want[0] || cols != want[1] {
			t.Errorf("fold %d: [%d, %d] %v, want %v", fold, rows, cols, ok, want)
		}
	}
}

func TestArranged(t *testing.T) {
	for _, shape := range [][]int{{1, 5}, {70, 33}, {3, 5, 4}, {2, 3, 40, 7}} {
		tensor := Tensor{Shape: shape, Fold: FoldTransposed}
		values := samples.Gaussian(1, int(tensor.Elements()))
		w := tensor.Arranged(values)
		rows, cols, _ := tensor.Matrix()
		a, b := shape[len(shape)-2], shape[len(shape)-1]
		for r := range rows {
			for c := range cols {
				if w[r*cols+c] != values[r/b*a*b+c*b+r%b] {
					t.Fatalf("%v: [%d, %d] is another value", shape, r, c)
				}
			}
		}
		if !slices.Equal(tensor.Restored(w), values) {
			t.Errorf("%v is not restored", shape)
		}
	}
	values := []float32{1, 2, 3, 4}
	if w := (Tensor{Shape: []int{2, 2}}).Arranged(values); &w[0] != &values[0] {
		t.Error("a matrix as it is was copied")
	}
}

func TestLayerValidate(t *testing.T) {
	good := func() *Layer {
		return &Layer{
			Rows: 2, Cols: 16, Width: 1, Group: 8, Scale: 1, Centroids: []byte{0, 255},
			Assignments: make([]byte, 32), RowScales: make([]byte, 2), Multipliers: make([]int8, 4),
		}
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func(*Layer){
		func(l *Layer) { l.Rows = 0 },
		func(l *Layer) { l.Cols = 0 },
		func(l *Layer) { l.Width = 0 },
		func(l *Layer) { l.Width = 65 },
		func(l *Layer) { l.Width = 2 },
		func(l *Layer) { l.Centroids = nil },
		func(l *Layer) { l.Centroids = make([]byte, 257) },
		func(l *Layer) { l.Assignments = l.Assignments[1:] },
		func(l *Layer) { l.Assignments[31] = 2 },
		func(l *Layer) { l.RowScales = l.RowScales[1:] },
		func(l *Layer) { l.Group = 12 },
		func(l *Layer) { l.Multipliers = nil },
		func(l *Layer) { l.Multipliers[3] = 64 },
		func(l *Layer) { l.Multipliers[3] = -64 },
		func(l *Layer) { l.Scale = -1 },
		func(l *Layer) { l.Scale = float32(math.NaN()) },
		func(l *Layer) { l.Scale = float32(math.Inf(1)) },
	} {
		l := good()
		spoil(l)
		if l.Validate() == nil {
			t.Errorf("no error for spoilt layer %d", i)
		}
	}
}

func TestRowScales(t *testing.T) {
	if logscale.Value(0) != 0 || logscale.Value(255) != 1 || logscale.Value(239) != 0.5 ||
		logscale.Value(15) != 0x1p-15 {
		t.Errorf("scales of 0, 255, 239, 15: %v %v %v %v", logscale.Value(0), logscale.Value(255),
			logscale.Value(239), logscale.Value(15))
	}
	for code := 1; code < 256; code++ {
		want := math.Pow(2, float64(code-255)/16)
		if got := float64(logscale.Value(byte(code))); math.Abs(got-want) > want*0x1p-24 {
			t.Errorf("code %d: %v, want %v", code, got, want)
		}
		if got := logscale.Code(logscale.Value(byte(code))); got != byte(code) {
			t.Errorf("value of code %d has code %d", code, got)
		}
	}
	for s, want := range map[float32]byte{0: 0, 1e-30: 1, 1: 255, 0.99: 255, 0.51: 239} {
		if got := logscale.Code(s); got != want {
			t.Errorf("code of %v is %d, want %d", s, got, want)
		}
	}
}

func TestDistortion(t *testing.T) {
	var d Distortion
	d.Add([]float32{1, 2}, []float32{1, 0})
	var more Distortion
	more.Add([]float32{0, 3}, []float32{0, 2})
	d.Merge(more)
	// truth (1 0 0 2), approximate (1 2 0 3): noise 4+1, signal 1+4
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"relative error", d.Relative(), 1},
		{"cosine", d.Cosine(), 7 / math.Sqrt(5*14)},
		{"largest error", d.Max, 2},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
	var none Distortion
	if none.Relative() != 0 || none.Cosine() != 1 {
		t.Errorf("of nothing: %v %v", none.Relative(), none.Cosine())
	}
	var invented Distortion
	invented.Add([]float32{1}, []float32{0})
	if !math.IsInf(invented.Relative(), 1) || invented.Cosine() != 0 {
		t.Errorf("of zeros: %v %v", invented.Relative(), invented.Cosine())
	}
}

// TestDistortionBeyondFloat32: results that overflow in float32 are as far off as the largest
// float32.
func TestDistortionBeyondFloat32(t *testing.T) {
	inf := float32(math.Inf(1))
	var d Distortion
	d.Add([]float32{inf, -inf, 3.4e38}, []float32{inf, -math.MaxFloat32, -3.4e38})
	if d.Max != 2*float64(float32(3.4e38)) || !(d.Relative() > 1 && d.Relative() < 2) ||
		d.Noise-d.Noise != 0 {
		t.Errorf("%+v, relative %v", d, d.Relative())
	}
}
