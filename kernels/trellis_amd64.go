//go:build !purego

package kernels

// trellisPrepareAVX2 is trellisWalk.prepare for n values, a multiple of 8.
//
//go:noescape
func trellisPrepareAVX2(steps *trellisStep, x *float32, class *byte, n int)

// trellis8PairAVX2 advances two walks, of which n steps are prepared, through a trellis of 8
// states.
//
//go:noescape
func trellis8PairAVX2(t *Trellis, cost *[256]float32, a, b *trellisWalk, n int)

// trellis8AVX2 advances one walk likewise.
//
//go:noescape
func trellis8AVX2(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

// trellis32AVX2 advances a walk, of which n steps are prepared, through a trellis of 32 states:
// enough work in each step to need no second walk.
//
//go:noescape
func trellis32AVX2(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

//go:noescape
func trellis32AVX512(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

func trellisAVX512(t *Trellis, cost [][256]float32, a, b *trellisWalk, n int) {
	trellisAMD64(trellis32AVX512, t, &cost[0], a, b, n)
}

func trellisAVX2(t *Trellis, cost [][256]float32, a, b *trellisWalk, n int) {
	trellisAMD64(trellis32AVX2, t, &cost[0], a, b, n)
}

type advanceFunc func(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

func trellisAMD64(advance32 advanceFunc, t *Trellis, cost *[256]float32, a, b *trellisWalk, n int) {
	a.prepareAVX2(n)
	if b != nil {
		b.prepareAVX2(n)
	}
	switch {
	case t.States() == 8 && b != nil:
		trellis8PairAVX2(t, cost, a, b, n)
	case t.States() == 8:
		trellis8AVX2(t, cost, a, n)
	default:
		advance32(t, cost, a, n)
		if b != nil {
			advance32(t, cost, b, n)
		}
	}
}

// prepareAVX2 prepares the next n steps.
func (l *trellisWalk) prepareAVX2(n int) {
	whole := n &^ 7
	if whole > 0 {
		trellisPrepareAVX2(&l.steps[0], &l.x[0], &l.class[0], whole)
	}
	l.prepare(whole, n)
}
