package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// benchCompared holds a run against a baseline.
type benchCompared struct {
	Baseline  string        `json:"baseline"`
	Tolerance float64       `json:"tolerance_percent"`
	Compared  int           `json:"compared"`
	Moved     []benchChange `json:"moved"`   // by more than the tolerance, up or down
	Missing   []string      `json:"missing"` // in the baseline and matching --filter, not in this run
}

// benchChange is the ratio to dense of one benchmark, then and now.
type benchChange struct {
	Name    string  `json:"name"`
	Was     float64 `json:"was"`
	Now     float64 `json:"now"`
	Percent float64 `json:"percent"`
}

// compareBench prints what moved and returns an error when something became slower than tolerated.
func compareBench(env *env, o benchOptions, filter *regexp.Regexp, was, now *benchReport) error {
	compared := &benchCompared{Baseline: o.baseline, Tolerance: o.tolerance, Moved: []benchChange{}, Missing: []string{}}
	if was.CPU != "" && was.CPU != now.CPU {
		env.warn("%s was measured on another CPU (%s): ratios may differ for that alone", o.baseline, was.CPU)
	}
	before, after := was.ratios(), now.ratios()
	var slower []benchChange
	for _, name := range was.names() {
		if !filter.MatchString(name) {
			continue
		}
		ratio, ok := after[name]
		if !ok {
			compared.Missing = append(compared.Missing, name)
			continue
		}
		compared.Compared++
		change := benchChange{name, before[name], ratio, 100 * (ratio/before[name] - 1)}
		switch {
		case change.Percent < -o.tolerance:
			slower = append(slower, change)
			compared.Moved = append(compared.Moved, change)
		case change.Percent > o.tolerance:
			compared.Moved = append(compared.Moved, change)
		}
	}
	if compared.Compared == 0 {
		return fmt.Errorf("%s: none of its %d benchmarks is in this run", o.baseline, len(was.names()))
	}
	now.Comparison = compared
	var err error
	if o.asJSON {
		err = env.show(now, true)
	} else {
		err = env.print(compared.text())
	}
	if err != nil || slower == nil {
		return err
	}
	worst := slices.MinFunc(slower, func(a, b benchChange) int { return cmp.Compare(a.Percent, b.Percent) })
	return &gateError{[]string{fmt.Sprintf(
		"--tolerance: %d of %d ratios to dense fell by more than %v%%, most of all %s: %.3g, wanted at least %.3g (was %.3g)",
		len(slower), compared.Compared, o.tolerance, worst.Name, worst.Now, worst.Was*(1-o.tolerance/100), worst.Was)}}
}

// names lists the benchmarks once each, in order.
func (r *benchReport) names() []string {
	var names []string
	for _, b := range r.Benchmarks {
		if !slices.Contains(names, b.Name) {
			names = append(names, b.Name)
		}
	}
	return names
}

// ratios returns the median ratio to dense of each benchmark.
func (r *benchReport) ratios() map[string]float64 {
	all := make(map[string][]float64)
	for _, b := range r.Benchmarks {
		all[b.Name] = append(all[b.Name], b.XDense)
	}
	medians := make(map[string]float64)
	for name, ratios := range all {
		medians[name] = median(ratios)
	}
	return medians
}

// readBaseline reads what bench printed, as text or JSON.
func readBaseline(name string) (*benchReport, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	report := new(benchReport)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		if err := json.Unmarshal(text, report); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	} else {
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			report.readLine(lines.Text())
		}
	}
	for _, b := range report.Benchmarks {
		if !(b.XDense > 0) {
			return nil, fmt.Errorf("%s: %s: x-dense is %v", name, b.Name, b.XDense)
		}
	}
	if len(report.Benchmarks) == 0 {
		return nil, fmt.Errorf("%s: holds no benchmark with an x-dense figure; palettize bench > FILE makes a baseline", name)
	}
	return report, nil
}

// readLine takes in a line of the Go benchmark format; lines of other kinds mean nothing.
func (r *benchReport) readLine(line string) {
	if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
		r.CPU = cpu
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
			r.Benchmarks = append(r.Benchmarks, benchResult{Name: fields[0], XDense: ratio})
		}
	}
}
