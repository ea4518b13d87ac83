package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

func (r *cpuReport) document() document {
	t := table{head: []string{"operation", "tier", "here"}}
	for _, x := range r.Tiers {
		here := "runs"
		switch {
		case x.Selected:
			here = "selected"
		case x.Lacks != "":
			here = "lacks " + x.Lacks
		}
		t.add(x.Op, x.Tier, here)
	}
	var f facts
	f.add("machine", "%s/%s %s", r.GOOS, r.GOARCH, r.CPU)
	if r.Off != "" {
		f.add("switched off", "%s (PALETTIZE_CPU_OFF)", r.Off)
	}
	if r.PlansGuessed {
		f.add("plans", "chosen by costs that were not measured on such a CPU: see palettize bench")
	}
	return document{f, &t}
}

// text is the head of the Go benchmark format; the lines of the benchmarks follow.
func (r *benchReport) text() string {
	head := fmt.Sprintf("goos: %s\ngoarch: %s\npkg: %s\n", r.GOOS, r.GOARCH, r.Package)
	if r.CPU != "" {
		head += "cpu: " + r.CPU + "\n"
	}
	return head + "Unit x-dense better=higher\n"
}

func (r *benchResult) text() string {
	return fmt.Sprintf("%s\t%d\t%.1f ns/op\t%.3f x-dense\n", r.Name, r.N, r.Ns, r.XDense)
}

// closing is what follows the lines of the benchmarks.
func (r *benchReport) closing() string {
	text := r.coldText()
	if r.Comparison != nil {
		text += r.Comparison.text()
	}
	return text
}

func (r *benchReport) coldText() string {
	t := table{head: []string{
		"cold", ">copies", ">bits", ">32/bits", ">x-dense", ">reached", ">us", ">hot us",
		"bound by", ">copy GB/s", ">dense reads",
	}}
	for _, b := range r.Benchmarks {
		if c := b.Cold; c != nil {
			t.add(strings.TrimPrefix(b.Name, "Benchmark"), strconv.Itoa(c.Copies),
				fmt.Sprintf("%.2f", c.Bits), fmt.Sprintf("%.2f", c.Limit),
				fmt.Sprintf("%.2f", b.XDense), fmt.Sprintf("%.2f", c.Reached),
				fmt.Sprintf("%.1f", b.Ns/1e3), fmt.Sprintf("%.1f", c.HotNs/1e3),
				c.BoundBy, fmt.Sprintf("%.1f", c.CopyGBs), fmt.Sprintf("%.2f of it", c.DenseOfCopy))
		}
	}
	if t.rows == nil {
		return ""
	}
	var f facts
	f.add("working set", "more than %s bytes of copies", grouped(r.WorkingSet))
	return "\n" + f.text() + "\n" + t.text()
}

func (c *benchCompared) text() string {
	var f facts
	f.add("baseline", "%s, from %s", c.Baseline, cmp.Or(c.CPU, "an unknown CPU"))
	f.add("compared", "%d ratios to dense, %d moved by more than %v%%",
		c.Compared, len(c.Moved), c.Tolerance)
	for _, name := range c.Missing {
		f.add("not in this run", "%s", name)
	}
	text := "\n" + f.text()
	if len(c.Moved) > 0 {
		t := table{head: []string{"moved", ">was", ">now", ">change", "was called"}}
		for _, m := range c.Moved {
			t.add(m.Name, fmt.Sprintf("%.3g", m.Was), fmt.Sprintf("%.3g", m.Now),
				fmt.Sprintf("%+.1f%%", m.Percent), m.WasName)
		}
		text += "\n" + t.text()
	}
	return text
}
