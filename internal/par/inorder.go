package par

import (
	"context"
	"slices"
	"sync"
)

// Share tells a job how many threads it may use: of those that several jobs have together, its part
// at the time of the call, 1 or more.
type Share func() int

// Fixed is a share that stays the same.
func Fixed(threads int) Share { return func() int { return threads } }

// InOrder calls do for each job from 0 to len(sizes)-1 and then take with what it returned. Jobs
// are begun in their order and done several at a time, on up to threads goroutines; results are
// taken one at a time, in the order of the jobs, while others go on. The sizes of the jobs that are
// begun and not taken add up to no more than room, or there is a single one. Where fewer jobs than
// threads are at work, they share the others.
//
// After an error no more jobs are begun. It is returned, and the context of all others ends, when
// it is its job's turn to be taken: of several errors the first in the order of the jobs is the one
// that is returned, and all before it have been taken. Once ctx is done, that is an error of the
// jobs that are not begun.
func InOrder[R any](ctx context.Context, threads int, room int64, sizes []int64,
	do func(ctx context.Context, job int, threads Share) (R, error),
	take func(job int, result R) error) error {
	l := &line[R]{
		do: do, take: take, threads: max(threads, 1), room: room, sizes: sizes,
		results: make(map[int]outcome[R]),
	}
	l.changed.L = &l.mu
	ctx, l.cancel = context.WithCancel(ctx)
	defer l.cancel()
	workers := min(l.threads, len(sizes))
	Ranges(workers, workers, func(int, int) { l.work(ctx) })
	return l.err
}

// line is the state of InOrder.
type line[R any] struct {
	do      func(context.Context, int, Share) (R, error)
	take    func(int, R) error
	threads int
	room    int64
	sizes   []int64
	cancel  context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond
	begun   int                // jobs
	working []int              // those at work, in their order
	results map[int]outcome[R] // of those that are done
	taking  bool               // one of these
	taken   int                // jobs
	held    int64              // sizes of those that are begun and not taken
	failed  bool               // a job: no other is to be begun
	err     error              // that of the first in order that failed
}

type outcome[R any] struct {
	result R
	err    error
}

// work is what each goroutine does: whatever is next. What is done makes room when it is taken, and
// so comes first.
func (l *line[R]) work(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.err == nil && l.taken < len(l.sizes) {
		if _, done := l.results[l.taken]; done && !l.taking {
			l.takeNext()
		} else if l.fits() {
			l.doNext(ctx)
		} else {
			l.changed.Wait()
		}
	}
}

// fits reports whether the next job can be begun.
func (l *line[R]) fits() bool {
	return !l.failed && l.begun < len(l.sizes) &&
		(l.begun == l.taken || l.held+l.sizes[l.begun] <= l.room)
}

func (l *line[R]) doNext(ctx context.Context) {
	job := l.begun
	l.begun++
	l.held += l.sizes[job]
	l.working = append(l.working, job)
	l.mu.Unlock()
	var o outcome[R]
	if o.err = ctx.Err(); o.err == nil {
		o.result, o.err = l.do(ctx, job, func() int { return l.share(job) })
	}
	l.mu.Lock()
	at, _ := slices.BinarySearch(l.working, job)
	l.working = slices.Delete(l.working, at, at+1)
	l.results[job] = o
	l.failed = l.failed || o.err != nil
	l.changed.Broadcast()
}

func (l *line[R]) takeNext() {
	job := l.taken
	o := l.results[job]
	delete(l.results, job)
	l.taking = true
	l.mu.Unlock()
	if o.err == nil {
		o.err = l.take(job, o.result)
	}
	l.mu.Lock()
	l.taking = false
	l.taken++
	l.held -= l.sizes[job]
	if l.err = o.err; l.err != nil {
		l.cancel()
	}
	l.changed.Broadcast()
}

// share is a job's part of the threads: what does not come out even goes to the jobs that were
// begun first.
func (l *line[R]) share(job int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	threads := l.threads
	if l.taking {
		threads--
	}
	at, _ := slices.BinarySearch(l.working, job)
	return max(1, (threads+len(l.working)-1-at)/len(l.working))
}
