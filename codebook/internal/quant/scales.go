package quant

import (
	"fmt"
	"math"
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

// ordinary returns what schemes that cluster work on in place of w: w divided by 2^exponent, which
// is exact, with the weights that are negligible beside the largest at 0. Mostly that is w itself.
func ordinary(w []float32) (scaled []float32, exponent int) {
	top, least := extremes(w)
	exponent = beyondOrdinary(top)
	limit := top * negligible
	if exponent == 0 && least >= limit {
		return w, 0
	}
	return divided(w, exponent, limit), exponent
}

// raised returns what schemes that store outliers apart work on in place of w: as ordinary does for
// matrices of tiny weights. One huge weight says nothing of the others here.
func raised(w []float32) (scaled []float32, exponent int) {
	top, _ := extremes(w)
	if exponent = beyondOrdinary(top); exponent >= 0 {
		return w, 0
	}
	return divided(w, exponent, 0), exponent
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

// extremes returns the largest magnitude in w, and the least that is not 0; both are 0 where all
// are.
func extremes(w []float32) (top, least float32) {
	for _, v := range w {
		if v = max(v, -v); v > top {
			top = v
		}
		if v > 0 && (v < least || least == 0) {
			least = v
		}
	}
	return top, least
}

// BeyondScales says why no scheme holds w as it should, "" where nothing is in the way: because all
// weights are tiny, or some are huge, more than a few where a scheme stores outliers apart.
func BeyondScales(w []float32, apart bool) string {
	top, _ := extremes(w)
	switch {
	case top == 0 || top >= leastTop && top <= mostTop:
		return ""
	case top < leastTop:
		return fmt.Sprintf("no weight is beyond %.2g: "+
			"too small for float32 scales, which are for %.2g and more",
			top, leastTop)
	}
	huge := 0
	for _, v := range w {
		if max(v, -v) > mostTop {
			huge++
		}
	}
	if apart && huge <= len(w)/fewHuge {
		return ""
	}
	return fmt.Sprintf("weights of up to %.2g: "+
		"too large for float32 scales, which are for %.2g and less",
		top, mostTop)
}
