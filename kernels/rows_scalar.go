package kernels

func rowsScaleScalar(dst, x, by []float32) {
	for i, v := range x {
		dst[i] = v * by[i]
	}
}

func rowsAddScalar(dst, x, by []float32) {
	for i, v := range x {
		dst[i] = v + by[i]
	}
}
