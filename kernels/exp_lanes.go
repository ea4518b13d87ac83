//go:build (amd64 || arm64) && !purego

package kernels

// expGateOf makes the operation of what does whole groups of lanes and what does the rest.
func expGateOf(whole, rest expGateFunc) expGateFunc {
	return func(x, y []float32) {
		n := len(x) &^ (lanes - 1)
		whole(x[:n], y[:n])
		rest(x[n:], y[n:])
	}
}
