package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkGroupSums holds one tier against scalar. Behind the sums there is room in which nothing may
// be written, except where they end at a guard page.
func checkGroupSums(t *testing.T, fn groupSumsFunc, rng *rand.Rand, p place, values []int8,
	group int) {
	t.Helper()
	q := alloc[int8](t, p, rng, len(values))
	copy(q, values)
	groups := ceilDiv(len(q), group)
	if p == offset {
		groups += 8
	}
	sums, squares := alloc[int32](t, p, rng, groups), alloc[int32](t, p, rng, groups)
	for i := range sums {
		sums[i], squares[i] = -99, -99
	}
	wantSums, wantSquares := slices.Clone(sums), slices.Clone(squares)
	groupSumsScalar(wantSums, wantSquares, q, group)
	fn(sums, squares, q, group)
	if !slices.Equal(sums, wantSums) || !slices.Equal(squares, wantSquares) {
		t.Fatalf("%d values in groups of %d, %v: sums %v and squares %v, want %v and %v", len(q),
			group, p, sums, squares, wantSums, wantSquares)
	}
}

func TestGroupSums(t *testing.T) {
	forEachTier(t, "group-sums", groupSumsTiers, func(t *testing.T, fn groupSumsFunc) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, n := range lengths(32)[1:] {
			for _, value := range []func() int8{
				func() int8 { return int8(rng.Uint32()) },
				func() int8 { return -128 },
				func() int8 { return 127 },
			} {
				q := make([]int8, n)
				for i := range q {
					q[i] = value()
				}
				for _, group := range []int{1, 2, 3, 8, 15, 16, 31, 32, 33, 64, 100, 255, 256} {
					checkGroupSums(t, fn, rng, place(rng.IntN(int(places))), q, group)
				}
			}
		}
	})
}

func TestGroupSumsScalar(t *testing.T) {
	sums, squares := make([]int32, 2), make([]int32, 2)
	groupSumsScalar(sums, squares, []int8{1, -2, 3, -128}, 3)
	if !slices.Equal(sums, []int32{2, -128}) || !slices.Equal(squares, []int32{14, 128 * 128}) {
		t.Errorf("sums %v, squares %v", sums, squares)
	}
}

func TestGroupSumsPanics(t *testing.T) {
	three, one := make([]int32, 3), make([]int32, 1)
	for name, f := range map[string]func(){
		"few sums":        func() { best.GroupSums(one, three, make([]int8, 9), 4) },
		"few squares":     func() { best.GroupSums(three, one, make([]int8, 9), 4) },
		"groups of none":  func() { best.GroupSums(three, three, make([]int8, 9), 0) },
		"groups too long": func() { best.GroupSums(three, three, make([]int8, 9), Block+1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	best.GroupSums(nil, nil, nil, 4)
}

func FuzzGroupSums(f *testing.F) {
	f.Add(byte(63), []byte("\x00\x00\xfe\x42\x80\x7f"))
	f.Add(byte(255), make([]byte, 300))
	f.Add(byte(2), make([]byte, 31))
	f.Fuzz(func(t *testing.T, group byte, data []byte) {
		q := make([]int8, len(data))
		for i, v := range data {
			q[i] = int8(v)
		}
		if len(q) == 0 {
			return
		}
		for _, tr := range groupSumsTiers {
			if tr.need&^host == 0 {
				rng := rand.New(rand.NewPCG(1, 1))
				checkGroupSums(t, tr.fn, rng, offset, q, int(group)+1)
			}
		}
	})
}

func BenchmarkGroupSums(b *testing.B) {
	for _, s := range []struct{ n, group int }{{384, 16}, {384, 256}, {1536, 256}} {
		q, sums := make([]int8, s.n), make([]int32, ceilDiv(s.n, s.group))
		squares := make([]int32, len(sums))
		benchEachTier(b, groupSumsTiers, fmt.Sprintf("n=%d/group=%d", s.n, s.group),
			func(b *testing.B, fn groupSumsFunc) {
				b.SetBytes(int64(s.n))
				for b.Loop() {
					fn(sums, squares, q, s.group)
				}
			})
	}
}
