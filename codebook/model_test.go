package codebook_test

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// smallStore is memory.Small, compressed.
func smallStore(t *testing.T, opts compress.Options) *memory.Store {
	t.Helper()
	src := memory.Small()
	if _, err := compress.Compress(t.Context(), src, src, opts); err != nil {
		t.Fatal(err)
	}
	return &memory.Store{Model: src, Bare: true, Reads: map[string]int{}}
}

// TestModelFallsThrough multiplies by name with a layer and with a tensor that passed through, one
// vector and several.
func TestModelFallsThrough(t *testing.T) {
	store := smallStore(t, compress.Options{Exclude: []string{"conv.weight"}})
	m := codebook.NewModel(store, codebook.RunOptions{})
	for _, name := range []string{"encoder.0.weight", "encoder/1/weight", "conv.weight"} {
		tensor, err := m.Describe(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, cols, _ := tensor.Matrix()
		w, err := m.Tensor(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 3} {
			x, y, row := samples.Gaussian(12, n*cols), make([]float32, n*rows), make([]float32,
				cols)
			if err := m.MatMul(y, name, x, n); err != nil {
				t.Fatal(err)
			}
			for r := range rows {
				if err := m.Row(row, name, r); err != nil || !slices.Equal(row, w[r*cols:][:cols]) {
					t.Fatalf("%s: row %d is %v, want %v (%v)", name, r, row, w[r*cols:][:cols], err)
				}
				for i := range n {
					var want, size float64
					for c, v := range row {
						want += float64(v) * float64(x[i*cols+c])
						size += math.Abs(float64(v) * float64(x[i*cols+c]))
					}
					if math.Abs(float64(y[i*rows+r])-want) > 0.01*size {
						t.Fatalf("%s: row %d is %v, want %v", name, r, y[i*rows+r], want)
					}
				}
			}
		}
	}
	if names := m.Names(); len(names) != len(store.All) || !slices.IsSorted(names) {
		t.Errorf("names %q", names)
	}
}

func TestModelErrors(t *testing.T) {
	m := codebook.NewModel(smallStore(t, compress.Options{}), codebook.RunOptions{})
	x, y := make([]float32, 96), make([]float32, 64)
	nan := slices.Clone(x)
	nan[7] = float32(math.NaN())
	const name = "encoder.0.weight"
	var shape *codebook.ShapeError
	var notFinite *codebook.NotFiniteError
	var named *codebook.TensorError
	for what, err := range map[string]error{
		"no tensor": m.MatMul(y, "nowhere", x, 1), "no row": m.Row(x, name, 64),
		"below":    m.Row(x, name, -1),
		"integers": m.MatMul(y, "ids", x, 1), "a vector": m.MatMul(y, "encoder.0.bias", x, 1),
		"short x": m.MatMul(y, name, x[1:], 1), "short y": m.MatMul(y[1:], name, x, 1),
		"NaN": m.MatMul(y, name, nan, 1), "fewer": m.MatMul(y, name, x, -1),
		"short row": m.Row(x[1:], name, 0),
	} {
		if !errors.As(err, &named) {
			t.Errorf("%s: %v names no tensor", what, err)
		}
		if got := errors.Is(err, codebook.ErrNoTensor); got != (what == "no tensor") {
			t.Errorf("%s: %v", what, err)
		}
		short := slices.Contains([]string{"short x", "short y", "fewer", "short row"}, what)
		if errors.As(err, &shape) != short || errors.As(err, &notFinite) != (what == "NaN") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := m.MatMul(y, name, x, 1); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	_, err := m.Tensor(t.Context(), name)
	for _, err := range []error{err, m.Close(), m.MatMul(y, name, x, 1), m.Row(x, name, 0),
		m.Load(t.Context(), 1)} {
		if !errors.Is(err, codebook.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
	if bits := m.BitsResident(); bits != 0 {
		t.Errorf("closed: %d bits", bits)
	}
}

// TestModelAtOnce: first uses by many callers lay a layer out once; calls allocate nothing.
func TestModelAtOnce(t *testing.T) {
	store := smallStore(t, compress.Options{})
	m := codebook.NewModel(store, codebook.RunOptions{Threads: 2})
	const name = "encoder.0.weight"
	x := samples.Gaussian(1, 96)
	results := make([][]float32, 8)
	var wg sync.WaitGroup
	for i := range results {
		results[i] = make([]float32, 64)
		wg.Go(func() {
			if err := m.MatMul(results[i], name, x, 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, y := range results {
		if !slices.Equal(y, results[0]) {
			t.Error("other results")
		}
	}
	if store.Reads[name] != 1 || len(store.Reads) != 1 {
		t.Errorf("read %v", store.Reads)
	}
	row := make([]float32, 96)
	if n := testing.AllocsPerRun(20, func() {
		if err := m.MatMul(results[0], name, x, 1); err != nil {
			t.Fatal(err)
		}
		if err := m.Row(row, name, 3); err != nil {
			t.Fatal(err)
		}
	}); n > 0 && !samples.Race { // which drops items of a pool on purpose
		t.Errorf("%v allocations a call", n)
	}
}

// heap is what is in use after collecting, and what has ever been allocated.
func heap() (used, ever int64) {
	runtime.GC()
	runtime.GC() // what pools held until the first
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc), int64(s.TotalAlloc)
}

// TestMemoryIsWhatIsReported holds the heap against what models report, for every scheme and plan,
// and what is allocated on the way against that and one layer: its assignments, a byte
// a weight, and the tables of its coder.
func TestMemoryIsWhatIsReported(t *testing.T) {
	if samples.Race {
		t.Skip("the race detector has a heap of its own")
	}
	const rows, cols, layers = 512, 1024, 2
	schemes := append(compress.Schemes(),
		codebook.Scheme{Name: "scalar", Width: 1, K: 16},
		codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16},
		codebook.Scheme{Name: "segments", Width: 8, K: 256},
		codebook.Scheme{Name: "trellis", Width: 1, K: 256, WindowBits: 2},
		codebook.Scheme{Name: "trellis", Width: 1, K: 256, WindowBits: 5})
	for _, scheme := range schemes {
		if testing.Short() && scheme.WindowBits > 0 {
			continue // whose search takes a minute without SIMD
		}
		src := new(memory.Model)
		names := []string{"a", "b"}
		for i, name := range names {
			w := samples.Gaussian(uint64(i), rows*cols)
			w[100], w[5000] = 50, -60 // outliers
			src.Add(name, "F32", w, rows, cols)
		}
		opts := compress.Options{Settings: compress.Settings{Scheme: scheme}}
		if _, err := compress.Compress(t.Context(), src, src, opts); err != nil {
			t.Fatal(err)
		}
		for _, plan := range []string{"", "broadcast", "table", "decode16", "decode256", "window",
			"bytes", "dense"} {
			store := &memory.Store{Model: src, Bare: true}
			x, y := make([]float32, cols), make([]float32, rows)
			m := codebook.NewModel(store, codebook.RunOptions{Plan: plan})
			before, everBefore := heap()
			err := m.MatMul(y, "a", x, 1)
			if plan != "" && err != nil {
				continue // it is not for this scheme
			}
			if err := errors.Join(err, m.Load(t.Context(), 1)); err != nil {
				t.Fatal(err)
			}
			used, ever := heap()
			used, ever, reported := used-before, ever-everBefore, m.BitsResident()/8
			runtime.KeepAlive(m)
			if most := reported*105/100 + layers*64<<10 + rows*cols + 256<<10; ever > most {
				t.Errorf("%+v, plan %q: %d bytes allocated, reported %d", scheme, plan, ever,
					reported)
			}
			if used > reported*105/100+layers*64<<10 || used < reported*95/100 {
				t.Errorf("%+v, plan %q: %d bytes, reported %d", scheme, plan, used, reported)
			}
		}
	}
}
