package kernels

import "fmt"

// rowsFunc does something with each row of x, of len(by) values, not 0.
type rowsFunc func(dst, x, by []float32)

// ScaleRows writes each row of x, of len(scales) values, times scales to dst, which may be x.
func (s *Set) ScaleRows(dst, x, scales []float32) {
	checkRows("ScaleRows", dst, x, scales)
	if len(x) > 0 {
		s.rowsScale(dst, x, scales)
	}
}

// AddRows writes each row of x, of len(biases) values, plus biases to dst, which may be x.
func (s *Set) AddRows(dst, x, biases []float32) {
	checkRows("AddRows", dst, x, biases)
	if len(x) > 0 {
		s.rowsAdd(dst, x, biases)
	}
}

func checkRows(op string, dst, x, by []float32) {
	if len(dst) < len(x) || len(x) > 0 && (len(by) == 0 || len(x)%len(by) != 0) {
		panic(fmt.Sprintf("kernels: %s: %d values in rows of %d, room for %d", op, len(x), len(by),
			len(dst)))
	}
}

// eachRow makes the operation of what does one row.
func eachRow(one rowsFunc) rowsFunc {
	return func(dst, x, by []float32) {
		for n := len(by); len(x) > 0; dst, x = dst[n:], x[n:] {
			one(dst[:n], x[:n], by)
		}
	}
}
