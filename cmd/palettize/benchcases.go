package main

import (
	_ "embed"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/kernels"
)

//go:embed shapes.txt
var shapesText string

// namedShape is that of a layer of a real model.
type namedShape struct {
	name       string
	rows, cols int
}

// parseShapes reads lines of a name, rows and columns; what follows a # is a comment.
func parseShapes(text string) ([]namedShape, error) {
	var shapes []namedShape
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var s namedShape
		if n, err := fmt.Sscanf(line, "%s %d %d", &s.name, &s.rows, &s.cols); n != 3 {
			return nil, fmt.Errorf("shapes.txt: %q: %v", line, err)
		}
		shapes = append(shapes, s)
	}
	return shapes, nil
}

// benchCase is something to measure against dense multiplication with a matrix [rows, cols].
type benchCase struct {
	name                       string // as in the Go benchmark format
	set                        *kernels.Set
	rows, cols, batch, threads int
	cold                       bool
	// content makes what is multiplied; layOut makes a copy of it. It waits until it is known
	// that the case is wanted.
	content func() (layOut func() (form, error))
}

var benchBatches = []int{1, 8, 128}

// benchCases lists the layers of a codebook file or, without one, kernels and layers with random
// content of each shape.
func benchCases(set *kernels.Set, layers []storedLayer) ([]*benchCase, error) {
	var cases []*benchCase
	if layers != nil {
		for _, l := range layers {
			itself := func() *codebook.Layer { return l.Layer }
			of, err := layerCases(set, benchName(l.name), l.Layer, itself)
			if err != nil {
				return nil, err
			}
			cases = append(cases, of...)
		}
		return cases, nil
	}
	shapes, err := parseShapes(shapesText)
	if err != nil {
		return nil, err
	}
	for _, shape := range shapes {
		of, err := kernelCases(set, shape)
		if err != nil {
			return nil, err
		}
		cases = append(cases, of...)
		for _, scheme := range benchSchemes(shape.cols) {
			// The plan follows from the shapes alone.
			hollow := &codebook.Layer{
				Rows: shape.rows, Cols: shape.cols,
				Width: scheme.Width, Group: scheme.Group, WindowBits: scheme.WindowBits,
				Centroids: make([]byte, scheme.K*scheme.Width), Stream: noStream(scheme),
			}
			full := func() *codebook.Layer { return randomLayer(shape.rows, shape.cols, scheme) }
			of, err := layerCases(set, shape.name, hollow, full)
			if err != nil {
				return nil, err
			}
			cases = append(cases, of...)
		}
	}
	return cases, nil
}

// benchSchemes has every plan among its layers.
func benchSchemes(cols int) []codebook.Scheme {
	return []codebook.Scheme{
		{Name: "rows", Width: cols, K: 256},
		{Name: "segments", Width: 8, K: 256},
		{Name: "segments", Width: 4, K: 256},
		{Name: "segments", Width: 2, K: 256},
		{Name: "scalar", Width: 1, K: 256},
		{Name: "scalar", Width: 1, K: 16},
		{Name: "scalar", Width: 1, K: 16, Group: 16},
		{Name: "trellis", Width: 1, K: 256, WindowBits: 4},
	}
}

// noStream is what a layer of a scheme that is stored as a stream has here, where nothing is
// stored.
func noStream(s codebook.Scheme) []byte {
	if s.Name != "trellis" {
		return nil
	}
	return []byte{}
}

// benchName is a tensor's name without what means something in the Go benchmark format.
func benchName(name string) string {
	return printable(strings.NewReplacer(" ", "_", "/", "_", "=", "_").Replace(name))
}

// layerCaseName is how the names of a layer's benchmarks begin.
func layerCaseName(name string, l *codebook.Layer) string {
	name = fmt.Sprintf("BenchmarkLayer/layer=%s/scheme=%s/d=%d", name, l.Scheme().Name, l.Width)
	if l.Stream == nil { // else the number of centroids is an outcome, and another time another
		name += fmt.Sprintf("/k=%d", l.K())
	}
	if l.Group != 0 {
		name += fmt.Sprintf("/g=%d", l.Group)
	}
	if l.WindowBits != 0 {
		name += fmt.Sprintf("/window=%d", l.WindowBits)
	}
	return name
}

// layerCases lists the ways to multiply a layer: batches, caches and threads. The layer itself, of
// which l has the shapes, comes from get.
func layerCases(set *kernels.Set, name string, l *codebook.Layer, get func() *codebook.Layer) (
	[]*benchCase, error) {
	name = layerCaseName(name, l)
	threads := []int{1}
	if all := runtime.GOMAXPROCS(0); all > 1 {
		threads = append(threads, all)
	}
	var cases []*benchCase
	for _, batch := range benchBatches {
		plan, tier, _ := l.Fastest(batch, set.Tier)
		for _, cache := range []string{"hot", "cold"} {
			for _, threads := range threads {
				c := &benchCase{
					name: fmt.Sprintf(
						"%s/rows=%d/cols=%d/batch=%d/cache=%s/plan=%s/tier=%s/threads=%d",
						name, l.Rows, l.Cols, batch, cache, plan, tier, threads),
					set: set, rows: l.Rows, cols: l.Cols, batch: batch,
					threads: threads, cold: cache == "cold",
				}
				c.content = func() func() (form, error) {
					l := get()
					return c.forms(func() multiplier { return l })
				}
				cases = append(cases, c)
			}
		}
	}
	return cases, nil
}

// multiplier is what can be laid out for multiplication: a layer or a dense matrix.
type multiplier interface {
	Plan(codebook.RunOptions) (*codebook.Plan, error)
}

// forms returns a function that lays out what next returns. All copies take the same input.
func (c *benchCase) forms(next func() multiplier) func() (form, error) {
	x, y := randomFloats(c.batch*c.cols), make([]float32, c.batch*c.rows)
	return func() (form, error) {
		run := codebook.RunOptions{Kernels: c.set, Batch: c.batch, Threads: c.threads}
		p, err := next().Plan(run)
		if err != nil {
			return form{}, err
		}
		return form{func() error { return p.MulMat(y, x, c.batch) }, p.BitsResident()}, nil
	}
}

// dense is the content that the case is held against.
func (c *benchCase) dense() func() (form, error) {
	w := randomFloats(c.rows * c.cols)
	return c.forms(func() multiplier {
		return &codebook.Dense{Rows: c.rows, Cols: c.cols, W: slices.Clone(w)}
	})
}
