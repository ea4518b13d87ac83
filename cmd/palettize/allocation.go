package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// planReport is what compress would allot to the matrices of a model.
type planReport struct {
	Model string `json:"model"`
	*compress.Allocation
	codebook.Summary // of the errors that are expected
}

func newPlanReport(model string, a *compress.Allocation) *planReport {
	return &planReport{model, a, a.Summary()}
}

// writePlan writes what is allotted to the matrices of src to a file; "": nowhere.
func writePlan(name string, overwrite bool, src *format.File, a *compress.Allocation) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return hintForce(format.WriteFile(name, append(text, '\n'), src, overwrite))
}

// readPlan reads what writePlan wrote.
func readPlan(name string) (*compress.Allocation, error) {
	text, err := readText(name)
	if err != nil {
		return nil, err
	}
	a := new(compress.Allocation)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(a); err != nil {
		return nil, fmt.Errorf("%s: is no plan of --plan-out: %w", name, err)
	}
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

func (r *planReport) text() string {
	t := table{head: []string{"~tensor", "stored as", ">bits", ">error", ">at 2", ">3", ">4", ">5", ">6 bits"}}
	var weights, bits float64
	for _, m := range r.Matrices {
		how, found := m.Scheme.Name, ""
		if m.Scheme.States == 0 { // the number of centroids of others follows from the levels
			how = schemeText(m.Scheme.Name, m.Scheme.Width, m.Scheme.K, m.Scheme.Group, m.Scheme.Window)
		}
		if m.Error > 0 {
			found = fmt.Sprintf("%.4f", m.Error)
		}
		cells := []string{m.Tensor, how, fmt.Sprintf("%.2f", m.Bits), found}
		for at := 2.0; at <= 6; at++ {
			cell := ""
			for _, rate := range m.Rates {
				if rate.Bits == at {
					cell = fmt.Sprintf("%.4f", rate.Error)
				}
			}
			cells = append(cells, cell)
		}
		t.add(cells...)
		weights += float64(m.Weights)
		bits += m.Bits * float64(m.Weights)
	}
	var f facts
	f.add("matrices", "%d, %s weights", len(r.Matrices), grouped(int64(weights)))
	if weights > 0 {
		f.add("bits", "%.2f a weight", bits/weights)
	}
	f.addWorst(r.Summary)
	return t.text() + "\n" + f.text()
}
