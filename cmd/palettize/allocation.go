package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// allocationReport is what compress would allot to the matrices of a model.
type allocationReport struct {
	Model    string              `json:"model"`
	Matrices []compress.Allotted `json:"matrices"`
	worstFacts
	total compress.Total
}

func newAllocationReport(model string, a *compress.Allocation) *allocationReport {
	total := a.Total()
	return &allocationReport{model, a.Matrices, newWorstFacts(total), total}
}

// writeAllocation writes what is allotted to the matrices of src to a file; "": nowhere.
func writeAllocation(ctx context.Context, name string, overwrite bool, src *format.File,
	a *compress.Allocation) error {
	if name == "" {
		return nil
	}
	return hintForce(format.WriteFile(ctx, name, func() ([]byte, error) {
		text, err := json.MarshalIndent(a, "", "  ")
		return append(text, '\n'), err
	}, overwrite, src))
}

// readAllocation reads what writeAllocation wrote.
func readAllocation(name string) (*compress.Allocation, error) {
	text, err := readText(name)
	if err != nil {
		return nil, err
	}
	a := new(compress.Allocation)
	err = json.Unmarshal(text, a)
	if matrix := new(codebook.TensorError); errors.As(err, &matrix) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: is no plan of --plan-out: %w", name, err)
	}
	return a, nil
}

func (r *allocationReport) document() document {
	t := table{head: []string{
		"~tensor", "stored as", ">bits", ">error", ">at 2", ">3", ">4", ">5", ">6 bits",
	}}
	for _, m := range r.Matrices {
		t.add(allocationCells(m)...)
	}
	var f facts
	f.add("matrices", "%d, %s weights", len(r.Matrices), grouped(r.total.Weights))
	if r.total.Weights > 0 {
		f.add("bits", "%.2f a weight", r.total.BitsStored)
	}
	f.addWorst(r.worstFacts)
	return document{&t, f}
}

// allocationCells is the line of a matrix in the table of an allocation.
func allocationCells(m compress.Allotted) []string {
	how, expected := m.Scheme.Name, ""
	if m.Scheme.States == 0 { // the number of centroids of others follows from the levels
		how = schemeText(m.Scheme.Name, m.Scheme.Width, m.Scheme.K, m.Scheme.Group, m.Scheme.WindowBits)
	}
	if m.Error > 0 {
		expected = errorText(m.Error)
	}
	cells := []string{m.Tensor, how, fmt.Sprintf("%.2f", m.Bits), expected}
	for at := 2.0; at <= 6; at++ {
		cell := ""
		for _, rate := range m.Rates {
			if rate.Bits == at {
				cell = errorText(rate.Error)
			}
		}
		cells = append(cells, cell)
	}
	return cells
}
