package codebook

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/palettize/palettize/codebook/internal/samples"
)

// TestPlanChoice holds the cost model against a sweep over layers that do not fit the second-level
// cache: no plan may be much faster than the chosen one. It compares times of one run with each
// other, best of many calls, and asks for PALETTIZE_TIMES because a machine that does other work at
// the same time can spoil even that.
func TestPlanChoice(t *testing.T) {
	if os.Getenv("PALETTIZE_TIMES") == "" {
		t.Skip("set PALETTIZE_TIMES=1 on a quiet machine")
	}
	for _, set := range samples.Sets() {
		if set.Tier("mul-u8") == "scalar" && set.Tier("table") == "scalar" {
			continue // for correctness, not for speed
		}
		for _, shape := range [][2]int{{1536, 384}, {384, 1536}, {3072, 1024}} {
			for _, s := range layerKinds(shape[0], shape[1]) {
				l := s.layer(rand.New(rand.NewPCG(7, 7)))
				for _, batch := range []int{1, 8, 64} {
					name := fmt.Sprintf("%s/%v/d=%d/k=%d/group=%d/window=%d/batch=%d",
						set.Tier("mul-u8"), shape, s.width, s.k, s.group, s.window, batch)
					checkChoice(t, name, l, RunOptions{Kernels: set, Batch: batch})
				}
			}
		}
	}
}

func checkChoice(t *testing.T, name string, l *Layer, opts RunOptions) {
	t.Helper()
	chosen, err := l.Plan(opts)
	if err != nil {
		t.Fatal(err)
	}
	x := integers(rand.New(rand.NewPCG(8, 8)), opts.Batch, l.Cols)
	y, others := make([]float32, opts.Batch*l.Rows), make([]float32, 1<<20)
	limit := 1.6
	if l.WindowBits != 0 {
		limit = 2 // what counts is the time with data from memory, which this is not
	}
	for _, row := range plans {
		if !row.fits(l) || row.name == chosen.Name() {
			continue
		}
		opts.Plan = row.name
		other, err := l.Plan(opts)
		if err != nil {
			t.Fatal(err)
		}
		// In turns, so that whatever slows the machine down hits both; over again if it hit one
		// alone.
		mine, its := time.Hour, time.Hour
		slower := func() bool { return float64(mine) > limit*float64(its) }
		for attempt := 0; attempt == 0 || attempt < 3 && slower(); attempt++ {
			for begin := time.Now(); time.Since(begin) < 20*time.Millisecond; {
				mine = min(mine, timeOf(t, chosen, y, x, others, opts.Batch))
				its = min(its, timeOf(t, other, y, x, others, opts.Batch))
			}
		}
		if float64(mine) > limit*float64(its) {
			t.Errorf("%s: %s takes %v, %s %v", name, chosen.Name(), mine, row.name, its)
		}
	}
}

// timeOf times a call whose data is in the third-level cache, as the costs have it: after two calls
// that bring it there others take its place in the second.
func timeOf(t *testing.T, p *Plan, y, x, others []float32, n int) time.Duration {
	t.Helper()
	for range 2 {
		if err := p.MulMat(y, x, n); err != nil {
			t.Fatal(err)
		}
	}
	clear(others)
	start := time.Now()
	if err := p.MulMat(y, x, n); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
