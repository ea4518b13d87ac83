// Package par spreads work over goroutines. What the work writes must not depend on who does which
// part of it, so that results are the same with any number of threads.
package par

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Threads is n, or the number of processors for 0.
func Threads(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Ranges calls f for parts of [0, n) that together make it up, at most threads at a time. With one
// thread the caller's goroutine does it all.
func Ranges(threads, n int, f func(lo, hi int)) {
	threads = min(threads, n)
	if threads <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var wg sync.WaitGroup
	for t := 1; t < threads; t++ {
		wg.Go(func() { f(Portion(n, t, threads), Portion(n, t+1, threads)) })
	}
	f(0, n/threads)
	wg.Wait()
}

// Portion returns where the i-th of parts about equal parts of n begins. What is multiplied may not
// fit an int.
func Portion(n, i, parts int) int { return int(int64(n) * int64(i) / int64(parts)) }

// Each calls f for 0 to n-1, each range of them on a goroutine of its own, and joins the errors.
func Each(threads, n int, f func(i int) error) error {
	errs := make([]error, n)
	Ranges(threads, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			errs[i] = f(i)
		}
	})
	return errors.Join(errs...)
}

// Tasks calls f once for each task from 0 to n-1, on up to threads goroutines, the worker being
// their number: who is done with one takes the next. It stops early, with ctx.Err(), once ctx is
// done.
func Tasks(ctx context.Context, threads, n int, f func(worker, task int)) error {
	threads = max(1, min(threads, n))
	var next atomic.Int64
	work := func(worker int) {
		for ctx.Err() == nil {
			t := int(next.Add(1)) - 1
			if t >= n {
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
