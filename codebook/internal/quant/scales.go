package quant

import (
	"fmt"
	"math"
	"sync"

	"github.com/palettize/palettize/internal/par"
)

const (
	// Schemes square and invert weights in float32, which matrices allow whose largest weight is
	// from 2^-ordinaryOctaves to 2^ordinaryOctaves.
	ordinaryOctaves = 32
	// negligible is the part of the largest weight below which a weight is 0 where none is stored
	// apart. The scales of rows and groups reach down to 2^-30 of it.
	negligible = 0x1p-64
	// Scale, times scales of rows and columns and the values of inputs, stays an ordinary float32
	// for matrices whose largest weight, outliers apart, is from leastTop to mostTop.
	leastTop, mostTop = 0x1p-96, 0x1p96
	// fewHuge is the part of the weights, inverted, that may be beyond mostTop where outliers are
	// stored apart.
	fewHuge = 256
)

// ordinary returns what schemes that cluster work on in place of the weights: these divided by
// 2^exponent, which is exact, with those that are negligible beside the largest at 0. Mostly that
// is the weights themselves.
func (m *Matrix) ordinary(threads par.Share) (scaled []float32, exponent int) {
	top, least := m.Extremes(threads)
	exponent = beyondOrdinary(top)
	limit := top * negligible
	if exponent == 0 && least >= limit {
		return m.W, 0
	}
	return divided(m.W, exponent, limit), exponent
}

// raised returns what schemes that store outliers apart work on in place of the weights: as
// ordinary does for matrices of tiny weights. One huge weight says nothing of the others here.
func (m *Matrix) raised(threads par.Share) (scaled []float32, exponent int) {
	top, _ := m.Extremes(threads)
	if exponent = beyondOrdinary(top); exponent >= 0 {
		return m.W, 0
	}
	return divided(m.W, exponent, 0), exponent
}

// beyondOrdinary is the exponent of a largest weight that is not ordinary, 0 of one that is.
func beyondOrdinary(top float32) int {
	if _, e := math.Frexp(float64(top)); e < -ordinaryOctaves || e > ordinaryOctaves {
		return e
	}
	return 0
}

// divided returns w over 2^exponent, with 0 for what is below the limit.
func divided(w []float32, exponent int, limit float32) []float32 {
	factor := math.Ldexp(1, -exponent)
	scaled := make([]float32, len(w))
	for i, v := range w {
		if max(v, -v) >= limit {
			scaled[i] = float32(float64(v) * factor)
		}
	}
	return scaled
}

// extremes are what Matrix.Extremes returns.
type extremes struct{ top, least float32 }

// Extremes returns the largest magnitude of the weights, a NaN if there is one, and the least that
// is not 0; both are 0 where all are. It looks at the weights the first time only.
func (m *Matrix) Extremes(threads par.Share) (top, least float32) {
	if m.extremes == nil {
		var mu sync.Mutex
		var high, low uint32
		par.Ranges(threads(), len(m.W), func(lo, hi int) {
			h, l := bitsOfExtremes(m.W[lo:hi])
			mu.Lock()
			defer mu.Unlock()
			high, low = max(high, h), max(low, l)
		})
		m.extremes = &extremes{math.Float32frombits(high), math.Float32frombits(-low)}
	}
	return m.extremes.top, m.extremes.least
}

// bitsOfExtremes returns the bits of the largest magnitude in w, and the negative bits of the least
// that is not 0. Bits of magnitudes order as these do, their negatives the other way round, with 0
// below all.
func bitsOfExtremes(w []float32) (high, low uint32) {
	for _, v := range w {
		b := math.Float32bits(v) &^ (1 << 31)
		high, low = max(high, b), max(low, -b)
	}
	return high, low
}

// BeyondScales says why no scheme holds the weights as it should, "" where nothing is in the way:
// because all are tiny, or some are huge, more than a few where a scheme stores outliers apart.
func (m *Matrix) BeyondScales(apart bool, threads par.Share) string {
	top, _ := m.Extremes(threads)
	switch {
	case top == 0 || top >= leastTop && top <= mostTop:
		return ""
	case top < leastTop:
		return fmt.Sprintf("no weight is beyond %.2g: "+
			"too small for float32 scales, which are for %.2g and more",
			top, leastTop)
	}
	huge := 0
	for _, v := range m.W {
		if max(v, -v) > mostTop {
			huge++
		}
	}
	if apart && huge <= len(m.W)/fewHuge {
		return ""
	}
	return fmt.Sprintf("weights of up to %.2g: "+
		"too large for float32 scales, which are for %.2g and less",
		top, mostTop)
}
