package compress

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// finiteFloats reads bytes as float32 numbers; of those that are none the largest bit of the
// exponent is cleared.
func finiteFloats(data []byte) []float32 {
	w := make([]float32, len(data)/4)
	for i := range w {
		if w[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])); w[i]-w[i] != 0 {
			w[i] = math.Float32frombits(math.Float32bits(w[i]) &^ (1 << 30))
		}
	}
	return w
}

// FuzzBuild: of any matrix any scheme makes a valid layer, which stands for finite weights and can
// be decoded from its stream, with an error that is known. The first three bytes choose the scheme
// and the shape, which the weights repeat to fill.
func FuzzBuild(f *testing.F) {
	schemes := everyScheme()
	floats := func(head [3]byte, w ...float32) {
		data := head[:]
		for _, v := range w {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		f.Add(data)
	}
	for i := range schemes {
		s := byte(i)
		floats([3]byte{s, 7, 15}, 0, 0, 0x1p-149)
		floats([3]byte{s, 3, 9}, 1, -1)
		floats([3]byte{s, 7, 31}, 1e-40, 3e-39, 1e38, -3.4e38, 0.5, 1e-20, 1e20)
		floats([3]byte{s, 7, 15}, math.MaxFloat32)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 7 || len(data) > 3+4*16 { // more bytes only make it slower
			return
		}
		s := schemes[int(data[0])%len(schemes)]
		rows, cols := 1+int(data[1]%8), 1+int(data[2]%32)
		if s.Scheme.Width >= cols {
			cols = s.Scheme.Width + 1
		}
		values := finiteFloats(data[3:])
		w := samples.Fill(rows*cols, func(i int) float32 { return values[i%len(values)] })
		l, err := Build(t.Context(), w, rows, cols, s.Scheme, Options{Settings: s, Threads: 1})
		if err != nil {
			if !quant.AnyRate(s.Scheme) ||
				!strings.Contains(err.Error(), "cannot be met: what comes nearest takes ") {
				t.Fatal(err)
			}
			return
		}
		checkBuilt(t, l, w)
	})
}

// FuzzAllocation: whatever a plan says, it is refused, or it comes back from JSON as it was, and a
// model is compressed by it or not, without a panic.
func FuzzAllocation(f *testing.F) {
	src := new(memory.Model)
	src.Add("w", "F32", samples.Gaussian(1, 16*24), 16, 24)
	src.Add("table.embedding.weight", "F16", samples.Gaussian(2, 20*8), 20, 8)
	for _, s := range everyScheme() {
		a, err := Allocate(f.Context(), new(memory.Model), src, Options{Settings: s, Threads: 1})
		if err != nil { // one that cannot be met
			continue
		}
		text, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, again := new(Allocation), new(Allocation)
		if json.Unmarshal(text, a) != nil {
			return
		}
		written, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, again); err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("%s comes back as %+v (%v)", written, again, err)
		}
		dst := new(memory.Model)
		if _, err := Compress(t.Context(), dst, src, Options{Allocation: a, Threads: 1}); err != nil {
			return
		}
		if n := len(dst.Layers) + len(dst.Passed) + len(dst.Halves); n != len(src.All) {
			t.Fatalf("%d of %d tensors were put", n, len(src.All))
		}
	})
}
