package par

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestInOrder: results are taken in order, one at a time; the jobs that are begun and not taken
// have no more than the room, nor are they more than the threads at work.
func TestInOrder(t *testing.T) { synctest.Test(t, testInOrder) }

func testInOrder(t *testing.T) {
	const room = 10
	sizes := []int64{3, 0, 4, 10, 1, 25, 1, 1, 0, 5, 5, 6, 2, 2, 2, 2, 2, 11, 9, 1}
	for _, threads := range []int{0, 1, 2, 3, 16} {
		var held, working, taking atomic.Int64
		var taken []int
		err := InOrder(t.Context(), threads, room, sizes,
			func(_ context.Context, job int, share Share) (int, error) {
				if held.Add(sizes[job]) > max(room, sizes[job]) {
					t.Errorf("%d threads: no room for job %d", threads, job)
				}
				n := int(working.Add(1))
				if n > max(threads, 1) || share() < 1 || share() > max(threads, 1) {
					t.Errorf("%d threads: %d jobs, job %d has %d", threads, n, job, share())
				}
				time.Sleep(time.Duration(job%3) * time.Nanosecond) // while others do what they can
				working.Add(-1)
				return job * job, nil
			},
			func(job, result int) error {
				if taking.Add(1) > 1 || result != job*job {
					t.Errorf("%d threads: job %d has result %d", threads, job, result)
				}
				taken = append(taken, job)
				taking.Add(-1)
				held.Add(-sizes[job])
				return nil
			})
		if err != nil || len(taken) != len(sizes) || !slices.IsSorted(taken) {
			t.Errorf("%d threads: %v taken, %v", threads, taken, err)
		}
	}
}

// TestInOrderAtTheSameTime: jobs that fit go on at the same time, while a result is taken too.
func TestInOrderAtTheSameTime(t *testing.T) {
	var met sync.WaitGroup // of job 2, job 3 and taking job 0
	met.Add(3)
	meet := func() {
		met.Done()
		met.Wait()
	}
	err := InOrder(t.Context(), 3, 4, []int64{1, 1, 1, 1},
		func(_ context.Context, job int, _ Share) (int, error) {
			if job >= 2 {
				meet()
			}
			return job, nil
		},
		func(job, _ int) error {
			if job == 0 {
				meet()
			}
			return nil
		})
	if err != nil {
		t.Error(err)
	}
}

// TestInOrderShares: jobs divide the threads among them.
func TestInOrderShares(t *testing.T) {
	begun, looked, left := make(chan bool), make(chan bool), make(chan int, 1)
	var shares [3]int
	err := InOrder(t.Context(), 5, 2, []int64{1, 1, 2},
		func(_ context.Context, job int, share Share) (int, error) {
			switch job {
			case 0:
				<-begun
				shares[0] = share()
				close(looked)
			case 1:
				close(begun)
				shares[1] = share()
				<-looked
			default:
				left <- share() // alone
			}
			return 0, nil
		},
		func(int, int) error { return nil })
	if want := [3]int{3, 2}; err != nil || shares != want {
		t.Errorf("shares %v, want %v; %v", shares, want, err)
	}
	if n := <-left; n != 5 {
		t.Errorf("a job that is alone has %d threads of 5", n)
	}
}

// TestInOrderFails: of two errors the first in order is returned, whichever came first. All before
// it has been taken and nothing behind it; what goes on there ends with its context, and no more is
// begun.
func TestInOrderFails(t *testing.T) {
	third, fourth := errors.New("third"), errors.New("fourth")
	failed, waits := make(chan bool), make(chan bool)
	var begun atomic.Int64
	var taken []int
	err := InOrder(t.Context(), 4, 6, slices.Repeat([]int64{1}, 50),
		func(ctx context.Context, job int, _ Share) (int, error) {
			begun.Add(1)
			switch job {
			case 3:
				<-failed
				return 0, third
			case 4:
				<-waits
				close(failed)
				return 0, fourth
			case 5:
				close(waits)
				<-ctx.Done()
			}
			return 0, nil
		},
		func(job, _ int) error {
			taken = append(taken, job)
			return nil
		})
	if !errors.Is(err, third) || !slices.Equal(taken, []int{0, 1, 2}) || begun.Load() > 3+6 {
		t.Errorf("error %v, %v taken, %d begun", err, taken, begun.Load())
	}
}

// TestInOrderStops: an error of what takes results ends it, and so does the context.
func TestInOrderStops(t *testing.T) {
	full := errors.New("full")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range []struct {
		name string
		take func() error
		want error
	}{
		{"an error of take", func() error { return full }, full},
		{"a cancelled context", func() error { cancel(); return nil }, context.Canceled},
	} {
		for _, threads := range []int{1, 3} {
			taken := 0
			err := InOrder(ctx, threads, 4, slices.Repeat([]int64{1}, 50),
				func(context.Context, int, Share) (int, error) { return 0, nil },
				func(job, _ int) (err error) {
					if taken++; job == 7 {
						err = c.take()
					}
					return err
				})
			// What was done before the context ended is taken.
			if !errors.Is(err, c.want) || taken > 8+4 {
				t.Errorf("%s, %d threads: %d taken, %v", c.name, threads, taken, err)
			}
		}
	}
}
