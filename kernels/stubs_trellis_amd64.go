//go:build !purego

package kernels

// trellis8AVX2 advances two lanes by n values through a trellis of 8 states.
//
//go:noescape
func trellis8AVX2(t *Trellis, cost *[256]float32, a, b *trellisLane, n int)

// trellis32AVX2 advances a lane by n values through a trellis of 32 states.
//
//go:noescape
func trellis32AVX2(t *Trellis, cost *[256]float32, l *trellisLane, n int)

func trellisAVX2(t *Trellis, cost [][256]float32, a, b *trellisLane, n int) {
	if t.States() == 8 {
		trellis8AVX2(t, &cost[0], a, b, n)
		return
	}
	trellis32AVX2(t, &cost[0], a, n)
	if a != b {
		trellis32AVX2(t, &cost[0], b, n)
	}
}

//go:noescape
func trellis32AVX512(t *Trellis, cost *[256]float32, l *trellisLane, n int)

func trellisAVX512(t *Trellis, cost [][256]float32, a, b *trellisLane, n int) {
	if t.States() == 8 {
		trellis8AVX2(t, &cost[0], a, b, n)
		return
	}
	trellis32AVX512(t, &cost[0], a, n)
	if a != b {
		trellis32AVX512(t, &cost[0], b, n)
	}
}
