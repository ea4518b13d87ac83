package codebook_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// TestLinearAddsBias: a linear layer is its matrix and, where there is one, its bias.
func TestLinearAddsBias(t *testing.T) {
	m := codebook.NewModel(smallStore(t, compress.Options{}), codebook.RunOptions{})
	for _, module := range []string{"encoder.0", "conv"} {
		tensor, err := m.Describe(module + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		rows, cols, _ := tensor.Matrix()
		bias, err := m.Tensor(t.Context(), module+".bias")
		if err != nil {
			bias = make([]float32, rows)
		}
		for _, n := range []int{0, 1, 3} {
			x := samples.Gaussian(12, n*cols)
			y, want := make([]float32, n*rows), make([]float32, n*rows)
			if err := m.MatMul(want, module+".weight", x, n); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				want[i] += bias[i%rows]
			}
			if err := m.Linear(y, module, x, n); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(y, want) {
				t.Errorf("%s, %d vectors: %v, want %v", module, n, y, want)
			}
		}
	}
	x, y := make([]float32, 96), make([]float32, 64)
	if n := testing.AllocsPerRun(20, func() {
		if err := m.Linear(y, "encoder.0", x, 1); err != nil {
			t.Fatal(err)
		}
	}); n > 0 && !samples.Race {
		t.Errorf("%v allocations a call", n)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Linear(y, "encoder.0", x, 1); !errors.Is(err, codebook.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if bits := m.BitsResident(); bits != 0 {
		t.Errorf("closed: %d bits", bits)
	}
}

func TestLinearErrors(t *testing.T) {
	src := new(memory.Model)
	src.Add("long.weight", "F32", samples.Gaussian(1, 4*8), 4, 8)
	src.Add("long.bias", "F32", make([]float32, 5), 5)
	m := codebook.NewModel(&memory.Store{Model: src}, codebook.RunOptions{})
	x, y := make([]float32, 8), make([]float32, 4)
	for module, tensor := range map[string]string{
		"nowhere": "nowhere.weight", "long": "long.bias",
	} {
		var named *codebook.TensorError
		err := m.Linear(y, module, x, 1)
		if !errors.As(err, &named) || named.Tensor != tensor {
			t.Errorf("%s: %v names no %s", module, err, tensor)
		}
		var shape *codebook.ShapeError
		if errors.As(err, &shape) != (module == "long") {
			t.Errorf("%s: %v", module, err)
		}
	}
}

// TestTranspose multiplies with a tensor stored as [in, out] that is no layer, and with the layer
// made of it.
func TestTranspose(t *testing.T) {
	const in, out = 96, 64
	const name = "h.0.attn.c_attn.weight"
	src := new(memory.Model)
	w := samples.Gaussian(1, in*out)
	src.Add(name, "F32", w, in, out)
	x, want := samples.Gaussian(2, in), make([]float32, out)
	for i := range in {
		for o := range out {
			want[o] += w[i*out+o] * x[i]
		}
	}
	m := codebook.NewModel(&memory.Store{Model: src}, codebook.RunOptions{})
	if err := m.Transpose(name); err != nil {
		t.Fatal(err)
	}
	y := make([]float32, out)
	if err := m.MatMul(y, name, x, 1); err != nil {
		t.Fatal(err)
	}
	if d := distance(y, want); d > 1e-4 {
		t.Errorf("dense: %v off", d)
	}
	row := make([]float32, in)
	if err := m.Row(row, name, 3); err != nil || row[5] != w[5*out+3] {
		t.Errorf("row 3 has %v in column 5, want %v (%v)", row[5], w[5*out+3], err)
	}
	if values, err := m.Tensor(t.Context(), name); err != nil || !slices.Equal(values, w) {
		t.Errorf("values in another order (%v)", err)
	}
	if err := m.Transpose("nowhere"); !errors.Is(err, codebook.ErrNoTensor) {
		t.Errorf("nowhere: %v", err)
	}
}

// distance is the largest difference of two vectors.
func distance(a, b []float32) (most float32) {
	for i := range a {
		most = max(most, a[i]-b[i], b[i]-a[i])
	}
	return most
}

// TestUsage: what multiplied, how often, and in which way.
func TestUsage(t *testing.T) {
	m := codebook.NewModel(smallStore(t, compress.Options{Exclude: []string{"conv.weight"}}),
		codebook.RunOptions{})
	if used := m.Usage(); len(used) != 0 {
		t.Errorf("before any use: %+v", used)
	}
	for range 3 {
		if err := m.Linear(make([]float32, 2*64), "encoder.0", make([]float32, 2*96), 2); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.MatMul(make([]float32, 32), "conv.weight", make([]float32, 72), 1); err != nil {
		t.Fatal(err)
	}
	if err := m.MatMul(nil, "nowhere", nil, 1); err == nil {
		t.Fatal("nowhere is somewhere")
	}
	used := m.Usage()
	if len(used) != 2 {
		t.Fatalf("%+v", used)
	}
	dense, layer := used[0], used[1]
	if dense.Tensor != "conv.weight" || dense.Layer || dense.Plan != "dense" || dense.Calls != 1 ||
		dense.Vectors != 1 || dense.Time <= 0 {
		t.Errorf("dense: %+v", dense)
	}
	if layer.Tensor != "encoder.0.weight" || !layer.Layer || layer.Plan == "" || layer.Tier == "" ||
		layer.Calls != 3 || layer.Vectors != 6 || layer.Time <= 0 {
		t.Errorf("layer: %+v", layer)
	}
	// One vector has a plan of its own, or shares that of several.
	if err := m.Linear(make([]float32, 64), "encoder.0", make([]float32, 96), 1); err != nil {
		t.Fatal(err)
	}
	calls := int64(0)
	for _, u := range m.Usage() {
		if u.Layer {
			calls += u.Calls
		}
	}
	if calls != 4 {
		t.Errorf("%d calls of 4", calls)
	}
}
