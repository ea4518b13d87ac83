package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
)

// benchReport is a run of bench.
type benchReport struct {
	GOOS       string         `json:"goos"`
	GOARCH     string         `json:"goarch"`
	Package    string         `json:"pkg"`
	CPU        string         `json:"cpu"`
	WorkingSet int64          `json:"working_set_bytes"` // that copies exceed where cache=cold
	Benchmarks []*benchResult `json:"benchmarks"`
	Comparison *benchCompared `json:"comparison,omitempty"` // with the baseline
}

// benchResult is one benchmark. Times are the best of several turns.
type benchResult struct {
	Name   string     `json:"name"` // as in the Go benchmark format
	N      int        `json:"n"`    // calls timed
	Ns     float64    `json:"ns_op"`
	XDense float64    `json:"x_dense"` // times as long as dense float32 takes in the same turns
	Cold   *coldFacts `json:"cold,omitempty"`
}

// coldFacts say what a form read from memory could reach, and what it does.
type coldFacts struct {
	Copies int     `json:"copies"`        // of the form
	Bits   float64 `json:"bits_resident"` // of the form, a weight
	// Limit is 32 / Bits: x-dense if both do nothing but read memory, equally fast.
	Limit   float64 `json:"limit"`
	Reached float64 `json:"reached"`   // x-dense / Limit
	HotNs   float64 `json:"hot_ns_op"` // in the same turns, the data in the cache
	// BoundBy is "memory", or "hot speed" where that takes longer than reading the form at the
	// bandwidth of a copy.
	BoundBy     string  `json:"bound_by"`
	CopyGBs     float64 `json:"copy_gb_s"`     // read and written, in the same turns
	DenseOfCopy float64 `json:"dense_of_copy"` // what dense reads of that
}

// derive works out the rest from the shape and what a call of dense and of the form took, in
// nanoseconds.
func (f *coldFacts) derive(size int, denseNs, ns float64) {
	f.Limit = 32 / f.Bits
	f.Reached = denseNs / ns / f.Limit
	f.DenseOfCopy = 4 * float64(size) / denseNs / f.CopyGBs
	f.BoundBy = "memory"
	if bytes := f.Bits / 8 * float64(size); f.HotNs > bytes/f.CopyGBs {
		f.BoundBy = "hot speed"
	}
}

type benchOptions struct {
	kernel, filter string
	count          int
	each           time.Duration
	workingSet     byteSize
	baseline       string
	tolerance      float64
	otherCPU       bool
	asJSON         bool
}

func (o *benchOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.filter, "filter", "", "run only benchmarks whose name matches `REGEX` "+
		"(default: batch=1 and threads=1, without CODEBOOK of [3072, 1024]; with --baseline what "+
		"is in FILE)")
	f.StringVar(&o.kernel, "kernel", "",
		"use no kernels beyond `TIER`, a name from palettize cpu (default: all that run here)")
	f.IntVar(&o.count, "count", 1, "run everything `N` times, as benchstat likes it")
	f.DurationVar(&o.each, "time", 200*time.Millisecond, "time for each benchmark")
	f.Var(&o.workingSet, "working-set", "cache=cold means copies of more than `BYTES` in turn, "+
		"such as 256MiB (default: eight times the last-level cache, if memory allows)")
	f.StringVar(&o.baseline, "baseline", "",
		"compare with `FILE`, an earlier output of bench, plain or JSON")
	f.Float64Var(&o.tolerance, "tolerance", 10,
		"gate: percent by which a ratio to dense may fall below the baseline's")
	f.BoolVar(&o.otherCPU, "other-cpu", false, "compare even if the baseline is from another CPU")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
}

