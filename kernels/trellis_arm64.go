//go:build !purego

package kernels

// trellis8NEON advances a walk, of which n steps are prepared, through a trellis of 8 states,
// trellis32NEON through one of 32.
//
//go:noescape
func trellis8NEON(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

//go:noescape
func trellis32NEON(t *Trellis, cost *[256]float32, l *trellisWalk, n int)

func trellisNEON(t *Trellis, cost [][256]float32, a, b *trellisWalk, n int) {
	a.advanceNEON(t, cost, n)
	if b != nil {
		b.advanceNEON(t, cost, n)
	}
}

func (l *trellisWalk) advanceNEON(t *Trellis, cost [][256]float32, n int) {
	l.prepare(0, n)
	if t.States() == 8 {
		trellis8NEON(t, &cost[0], l, n)
	} else {
		trellis32NEON(t, &cost[0], l, n)
	}
}
