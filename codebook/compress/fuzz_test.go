package compress

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

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
