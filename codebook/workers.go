package codebook

import (
	"runtime"
	"sync"
)

// task is a part of a multiplication for another goroutine.
type task struct {
	plan   *Plan
	ws     *workspace
	lo, hi int
}

// helpers hands tasks to goroutines that were started once and wait for more: a start costs as much
// as a small layer takes. Tasks are values, so that a call allocates nothing.
var helpers = sync.OnceValue(func() chan<- task {
	tasks := make(chan task)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for t := range tasks {
				t.plan.engine.part(t.plan, t.ws, t.lo, t.hi)
				t.ws.others.Done()
			}
		}()
	}
	return tasks
})

// split does n units of work in parts, one of them for each thread of the plan. A part for which no
// goroutine waits is done here.
func (p *Plan) split(ws *workspace, n int) {
	threads := min(p.threads, n)
	if threads <= 1 {
		p.engine.part(p, ws, 0, n)
		return
	}
	tasks := helpers()
	for i := 1; i < threads; i++ {
		t := task{p, ws, i * n / threads, (i + 1) * n / threads}
		ws.others.Add(1)
		select {
		case tasks <- t:
		default:
			ws.others.Done()
			p.engine.part(p, ws, t.lo, t.hi)
		}
	}
	p.engine.part(p, ws, 0, n/threads)
	ws.others.Wait()
}
