package codebook

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Usage says what a model has multiplied with one of its matrices, in one way.
type Usage struct {
	Tensor     string
	Layer      bool   // false: a tensor that is no layer, multiplied as it is
	Plan, Tier string // see [Plan.Name] and [Plan.Tier]
	Calls      int64  // that returned, errors included
	Vectors    int64  // in all calls
	Time       time.Duration
}

// uses counts what has been multiplied with a matrix by one of its plans.
type uses struct{ calls, vectors, nanoseconds atomic.Int64 }

func (u *uses) add(vectors int, time time.Duration) {
	u.calls.Add(1)
	u.vectors.Add(int64(vectors))
	u.nanoseconds.Add(int64(time))
}

// Usage lists what MatMul and Linear have done since the model was made, by name, then by plan: so
// it says which matrices ran as layers, and which as dense ones. To count takes 0.1 microseconds a
// call.
func (m *Model) Usage() []Usage {
	var all []Usage
	for name, x := range m.matrices {
		for i := range x.uses {
			p, u := x.plans[i].Load(), &x.uses[i]
			if p == nil || u.calls.Load() == 0 {
				continue
			}
			use := Usage{name, x.layer, p.Name(), p.Tier(), u.calls.Load(), u.vectors.Load(),
				time.Duration(u.nanoseconds.Load())}
			if n := len(all) - 1; n >= 0 && all[n].Tensor == name && all[n].Plan == use.Plan {
				all[n].Calls += use.Calls
				all[n].Vectors += use.Vectors
				all[n].Time += use.Time
				continue
			}
			all = append(all, use)
		}
	}
	slices.SortStableFunc(all, func(a, b Usage) int { return strings.Compare(a.Tensor, b.Tensor) })
	return all
}
