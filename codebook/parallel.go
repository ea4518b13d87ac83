package codebook

import (
	"runtime"
	"sync"
)

// threadCount is n, or the number of processors for 0.
func threadCount(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// parallel calls f for parts of [0, n) that together make it up, at most threads at a time. With
// one thread the caller's goroutine does it all.
func parallel(threads, n int, f func(lo, hi int)) {
	threads = min(threads, n)
	if threads <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var wg sync.WaitGroup
	for t := 1; t < threads; t++ {
		wg.Go(func() { f(portion(n, t, threads), portion(n, t+1, threads)) })
	}
	f(0, n/threads)
	wg.Wait()
}

// portion returns where the i-th of parts about equal parts of n begins. What is multiplied may not
// fit an int.
func portion(n, i, parts int) int { return int(int64(n) * int64(i) / int64(parts)) }
