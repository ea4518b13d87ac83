package quant

import (
	"math"

	"github.com/palettize/palettize/codebook"
)

// grid is the map from bytes to values, step * (byte - zero). It spans all centroids and 0.
type grid struct {
	step float64
	zero byte
}

func gridOver(values []float32) grid {
	var lo, hi float64
	for _, v := range values {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	if lo == hi {
		return grid{}
	}
	step := (hi - lo) / 255
	return grid{step, byte(math.RoundToEven(-lo / step))}
}

func (g grid) quantise(v float32) byte {
	if g.step == 0 {
		return g.zero
	}
	return byte(min(max(math.RoundToEven(float64(v)/g.step)+float64(g.zero), 0), 255))
}

// steps returns how many steps from a byte to another differ by v, which is not negative.
func (g grid) steps(v float32) byte {
	if g.step == 0 {
		return 0
	}
	return byte(min(math.RoundToEven(float64(v)/g.step), 255))
}

// all returns all 256 bytes and their values.
func (g grid) all() (bytes []byte, values []float32) {
	bytes, values = make([]byte, codebook.MaxCentroids), make([]float32, codebook.MaxCentroids)
	for i := range bytes {
		bytes[i], values[i] = byte(i), g.value(byte(i))
	}
	return bytes, values
}

func (g grid) value(b byte) float32 { return float32(g.step * (float64(b) - float64(g.zero))) }
