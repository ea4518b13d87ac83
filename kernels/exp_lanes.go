//go:build (amd64 || arm64) && !purego

package kernels

// expGELUOf makes the operation of what does whole groups of lanes.
func expGELUOf(whole expGELUFunc) expGELUFunc {
	return func(x, bias []float32) {
		n := len(x) &^ (lanes - 1)
		whole(x[:n], bias[:n])
		expGELUScalar(x[n:], bias[n:])
	}
}
