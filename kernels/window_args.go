//go:build (amd64 || arm64) && !purego

package kernels

// windowArgs is what the searches for windows take: see windowFunc.
type windowArgs struct {
	cost  *[Centroids]float32
	back  *byte
	x     *float32
	n     int
	w     *float32
	step  int // bytes from one weight to the next
	table *[Centroids]float32
	bits  int
}

var one float32 = 1 // of a value without a weight

func newWindowArgs(cost *[Centroids]float32, back []byte, x, w []float32, table *[Centroids]float32,
	bits int) windowArgs {
	a := windowArgs{cost: cost, back: &back[0], x: &x[0], n: len(x), w: &one, table: table,
		bits: bits}
	if w != nil {
		a.w, a.step = &w[0], 4
	}
	return a
}
