package moments

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestMomentsThatCannotBe(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		values []float32
		cols   int
		want   string
	}{
		{"too many values", []float32{1, 2, 3}, 2, "3 values, expected 2 or 2 x 2"},
		{"no values", nil, 2, "0 values"},
		{"NaN", []float32{1, nan}, 2, "value 1 is NaN"},
		{"infinity", []float32{1, 0, 0, inf}, 2, "value 3 is +Inf"},
		{"negative square", []float32{1, -1}, 2, "column 1 is -1, below 0"},
		{"negative on the diagonal", []float32{-2, 0, 0, 1}, 2, "column 0 is -2, below 0"},
		{"asymmetric", []float32{1, 0.5, 0.4, 1}, 2, "not symmetric: [1, 0] is 0.4, [0, 1] is 0.5"},
		{"asymmetric beside a dead input", []float32{1, 0, 1e-9, 0}, 2, "not symmetric"},
	} {
		if _, err := New(c.values, c.cols); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	m, err := New([]float32{1, 0.50001, 0.5, 1}, 2)
	if err != nil || !slices.Equal(m.Squares, []float32{1, 1}) {
		t.Errorf("squares %v, %v", m, err)
	}
	if m, err := New([]float32{3}, 1); err != nil || m.Squares[0] != 3 {
		t.Errorf("one column: %v, %v", m, err)
	}
}

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		m    Moments
		want string
	}{
		{Moments{}, ""},
		{Moments{Lookups: []float32{0, 3}, Sensitivity: 0.5}, ""},
		{Moments{Lookups: []float32{1}}, "lookups of 1 rows, expected 2"},
		{Moments{Lookups: []float32{1, -1}}, "-1 lookups of row 1"},
		{Moments{Lookups: []float32{nan, 0}}, "NaN lookups of row 0"},
		{Moments{Lookups: []float32{0, inf}}, "+Inf lookups of row 1"},
		{Moments{Sensitivity: -2}, "a sensitivity of -2"},
		{Moments{Sensitivity: math.NaN()}, "a sensitivity of NaN"},
	} {
		if err := c.m.Check(2); c.want == "" && err != nil ||
			c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%+v: %v, want %q", c.m, err, c.want)
		}
	}
}
