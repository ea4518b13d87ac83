package compress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/par"
)

// orderedSink notes the order in which tensors are put, and stops the run at one of them.
type orderedSink struct {
	memory.Model
	put  []string
	stop string
}

var errStopped = errors.New("stopped")

func (s *orderedSink) next(name string, err error) error {
	if s.put = append(s.put, name); name == s.stop {
		return errStopped
	}
	return err
}

func (s *orderedSink) PutLayer(ctx context.Context, t codebook.Tensor, l *codebook.Layer,
	d codebook.Distortion) (int64, error) {
	n, err := s.Model.PutLayer(ctx, t, l, d)
	return n, s.next(t.Name, err)
}

func (s *orderedSink) PutTensor(ctx context.Context, t codebook.Tensor) error {
	return s.next(t.Name, s.Model.PutTensor(ctx, t))
}

func (s *orderedSink) PutHalf(ctx context.Context, t codebook.Tensor) error {
	return s.next(t.Name, s.Model.PutHalf(ctx, t))
}

// manyTensors is a model of 20 tensors, large and small ones in turn, so that some overtake others.
func manyTensors() (src *memory.Model, names []string) {
	src = new(memory.Model)
	for i := range 10 {
		rows := 32 + i*7%10*48
		src.Add(fmt.Sprintf("layer.%d.weight", i), "F32", samples.Gaussian(uint64(i+1), rows*96),
			rows, 96)
		src.Add(fmt.Sprintf("layer.%d.bias", i), "F32", samples.Gaussian(uint64(i+100), rows), rows)
	}
	for _, t := range src.All {
		names = append(names, t.Name)
	}
	return src, names
}

// TestCompressKeepsTheOrder: whatever is done first, tensors are put, reported and told of in the
// order of the file.
func TestCompressKeepsTheOrder(t *testing.T) {
	src, names := manyTensors()
	for _, threads := range []int{1, 2, 5} {
		dst := new(orderedSink)
		var told []string
		last := codebook.Progress{}
		report, err := Compress(t.Context(), dst, src, Options{Threads: threads,
			Progress: func(p codebook.Progress) {
				if p.Done < last.Done || p.Total != 2*sumBytes(src) {
					t.Errorf("%d threads: %+v after %+v", threads, p, last)
				}
				last = p
				told = append(told, p.Tensor)
			}})
		if err != nil {
			t.Fatal(err)
		}
		var reported []string
		for _, e := range report.Entries {
			reported = append(reported, e.Tensor.Name)
		}
		if !slices.Equal(dst.put, names) || !slices.Equal(reported, names) {
			t.Errorf("%d threads: put %v, reported %v", threads, dst.put, reported)
		}
		if want := slices.Concat(names, names, []string{""}); !slices.Equal(told, want) ||
			last.Done != last.Total {
			t.Errorf("%d threads: told of %v, at last %+v", threads, told, last)
		}
	}
}

func sumBytes(m *memory.Model) (sum int64) {
	for _, t := range m.All {
		sum += t.Bytes
	}
	return sum
}

// TestCompressFailsInTheMiddle: the error is about the first tensor that has one, and nothing
// behind it is put.
func TestCompressFailsInTheMiddle(t *testing.T) {
	src, names := manyTensors()
	allocation, err := Allocate(t.Context(), new(memory.Model), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2, 5} {
		opts := Options{Threads: threads, Allocation: allocation}
		dst := &orderedSink{stop: names[6]}
		_, err := Compress(t.Context(), dst, src, opts)
		about, ok := errors.AsType[*codebook.TensorError](err)
		if !errors.Is(err, errStopped) || !ok || about.Tensor != names[6] || len(dst.put) != 7 {
			t.Errorf("%d threads, stopped at %s: %v, put %v", threads, names[6], err, dst.put)
		}
		bad, _ := manyTensors()
		bad.Values[names[8]][5], bad.Values[names[12]][0] = float32(math.Inf(1)), float32(math.NaN())
		dst = new(orderedSink)
		_, err = Compress(t.Context(), dst, bad, opts)
		about, ok = errors.AsType[*codebook.TensorError](err)
		if !ok || about.Tensor != names[8] || len(dst.put) != 8 {
			t.Errorf("%d threads, two that are not finite: %v, put %v", threads, err, dst.put)
		}
	}
}

// TestCompressIsCancelled in the middle of each walk: what has been done by then may be told of,
// but nothing more is put.
func TestCompressIsCancelled(t *testing.T) {
	src, names := manyTensors()
	for _, c := range []struct{ stop, told, put int }{
		{5, len(names), 0}, {len(names) + 5, len(names) + 5, 5},
	} {
		for _, threads := range []int{1, 3} {
			ctx, cancel := context.WithCancel(t.Context())
			told := 0
			dst := new(orderedSink)
			_, err := Compress(ctx, dst, src, Options{Threads: threads,
				Progress: func(codebook.Progress) {
					if told++; told == c.stop {
						cancel()
					}
				}})
			cancel()
			if !errors.Is(err, context.Canceled) || told > c.told || len(dst.put) > c.put {
				t.Errorf("%d threads: told %d times, put %v, error %v", threads, told, dst.put, err)
			}
		}
	}
}

// TestWalkHoldsNoMoreThanTheLargest: the weights that are worked on at the same time are bounded by
// the largest matrix; what is not read takes no room, and moments take some.
func TestWalkHoldsNoMoreThanTheLargest(t *testing.T) {
	synctest.Test(t, testWalkHoldsNoMoreThanTheLargest)
}

func testWalkHoldsNoMoreThanTheLargest(t *testing.T) {
	src := new(memory.Model) // walk reads no values
	add := func(name string, shape ...int) {
		src.All = append(src.All, codebook.Tensor{Name: name, DType: "F32", Shape: shape})
	}
	add("table", 8192, 1024)
	for i := range 12 {
		add(fmt.Sprintf("%d.weight", i), 1024, 1024)
		add(fmt.Sprintf("%d.ids", i), 1<<30)
	}
	for _, c := range []struct {
		moments bool
		room    int64
	}{{false, 8 << 20}, {true, 10 << 20}} {
		opts := Options{Threads: 20}
		if c.moments {
			opts.Moments = func(context.Context, string, int) (*moments.Moments, error) {
				return nil, nil
			}
		}
		run, err := newCompression(t.Context(), new(memory.Model), src, opts)
		if err != nil {
			t.Fatal(err)
		}
		var held, most atomic.Int64
		err = walk(t.Context(), run,
			func(_ context.Context, t codebook.Tensor, _ par.Share) (int64, error) {
				n := int64(0)
				if _, cols, ok := t.Matrix(); ok && len(t.Shape) > 1 {
					if n = t.Elements(); c.moments {
						n += 2 * int64(cols*cols)
					}
				}
				now := held.Add(n)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				time.Sleep(1 * time.Microsecond) // until all have begun that can
				return n, nil
			},
			func(_ context.Context, n int64) error {
				held.Add(-n)
				return nil
			})
		if err != nil || most.Load() != c.room {
			t.Errorf("moments %v: %d weights at the same time, room for %d; %v", c.moments,
				most.Load(), c.room, err)
		}
	}
}
