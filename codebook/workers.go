package codebook

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a goroutine looks for what it waits for before it sleeps. To be woken takes
// longer than a small layer does, and between the layers of a model there is less time than this.
const patience = 100 * time.Microsecond

// await looks until done reports true, or for as long as there is patience. Every few microseconds
// it lets others run.
func await(done func() bool) {
	const looks = 1 << 12
	for start := time.Now(); time.Since(start) < patience; runtime.Gosched() {
		for range looks {
			if done() {
				return
			}
		}
	}
}

// task is a part of a multiplication for another goroutine.
type task struct {
	plan   *Plan
	ws     *workspace
	lo, hi int
}

func (t task) do() { t.plan.engine.part(t.plan, t.ws, t.lo, t.hi) }

// helper is a goroutine that does tasks of others, one at a time. It was started once and waits for
// more.
type helper struct {
	state atomic.Int32
	task  task // for who has claimed the helper
	wake  chan struct{}
}

// States of a helper.
const (
	looking = iota // for a task
	asleep         // until it is woken
	given          // a task, which nobody has begun
	claimed        // by a goroutine that gives it a task, or takes it: often its own, which does it
)

// helpers are as many as can run at the same time.
var helpers = sync.OnceValue(func() []*helper {
	all := make([]*helper, runtime.GOMAXPROCS(0))
	for i := range all {
		all[i] = &helper{wake: make(chan struct{}, 1)}
		go all[i].run()
	}
	return all
})

func (h *helper) run() {
	for {
		await(func() bool { return h.state.Load() == given })
		if h.state.CompareAndSwap(looking, asleep) {
			<-h.wake
		}
		if h.state.CompareAndSwap(given, claimed) {
			t := h.task
			t.do()
			h.release() // before the caller goes on, which may have more
			t.ws.finish()
		}
	}
}

// release lets a helper that has been claimed look for the next task.
func (h *helper) release() {
	h.task = task{}
	h.state.Store(looking)
}

// give hands a task to a helper that is in this state, and reports whether it was.
func (h *helper) give(t task, state int32) bool {
	if h.state.Load() != state || !h.state.CompareAndSwap(state, claimed) {
		return false
	}
	h.task = t
	h.state.Store(given)
	if state == asleep {
		h.wake <- struct{}{}
	}
	return true
}

// takeBack takes a task of this workspace from a helper that has not begun it, and reports whether
// it could.
func (h *helper) takeBack(ws *workspace) (t task, ok bool) {
	if !h.state.CompareAndSwap(given, claimed) {
		return task{}, false
	}
	if t = h.task; t.ws != ws { // ours is done, and it has another
		h.state.Store(given)
		return task{}, false
	}
	h.release()
	return t, true
}

// delegate hands a task to a helper that waits and returns that, nil if there is none: best one
// that need not be woken, and that has done the same part of other calls.
func delegate(t task, part int) *helper {
	all := helpers()
	for _, state := range []int32{looking, asleep} {
		for i := range all {
			if h := all[(part+i)%len(all)]; h.give(t, state) {
				return h
			}
		}
	}
	return nil
}

// split does n units of work in parts, one of them for each thread of the plan. Parts for which no
// helper waits are done here, and so are those that a helper has not begun when the caller is done
// with its own: its thread may have to wait for a processor.
func (p *Plan) split(ws *workspace, n int) {
	threads := min(p.threads, n)
	if threads <= 1 {
		p.engine.part(p, ws, 0, n)
		return
	}
	ws.unfinished.Store(int32(threads))
	ws.helpers = ws.helpers[:0]
	for i := 1; i < threads; i++ {
		t := task{p, ws, i * n / threads, (i + 1) * n / threads}
		if h := delegate(t, i); h != nil {
			ws.helpers = append(ws.helpers, h)
			continue
		}
		t.do()
		ws.unfinished.Add(-1)
	}
	p.engine.part(p, ws, 0, n/threads)
	for _, h := range ws.helpers {
		if t, ok := h.takeBack(ws); ok {
			t.do()
			ws.unfinished.Add(-1)
		}
	}
	ws.wait()
}

// finish says that another goroutine is done with its part.
func (ws *workspace) finish() {
	if ws.unfinished.Add(-1) == 0 { // and the caller sleeps
		ws.finished <- struct{}{}
	}
}

// wait returns once all parts but the caller's own are finished.
func (ws *workspace) wait() {
	await(func() bool { return ws.unfinished.Load() == 1 })
	if ws.unfinished.Add(-1) > 0 {
		<-ws.finished
	}
}