func newBench(env *env) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench [CODEBOOK]",
		Short: "Measure kernels and layers against dense float32",
		Long: `bench times the layers of CODEBOOK; without it every kernel on every tier that runs
here, and layers of each scheme with random content, in shapes of real models. The output is in
the Go benchmark format, for benchstat. Next to each time stands x-dense: how many times as long
dense float32 multiplication of the same shape, batch and number of threads takes, measured in
turns with it.

cache=hot is one layer again and again. cache=cold walks through as many copies of it as exceed the
working set, as a model larger than the cache does. A table at the end says for each of them how
many bits a weight it holds in memory, what part it reaches of the 32/bits that memory allows, and
whether it is memory that bounds it or its own speed.

--filter . runs everything, which takes hours.

--baseline compares the x-dense of this run with those of an earlier one, never the times
themselves. What fell is measured twice more before it counts; medians are compared. Ratios depend
on the CPU, so that a baseline from another one is an error.

` + exitHelp(true),
		Example: `  palettize bench > old.txt
  palettize bench --baseline old.txt --tolerance 15
  palettize bench --filter 'Llama-2-7B.*scheme=segments/.*cache=cold' --working-set 1GiB
  palettize bench model.pal`,
		Args: takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, flag := range []string{"tolerance", "other-cpu"} {
				if cmd.Flags().Changed(flag) && o.baseline == "" {
					return usagef("--%s goes with --baseline", flag)
				}
			}
			return runBench(cmd.Context(), env, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runBench(ctx context.Context, env *env, o benchOptions, args []string) error {
	r, err := newBenchRun(ctx, env, o, args)
	if err != nil {
		return err
	}
	for range o.count {
		if err := r.measureAll(ctx, r.wanted); err != nil {
			return err
		}
	}
	var missed error
	if r.was != nil {
		if missed, err = r.compare(ctx); err != nil {
			return err
		}
	}
	if o.asJSON {
		err = env.showJSON(&r.report)
	} else {
		err = env.print(r.report.closing())
	}
	if err != nil {
		return err
	}
	return missed
}

// benchRun is a run on its way.
type benchRun struct {
	*env
	benchOptions
	report benchReport
	was    *benchReport // the baseline; nil: none
	cases  []*benchCase
	wanted func(name string) bool
}

func newBenchRun(ctx context.Context, env *env, o benchOptions, args []string) (*benchRun, error) {
	r := &benchRun{env: env, benchOptions: o, report: benchReport{
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH,
		Package: "github.com/palettize/palettize/cmd/palettize", CPU: cpuName(),
	}}
	err := o.check()
	if err != nil {
		return nil, err
	}
	r.report.WorkingSet, err = workingSet(o.workingSet, lastLevelCache(), freeMemory())
	if err != nil {
		return nil, err
	}
	if err := r.openBaseline(); err != nil {
		return nil, err
	}
	if r.wanted, err = o.selection(len(args) > 0, r.was); err != nil {
		return nil, err
	}
	set, err := kernelSet(o.kernel)
	if err != nil {
		return nil, err
	}
	var layers []storedLayer
	if len(args) > 0 {
		if layers, err = layersOf(ctx, args[0]); err != nil {
			return nil, err
		}
	}
	r.cases, err = benchCases(set, layers)
	return r, err
}

// openBaseline reads the baseline, if there is to be one.
func (r *benchRun) openBaseline() error {
	if r.baseline == "" {
		return nil
	}
	var err error
	if r.was, err = readBaseline(r.baseline); err != nil || r.otherCPU {
		return err
	}
	return sameCPU(r.baseline, r.was.CPU, r.report.CPU)
}

func (o *benchOptions) check() error {
	switch {
	case o.count < 1:
		return usagef("--count %d", o.count)
	case o.each <= 0:
		return usagef("--time %v", o.each)
	case !(o.tolerance >= 0):
		return usagef("--tolerance %v", o.tolerance)
	}
	return nil
}

// storedLayer is a layer of a codebook file.
type storedLayer struct {
	name string
	*codebook.Layer
}

// layersOf reads the layers of a codebook file.
func layersOf(ctx context.Context, name string) ([]storedLayer, error) {
	book, err := openCodebook(ctx, name)
	if err != nil {
		return nil, err
	}
	defer book.Close()
	listed, err := namedLayers(book, "measure")
	if err != nil {
		return nil, err
	}
	layers := make([]storedLayer, len(listed))
	for i, l := range listed {
		layers[i].name = l.Tensor.Name
		if layers[i].Layer, err = l.Read(ctx); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// selection says which benchmarks to run.
func (o *benchOptions) selection(ofFile bool, was *benchReport) (
	wanted func(name string) bool, err error) {
	filter := o.filter
	switch {
	case filter != "":
	case was != nil:
		known := was.ratios()
		return func(name string) bool { return known[identity(name)] != nil }, nil
	case ofFile:
		filter = `/batch=1/.*/threads=1$`
	default:
		filter = `/rows=3072/cols=1024/batch=1/.*/threads=1$`
	}
	matches, err := regexp.Compile(filter)
	if err != nil {
		return nil, usagef("--filter: %v", err)
	}
	return matches.MatchString, nil
}

// measureAll measures the cases that are wanted, in order. As text, results appear one by one: a
// run takes minutes.
func (r *benchRun) measureAll(ctx context.Context, wanted func(name string) bool) error {
	for _, c := range r.cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !wanted(c.name) {
			continue
		}
		result, err := r.measure(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		line := result.text()
		if r.report.Benchmarks == nil {
			line = r.report.text() + line
		}
		r.report.Benchmarks = append(r.report.Benchmarks, result)
		if r.asJSON {
			continue
		}
		if err := r.print(line); err != nil {
			return err
		}
	}
	if r.report.Benchmarks == nil {
		if r.was != nil && r.filter == "" {
			return r.noneInCommon()
		}
		return fmt.Errorf("--filter %s matches no benchmark", r.filter)
	}
	return nil
}

func (r *benchRun) measure(ctx context.Context, c *benchCase) (*benchResult, error) {
	var result *benchResult
	var err error
	if c.cold {
		result, err = timeCold(ctx, c, r.each, r.report.WorkingSet)
	} else {
		result, err = timeHot(ctx, c, r.each)
	}
	if err != nil {
		return nil, err
	}
	result.Name = c.name
	return result, nil
}
