package par

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
)

// TestRanges: each number is in one part, with any number of threads.
func TestRanges(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100} {
		for _, threads := range []int{0, 1, 2, 3, 200} {
			times := make([]int32, n)
			Ranges(threads, n, func(lo, hi int) {
				if lo >= hi {
					t.Errorf("%d of %d threads: [%d, %d)", n, threads, lo, hi)
				}
				for i := lo; i < hi; i++ {
					atomic.AddInt32(&times[i], 1)
				}
			})
			if slices.ContainsFunc(times, func(n int32) bool { return n != 1 }) {
				t.Errorf("%d with %d threads: %v times", n, threads, times)
			}
		}
	}
}

func TestPortionBeyondInt32(t *testing.T) {
	if got := Portion(math.MaxInt32, 3, 4); got != 1610612735 {
		t.Errorf("got %d", got)
	}
}

func TestThreads(t *testing.T) {
	if Threads(3) != 3 || Threads(0) < 1 || Threads(-1) < 1 {
		t.Errorf("%d %d %d", Threads(3), Threads(0), Threads(-1))
	}
}

func TestEachJoinsErrors(t *testing.T) {
	third, fifth := errors.New("third"), errors.New("fifth")
	err := Each(2, 8, func(i int) error { return map[int]error{3: third, 5: fifth}[i] })
	if !errors.Is(err, third) || !errors.Is(err, fifth) {
		t.Errorf("got %v", err)
	}
	if err := Each(2, 8, func(int) error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestTasks: each is done once, by workers that are numbered, until the context ends.
func TestTasks(t *testing.T) {
	times := make([]int32, 50)
	err := Tasks(t.Context(), 3, len(times), func(worker, task int) {
		if worker < 0 || worker >= 3 {
			t.Errorf("worker %d", worker)
		}
		atomic.AddInt32(&times[task], 1)
	})
	if err != nil || slices.ContainsFunc(times, func(n int32) bool { return n != 1 }) {
		t.Errorf("%v times, %v", times, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	err = Tasks(ctx, 1, 100, func(_, task int) {
		if done++; task == 4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || done != 5 {
		t.Errorf("%d tasks, %v", done, err)
	}
}
