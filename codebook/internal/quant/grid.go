package quant

import (
	"math"

	"github.com/palettize/palettize/codebook"
)

// grid is the map from bytes to values, step * (byte - zero), for bytes from least on.
type grid struct {
	step  float64
	zero  byte
	least byte
}

// gridOver spans all values and 0 with the bytes from 1 on. Weights without 0 are signed bytes
// above -128 when 128 is taken off, which CPUs without VNNI multiply faster.
func gridOver(values []float32) grid {
	var lo, hi float64
	for _, v := range values {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	if lo == hi {
		return grid{zero: 1, least: 1}
	}
	step := (hi - lo) / 254
	return grid{step, byte(math.RoundToEven(-lo/step)) + 1, 1}
}

// allBytes are those that gridOver uses.
func allBytes() []byte {
	bytes := make([]byte, codebook.MaxCentroids-1)
	for i := range bytes {
		bytes[i] = byte(i + 1)
	}
	return bytes
}

func (g grid) quantise(v float32) byte {
	if g.step == 0 {
		return g.zero
	}
	b := math.RoundToEven(float64(v)/g.step) + float64(g.zero)
	return byte(min(max(b, float64(g.least)), 255))
}

// steps returns how many steps from a byte to another differ by v, which is not negative.
func (g grid) steps(v float32) byte {
	if g.step == 0 {
		return 0
	}
	return byte(min(math.RoundToEven(float64(v)/g.step), 254))
}

func (g grid) value(b byte) float32 { return float32(g.step * (float64(b) - float64(g.zero))) }
