package compress

import (
	"errors"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// TestGoalError asks for what cannot be, and then for what the error says can be.
func TestGoalError(t *testing.T) {
	long(t)
	narrow := func() *memory.Model { // what stands beside the levels takes most of it
		src := new(memory.Model)
		src.Add("a", "F32", samples.Gaussian(1, 40*40), 40, 40)
		src.Add("b", "F32", samples.Gaussian(2, 40*40), 40, 40)
		return src
	}
	const more = 1.001 // asked again for that much more
	tests := []struct {
		name   string
		src    func() *memory.Model
		opts   Options
		text   string
		tensor string
		again  func(o *Options, e *GoalError)
	}{
		{"bits of all together", narrow, Options{Settings: Settings{Bits: 0.5}},
			"0.5 bits a weight cannot be met: what comes nearest takes ", "",
			func(o *Options, e *GoalError) { o.Bits = e.NearestBits * more }},
		{"bits for memory", twoMatrices, Options{Settings: Settings{Bits: 0.5, For: ForMemory}},
			"0.5 bits a weight cannot be met: what comes nearest takes 1.", "",
			func(o *Options, e *GoalError) { o.Bits = e.NearestBits * more }},
		{"an error for memory", twoMatrices,
			Options{Settings: Settings{MaxError: 0.001, For: ForMemory}},
			"an error of 0.001 cannot be met: what comes nearest takes 5", "",
			func(o *Options, e *GoalError) { o.MaxError = e.NearestError * more }},
		{"an error of each for memory", twoMatrices,
			Options{Settings: Settings{MaxError: 0.001, Each: true, For: ForMemory}},
			`tensor "wide": an error of 0.001 cannot be met: what comes nearest takes 5`, "wide",
			func(o *Options, e *GoalError) { o.MaxError = e.NearestError * 1.03 }}, // the other's
		{"a size below the rest", unevenModel, Options{Size: 1000},
			"a file of 1000 bytes cannot be: what is not to be compressed takes 0, " +
				"the matrices 42176 or more", "",
			func(o *Options, e *GoalError) { o.Size = e.NearestSize }},
		{"a size below what a pool takes", narrow, Options{Size: 205},
			"a file of 205 bytes cannot be: what is not to be compressed takes 0, ", "",
			func(o *Options, e *GoalError) { o.Size = e.NearestSize + e.NearestSize/1000 + 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compress(t.Context(), new(memory.Model), tt.src(), tt.opts)
			goal, ok := errors.AsType[*GoalError](err)
			if !ok || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v, want a GoalError: %s", err, tt.text)
			}
			named, ok := errors.AsType[*codebook.TensorError](err)
			if ok != (tt.tensor != "") || ok && named.Tensor != tt.tensor {
				t.Errorf("about tensor %+v, want %q", named, tt.tensor)
			}
			if goal.Bits != tt.opts.Bits || goal.Size != tt.opts.Size ||
				goal.MaxError-tt.opts.MaxError > 1e-9 {
				t.Errorf("%+v: asked for %+v", goal, tt.opts.Settings)
			}
			tt.again(&tt.opts, goal)
			if _, err := Compress(t.Context(), new(memory.Model), tt.src(), tt.opts); err != nil {
				t.Errorf("what comes nearest cannot be met either: %v", err)
			}
		})
	}
}

// TestGoalErrorOfEach: where each matrix has the goal of its own, the error names one that misses
// it.
func TestGoalErrorOfEach(t *testing.T) {
	c, err := newCompression(t.Context(), new(memory.Model), twoMatrices(), Options{})
	if err == nil {
		err = walk(t.Context(), c, c.sketch, c.join)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = equally(t.Context(), c.members, quant.Goal{Noise: 1e-9}, 1)
	named, ok := errors.AsType[*codebook.TensorError](err)
	if goal, is := errors.AsType[*GoalError](err); !ok || !is || goal.NearestError == 0 {
		t.Fatalf("got %v, want a GoalError about a tensor", err)
	}
	if named.Tensor != c.members[0].Tensor {
		t.Errorf("about tensor %q, want %q", named.Tensor, c.members[0].Tensor)
	}
}
