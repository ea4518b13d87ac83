package codebook

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// marks is an engine that marks which units of work are done. Its other methods are not called.
type marks struct {
	engine
	done  []int
	takes func(lo int) time.Duration
}

func (m *marks) part(_ *Plan, _ *workspace, lo, hi int) {
	if d := m.takes(lo); d > 0 {
		time.Sleep(d)
	}
	for i := lo; i < hi; i++ {
		m.done[i]++
	}
}

func none(int) time.Duration { return 0 }

// TestSplit: each unit of work is done once before split returns, whether helpers wait or sleep or
// there are too few of them, and whether the caller has to sleep.
func TestSplit(t *testing.T) {
	const units, calls = 11, 20
	const long = 3 * patience
	first := func(lo int) time.Duration { return time.Duration(1-min(lo, 1)) * long }
	others := func(lo int) time.Duration { return time.Duration(min(lo, 1)) * long }
	for _, c := range []struct {
		name    string
		callers int
		between time.Duration
		takes   func(lo int) time.Duration
	}{
		{"at once", 1, 0, none},
		{"helpers sleep", 1, long, none},
		{"caller sleeps", 1, 0, others},
		{"helpers finish first", 1, 0, first},
		{"many callers", 8, 0, none},
		{"many callers, now and then", 8, long, none},
	} {
		for _, threads := range []int{2, 3, 7, 20} {
			t.Run(fmt.Sprintf("%s/%d", c.name, threads), func(t *testing.T) {
				var callers sync.WaitGroup
				for range c.callers {
					callers.Go(func() {
						m := &marks{done: make([]int, units), takes: c.takes}
						p := &Plan{engine: m, threads: threads}
						ws := workspaces.Get().(*workspace)
						defer workspaces.Put(ws)
						for call := range calls {
							time.Sleep(c.between)
							p.split(ws, units)
							for i, n := range m.done {
								if n != call+1 {
									t.Errorf("call %d: unit %d was done %d times", call, i, n)
								}
							}
						}
					})
				}
				callers.Wait()
			})
		}
	}
}

// BenchmarkSplit is what it takes to have one more thread do a part, where it has just done
// another.
func BenchmarkSplit(b *testing.B) {
	p := &Plan{engine: &marks{done: make([]int, 2), takes: none}, threads: 2}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	for b.Loop() {
		p.split(ws, 2)
	}
}
