package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// benchCompared holds a run against a baseline.
type benchCompared struct {
	Baseline  string        `json:"baseline"`
	CPU       string        `json:"cpu"` // of the baseline
	Tolerance float64       `json:"tolerance_percent"`
	Compared  int           `json:"compared"`
	Moved     []benchChange `json:"moved"`   // by more than the tolerance, up or down
	Missing   []string      `json:"missing"` // in the baseline and wanted, not in this run
}

// benchChange is the ratio to dense of one benchmark, then and now.
type benchChange struct {
	Name    string  `json:"name"`
	WasName string  `json:"was_name,omitempty"` // where the layer had another plan or tier
	Was     float64 `json:"was"`
	Now     float64 `json:"now"`
	Percent float64 `json:"percent"`
}

// againAtMost is how often a benchmark that fell is measured again before it counts: once is often
// the machine's doing, and of three the median is not.
const againAtMost = 2

// compare compares the run with the baseline; missed is the gate that something fell by more than
// tolerated.
func (r *benchRun) compare(ctx context.Context) (missed, err error) {
	for again := 0; ; again++ {
		c := r.was.compared(&r.report, r.wanted, r.tolerance)
		if c.Compared == 0 {
			return nil, r.noneInCommon()
		}
		c.Baseline, r.report.Comparison = r.baseline, c
		fell := c.fell()
		if len(fell) == 0 {
			return nil, nil
		}
		if again == againAtMost {
			return c.missed(fell), nil
		}
		err := r.measureAll(ctx, func(name string) bool {
			return slices.ContainsFunc(fell, func(f benchChange) bool { return f.Name == name })
		})
		if err != nil {
			return nil, err
		}
	}
}

// noneInCommon says that a run has nothing to compare with the baseline.
func (r *benchRun) noneInCommon() error {
	return fmt.Errorf("%s: none of its %d benchmarks is in this run",
		r.baseline, len(r.was.ratios()))
}

// compared compares median ratios to dense.
func (r *benchReport) compared(now *benchReport, wanted func(name string) bool, tolerance float64) (
	c *benchCompared) {
	c = &benchCompared{
		CPU: r.CPU, Tolerance: tolerance, Moved: []benchChange{}, Missing: []string{},
	}
	before, after := r.ratios(), now.ratios()
	for _, id := range r.identities() {
		was := before[id]
		if !wanted(was.name) {
			continue
		}
		is := after[id]
		if is == nil {
			c.Missing = append(c.Missing, was.name)
			continue
		}
		c.Compared++
		change := benchChange{Name: is.name, Was: median(was.values), Now: median(is.values)}
		change.Percent = 100 * (change.Now/change.Was - 1)
		if is.name != was.name {
			change.WasName = was.name
		}
		if max(change.Percent, -change.Percent) > tolerance {
			c.Moved = append(c.Moved, change)
		}
	}
	return c
}

// fell lists what moved down.
func (c *benchCompared) fell() []benchChange {
	rose := func(m benchChange) bool { return m.Percent > 0 }
	return slices.DeleteFunc(slices.Clone(c.Moved), rose)
}

func (c *benchCompared) missed(fell []benchChange) error {
	byPercent := func(a, b benchChange) int { return cmp.Compare(a.Percent, b.Percent) }
	worst := slices.MinFunc(fell, byPercent)
	least := worst.Was * (1 - c.Tolerance/100)
	return &gateError{[]string{fmt.Sprintf("--tolerance: %d of %d ratios to dense fell by more "+
		"than %v%%, most of all %s: %.3g, wanted at least %.3g (was %.3g)",
		len(fell), c.Compared, c.Tolerance, worst.Name, worst.Now, least, worst.Was)}}
}

var chosen = regexp.MustCompile(`/plan=[^/]*/tier=[^/]*`)

// identity is the name of a benchmark without what palettize chose: a layer that takes a worse plan
// than the baseline's is the same layer, and slower.
func identity(name string) string { return chosen.ReplaceAllString(name, "") }

// identities lists the benchmarks once each, in order.
func (r *benchReport) identities() []string {
	var ids []string
	for _, b := range r.Benchmarks {
		if id := identity(b.Name); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ratios are those of one benchmark to dense.
type ratios struct {
	name   string
	values []float64
}

// ratios returns those of each benchmark by its identity.
func (r *benchReport) ratios() map[string]*ratios {
	all := make(map[string]*ratios)
	for _, b := range r.Benchmarks {
		id := identity(b.Name)
		if all[id] == nil {
			all[id] = &ratios{name: b.Name}
		}
		all[id].values = append(all[id].values, b.XDense)
	}
	return all
}

// median sorts its argument.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// sameCPU returns an error if the baseline is from another CPU.
func sameCPU(baseline, was, now string) error {
	if was == now {
		return nil
	}
	const unknown = "an unknown CPU"
	return fmt.Errorf("%s was measured on %s, this is %s: ratios to dense differ for that alone; "+
		"--other-cpu compares all the same", baseline, cmp.Or(was, unknown), cmp.Or(now, unknown))
}

// readBaseline reads what bench printed, as text or JSON.
func readBaseline(name string) (*benchReport, error) {
	text, err := readText(name)
	if err != nil {
		return nil, err
	}
	report := new(benchReport)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		if err := json.Unmarshal(text, report); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	} else {
		for line := range strings.Lines(string(text)) {
			report.readLine(line)
		}
	}
	for _, b := range report.Benchmarks {
		if b == nil || !(b.XDense > 0) {
			return nil, fmt.Errorf("%s: a benchmark without an x-dense figure above 0", name)
		}
	}
	if len(report.Benchmarks) == 0 {
		return nil, fmt.Errorf("%s: holds no benchmark with an x-dense figure; "+
			"palettize bench > FILE makes a baseline", name)
	}
	return report, nil
}

// readLine takes in a line of the Go benchmark format; lines of other kinds mean nothing.
func (r *benchReport) readLine(line string) {
	if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
		r.CPU = strings.TrimSpace(cpu)
		return
	}
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	for i := 2; i+1 < len(fields); i += 2 {
		if fields[i+1] != "x-dense" {
			continue
		}
		if ratio, err := strconv.ParseFloat(fields[i], 64); err == nil {
			r.Benchmarks = append(r.Benchmarks, &benchResult{Name: fields[0], XDense: ratio})
		}
	}
}
