package kmeans

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestErrorsSayWhatIsWrong(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	good := []float32{1, 2, 3, 4}
	for _, tt := range []struct {
		name    string
		points  []float32
		d       int
		weights []float32
		opts    Options
		want    string
	}{
		{"no points", nil, 1, nil, Options{K: 2}, "no points"},
		{"k of 0", good, 1, nil, Options{}, "0 centroids wanted: want 1 to 256"},
		{"k of 257", good, 1, nil, Options{K: 257}, "257 centroids wanted"},
		{"width 0", good, 0, nil, Options{K: 2}, "points of width 0"},
		{"a broken point", good, 3, nil, Options{K: 2},
			"4 values are no whole number of points of width 3"},
		{"too few weights", good, 2, good[:1], Options{K: 2}, "1 weights for 2 points"},
		{"no weights, but not nil", good, 2, []float32{}, Options{K: 2}, "0 weights for 2 points"},
		{"a negative weight", good, 2, []float32{1, -2}, Options{K: 2}, "weight 1: -2"},
		{"a NaN weight", good, 2, []float32{nan, 1}, Options{K: 2}, "weight 0: NaN"},
		{"an infinite weight", good, 2, []float32{1, -inf}, Options{K: 2}, "weight 1: +Inf"},
		{"NaN", []float32{1, 2, 3, nan}, 2, nil, Options{K: 2},
			"point 1, coordinate 1: NaN is not finite"},
		{"infinity", []float32{1, 2, inf, 4}, 2, nil, Options{K: 2},
			"point 1, coordinate 0: -Inf is not finite"},
		{"a negative limit", good, 2, nil, Options{K: 2, MaxIterations: -1}, "-1 iterations"},
		{"a NaN tolerance", good, 2, nil, Options{K: 2, Tolerance: math.NaN()}, "tolerance NaN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(context.Background(), tt.points, tt.d, tt.weights, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name      string
		a         int
		d         int
		centroids []float32
		want      string
	}{
		{"too few assignments", 1, 2, good, "1 assignments for 2 points"},
		{"no centroids", 2, 2, nil, "0 values are no 1 to 256 centroids"},
		{"a broken centroid", 2, 2, good[:3], "3 values are no 1 to 256 centroids of width 2"},
		{"too many centroids", 4, 1, make([]float32, 257), "257 values are no 1 to 256 centroids"},
		{"a centroid with NaN", 2, 2, []float32{1, 1, nan, 1},
			"centroid 1, coordinate 0: NaN is not finite"},
		{"width 0", 2, 0, good, "points of width 0"},
	} {
		t.Run("Assign: "+tt.name, func(t *testing.T) {
			_, err := Assign(context.Background(), make([]byte, tt.a), good, tt.d, nil,
				tt.centroids, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestACancelledContextEndsTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, d := range []int{1, 2} {
		points := draw(t, "normal", 100_000*d, 1)
		if _, err := Run(ctx, points, d, nil, Options{K: 256}); !errors.Is(err, context.Canceled) {
			t.Errorf("Run, d = %d: %v", d, err)
		}
		if _, err := Refine(ctx, points, d, nil, points[:16*d], Options{}); !errors.Is(err,
			context.Canceled) {
			t.Errorf("Refine, d = %d: %v", d, err)
		}
		if _, err := Assign(ctx, make([]byte, 100_000), points, d, nil, points[:16*d],
			Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Assign, d = %d: %v", d, err)
		}
	}
}

func TestADeadlineEndsTheWorkInBetween(t *testing.T) {
	for _, d := range []int{1, 2, 200} {
		points := draw(t, "normal", 1_000_000, 1)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		start := time.Now()
		_, err := Run(ctx, points, d, nil, Options{K: 250, MaxIterations: 10_000,
			Tolerance: 1e-300})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("d = %d: %v", d, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("d = %d: it took %v to end", d, took)
		}
	}
}
