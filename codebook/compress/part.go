package compress

import (
	"cmp"
	"errors"
	"slices"

	"github.com/palettize/palettize/codebook"
)

// Part is a part of the tensors of a model, for several machines to compress: part Index, from 0,
// of Of. The zero value is all of them.
type Part struct{ Index, Of int }

func (p Part) validate() error {
	if p != (Part{}) && (p.Index < 0 || p.Index >= p.Of) {
		return errors.New("parts are counted from 0 to their number less 1")
	}
	return nil
}

// tensorsOf returns the tensors of a part, in the order of the file. Parts are about as much work:
// the largest matrices are dealt out first, each to the part that has least, in one way that does
// not depend on the machine. Every tensor is in one part.
func (c *compression) tensorsOf(part Part) []codebook.Tensor {
	if part.Of < 2 {
		return c.tensors
	}
	type job struct {
		tensor int
		cost   int64
	}
	jobs := make([]job, len(c.tensors))
	for i, t := range c.tensors {
		jobs[i] = job{i, 1}
		if a := c.allotted[t.Name]; a != nil && a.Scheme != unchanged {
			jobs[i].cost = t.Elements()
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(b.cost, a.cost) })
	loads, mine := make([]int64, part.Of), make([]bool, len(c.tensors))
	for _, j := range jobs {
		least := 0
		for i, load := range loads {
			if load < loads[least] {
				least = i
			}
		}
		loads[least] += j.cost
		mine[j.tensor] = least == part.Index
	}
	var tensors []codebook.Tensor
	for i, t := range c.tensors {
		if mine[i] {
			tensors = append(tensors, t)
		}
	}
	return tensors
}
