package logscale

import (
	"math"
	"testing"
)

func TestLog2(t *testing.T) {
	for _, v := range []float64{
		1, 2, 3, 1.5, 4095, 4096, 1e-30, 0x1p-1070, math.MaxFloat64, 0x1.fffffffffffffp0,
	} {
		for _, digits := range []int{0, 1, 12, 26} {
			exact := math.Log2(v) * float64(int(1)<<digits)
			if got := float64(Log2(v, digits)); got > exact+1e-3 || got < exact-1-1e-3 {
				t.Errorf("%v, %d digits: %v, the logarithm is %v", v, digits, got, exact)
			}
		}
	}
}
