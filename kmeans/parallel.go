package kmeans

import (
	"context"
	"sync"
	"sync/atomic"
)

// parallel calls f once for each task from 0 to tasks-1, on up to threads goroutines, the worker
// being their number. It stops early, with ctx.Err(), once ctx is done. What the tasks write must
// not depend on who runs them or in which order.
func parallel(ctx context.Context, threads, tasks int, f func(worker, task int)) error {
	threads = max(1, min(threads, tasks))
	var next atomic.Int64
	work := func(worker int) {
		for ctx.Err() == nil {
			t := int(next.Add(1)) - 1
			if t >= tasks {
				return
			}
			f(worker, t)
		}
	}
	var wg sync.WaitGroup
	for w := 1; w < threads; w++ {
		wg.Go(func() { work(w) })
	}
	work(0)
	wg.Wait()
	return ctx.Err()
}
