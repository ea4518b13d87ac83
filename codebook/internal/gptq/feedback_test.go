package gptq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/internal/samples"
	"github.com/palettize/palettize/codebook/moments"
	"github.com/palettize/palettize/internal/floats"
	"github.com/palettize/palettize/kernels"
)

func factor(t testing.TB, m *moments.Moments, threads int) *Factor {
	t.Helper()
	f, err := New(context.Background(), m, threads)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rounding quantises to multiples of step.
func rounding(step float32) func(int, []float32, []float32) error {
	return func(_ int, column, rebuilt []float32) error {
		for i, v := range column {
			rebuilt[i] = step * float32(math.RoundToEven(float64(v/step)))
		}
		return nil
	}
}

func feedback(t testing.TB, f *Factor, w []float32, threads int, set *kernels.Set,
	quantise func(int, []float32, []float32) error) []float32 {
	t.Helper()
	w = slices.Clone(w)
	if err := f.Feedback(context.Background(), w, len(w)/f.cols, threads, set,
		quantise); err != nil {
		t.Fatal(err)
	}
	return w
}

// damped is H + damping * mean * I in float64.
func damped(m *moments.Moments, damping float64) []float64 {
	cols := len(m.Squares)
	h := make([]float64, cols*cols)
	mean := 0.0
	for _, v := range m.Squares {
		mean += float64(v) / float64(cols)
	}
	for i, v := range m.Matrix {
		h[i] = float64(v)
		if i%(cols+1) == 0 {
			h[i] += damping * mean
		}
	}
	return h
}

// TestFactor multiplies out: transpose(U) * U * H is I.
func TestFactor(t *testing.T) {
	for _, cols := range []int{1, 2, 3, 7, 8, 9, 63, 64, 65, 72, 130, 200} {
		for _, own := range []float32{0, 0.1} {
			m := samples.Correlated(cols, own)
			f := factor(t, m, 2)
			if f.damping != dampings[0] {
				t.Errorf("%d columns: damping %v", cols, f.damping)
			}
			h, u := damped(m, f.damping), f.transposed
			for i := range h {
				h[i] = math.Ldexp(h[i], 2*f.exponent) // as u is divided
			}
			uh := make([]float64, cols*cols) // U * H
			for i := range cols {
				for k := i; k < cols; k++ {
					for j := range cols {
						uh[i*cols+j] += float64(u[k*cols+i]) * h[k*cols+j]
					}
				}
			}
			for i := range cols {
				for j := range cols {
					sum := 0.0
					for k := range i + 1 {
						sum += float64(u[i*cols+k]) * uh[k*cols+j]
					}
					if want := float64(b2i(i == j)); math.Abs(sum-want) > 1e-4 {
						t.Fatalf("%d columns, own part %v: [%d, %d] is %v, want %v", cols, own, i,
							j, sum, want)
					}
					if j > i && u[i*cols+j] != 0 {
						t.Fatalf("%d columns: U is not triangular", cols)
					}
				}
			}
			if d := f.Diagonal(); len(d) != cols ||
				float64(d[cols-1]) != math.Ldexp(float64(u[len(u)-1]), f.exponent) {
				t.Errorf("diagonal %v", d)
			}
			for _, threads := range []int{1, 3, 16} {
				if !slices.Equal(factor(t, m, threads).transposed, u) {
					t.Errorf("%d columns: other bits with %d threads", cols, threads)
				}
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestFeedbackMatchesReference compares with a plain walk in float64. The quantiser is smooth, so
// that rounding does not tip values over.
func TestFeedbackMatchesReference(t *testing.T) {
	shrink := func(j int, column, rebuilt []float32) error {
		for i, v := range column {
			rebuilt[i] = v * float32(j%5) / 5
		}
		return nil
	}
	for _, shape := range [][2]int{{1, 1}, {3, 2}, {17, 40}, {64, 128}, {65, 129}, {130, 300}} {
		rows, cols := shape[0], shape[1]
		f := factor(t, samples.Correlated(cols, 0.05), 1)
		w := samples.Uniform(3, rows*cols)
		want := make([]float64, len(w))
		for i, v := range w {
			want[i] = float64(v)
		}
		for j := range cols {
			for r := range rows {
				row := want[r*cols:][:cols]
				rebuilt := row[j] * float64(j%5) / 5
				off := (row[j] - rebuilt) / float64(f.Scale(j))
				row[j] = rebuilt
				for k := j + 1; k < cols; k++ {
					row[k] -= off * float64(f.transposed[k*f.cols+j])
				}
			}
		}
		for i, v := range feedback(t, f, w, 2, nil, shrink) {
			if math.Abs(float64(v)-want[i]) > 1e-4*(1+math.Abs(want[i])) {
				t.Fatalf("[%d, %d]: value %d is %v, want %v", rows, cols, i, v, want[i])
			}
		}
	}
}

// TestFeedbackSameBytesOnEveryTierAndThreadCount also pins the bytes, so that other CPUs have to
// agree.
func TestFeedbackSameBytesOnEveryTierAndThreadCount(t *testing.T) {
	const rows, cols = 70, 150
	m, w := samples.Correlated(cols, 0.05), samples.Uniform(4, rows*cols)
	want := feedback(t, factor(t, m, 1), w, 1, nil, rounding(0.1))
	for _, set := range samples.Sets() {
		for _, threads := range []int{1, 2, 7} {
			if !slices.Equal(feedback(t, factor(t, m, threads), w, threads, set, rounding(0.1)),
				want) {
				t.Errorf("%s: other bytes with %d threads", set.Tier("update"), threads)
			}
		}
	}
	sum := fnv.New64a()
	if err := binary.Write(sum, binary.LittleEndian, want); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sum.Sum64()); got != "db8c847f29b8507d" {
		t.Errorf("checksum %s", got)
	}
}

func TestFeedbackLowersOutputError(t *testing.T) {
	const rows, cols = 50, 200
	w := samples.Uniform(5, rows*cols)
	plain := make([]float32, len(w))
	if err := rounding(0.2)(0, w, plain); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ own, most float32 }{{0, 0.05}, {0.01, 0.25}, {0.1, 0.7}} {
		m := samples.Correlated(cols, c.own)
		with := samples.OutputNoise(m, w, feedback(t, factor(t, m, 2), w, 2, nil, rounding(0.2)))
		if without := samples.OutputNoise(m, w, plain); with > float64(c.most)*without {
			t.Errorf("own part %v: noise %.4g of %.4g without feedback, %.3f times, want at most %.3f",
				c.own, with, without, with/without, c.most)
		}
	}
}

// TestFeedbackWithoutCorrelation: what is left is the quantiser.
func TestFeedbackWithoutCorrelation(t *testing.T) {
	const rows, cols = 20, 140
	for name, square := range map[string]float32{"own scales": 1, "all inputs zero": 0} {
		h := make([]float32, cols*cols)
		for i := range cols {
			h[i*cols+i] = square * float32(i+1)
		}
		w := samples.Uniform(6, rows*cols)
		want := make([]float32, len(w))
		if err := rounding(0.1)(0, w, want); err != nil {
			t.Fatal(err)
		}
		if got := feedback(t, factor(t, samples.Moments(h, cols), 1), w, 1, nil,
			rounding(0.1)); !slices.Equal(got, want) {
			t.Errorf("%s: not what plain quantisation gives", name)
		}
	}
}

// TestFeedbackWithDeadInputs: columns whose input is always 0 take no part.
func TestFeedbackWithDeadInputs(t *testing.T) {
	const rows, cols = 5, 30
	m := samples.Correlated(cols, 0.1)
	for i := range cols {
		for _, dead := range []int{0, 13, cols - 1} {
			m.Matrix[i*cols+dead], m.Matrix[dead*cols+i], m.Squares[dead] = 0, 0, 0
		}
	}
	w := samples.Uniform(7, rows*cols)
	got := feedback(t, factor(t, m, 1), w, 1, nil, rounding(0.2))
	if i := floats.IndexNonfinite(got); i >= 0 {
		t.Fatalf("value %d is %v", i, got[i])
	}
	for r := range rows {
		for _, dead := range []int{0, 13, cols - 1} {
			if diff := math.Abs(float64(w[r*cols+dead] - got[r*cols+dead])); diff > 0.1001 {
				t.Errorf("dead column %d of row %d is %v off", dead, r, diff)
			}
		}
	}
}

func TestFeedbackStops(t *testing.T) {
	f, w := factor(t, samples.Correlated(10, 0.1), 1), make([]float32, 20)
	broken := errors.New("broken")
	calls := 0
	err := f.Feedback(context.Background(), w, 2, 1, nil, func(j int, _, _ []float32) error {
		calls++
		if j == 3 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || calls != 4 {
		t.Errorf("%v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Feedback(ctx, w, 2, 1, nil, rounding(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Feedback: %v", err)
	}
	if _, err := New(ctx, samples.Correlated(10, 0.1), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Factor: %v", err)
	}
}

func TestFactorNeedsMoreDamping(t *testing.T) {
	for _, c := range []struct {
		off  float32 // E[x_0 x_1], E[x^2] being 1
		want float64
	}{
		{0.999, 0.03}, {1.001, 0.03}, {1.04, 0.1}, {1.2, 1}, {1.9, 0},
	} {
		f, err := New(context.Background(), samples.Moments([]float32{1, c.off, c.off, 1}, 2), 1)
		switch {
		case c.want == 0 && (err == nil ||
			!strings.Contains(err.Error(), "not positive definite with 1 times")):
			t.Errorf("%v: %v", c.off, err)
		case c.want != 0 && (err != nil || f.damping != c.want):
			t.Errorf("%v: %+v, %v; want damping %v", c.off, f, err, c.want)
		}
	}
	if _, err := New(context.Background(), samples.Moments([]float32{1, 1}, 2), 1); err == nil ||
		!strings.Contains(err.Error(), "only the squares") {
		t.Errorf("squares only: %v", err)
	}
}

func BenchmarkFactor(b *testing.B) {
	for _, cols := range []int{384, 1536} {
		m := samples.Correlated(cols, 0.1)
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("cols=%d/threads=%d", cols, threads), func(b *testing.B) {
				for b.Loop() {
					factor(b, m, threads)
				}
				b.ReportMetric(float64(cols*cols*cols)/3*float64(b.N)/b.Elapsed().Seconds()/1e9,
					"Gterm/s")
			})
		}
	}
}

func BenchmarkFeedback(b *testing.B) {
	for _, cols := range []int{384, 1536} {
		const rows = 384
		f, w := factor(b, samples.Correlated(cols, 0.1), 2), samples.Uniform(1, rows*cols)
		for _, set := range []string{"", "avx2", "scalar"} {
			kernel, err := kernels.Best()
			if set != "" {
				kernel, err = kernels.Limited(set)
			}
			if err != nil {
				b.Skip(err)
			}
			b.Run(fmt.Sprintf("cols=%d/tier=%s", cols, kernel.Tier("update")), func(b *testing.B) {
				for b.Loop() {
					if err := f.Feedback(context.Background(), w, rows, 1, kernel,
						func(_ int, column, rebuilt []float32) error {
							copy(rebuilt, column)
							return nil
						}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows*cols),
					"ns/weight")
			})
		}
	}
}
