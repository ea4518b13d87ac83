package main

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// benchReport is a run of bench.
type benchReport struct {
	GOOS       string         `json:"goos"`
	GOARCH     string         `json:"goarch"`
	Package    string         `json:"pkg"`
	CPU        string         `json:"cpu"`
	Benchmarks []benchResult  `json:"benchmarks"`
	Comparison *benchCompared `json:"comparison,omitempty"` // with the baseline
}

// benchResult is one benchmark. Times are the best of several rounds.
type benchResult struct {
	Name   string  `json:"name"` // as in the Go benchmark format
	N      int     `json:"n"`    // calls timed
	Ns     float64 `json:"ns_op"`
	XDense float64 `json:"x_dense"` // dense float32 in the same rounds takes this many times as long
}

type benchOptions struct {
	kernel, filter string
	count          int
	each           time.Duration
	baseline       string
	tolerance      float64
	asJSON         bool
}

func (o *benchOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.filter, "filter", "", "run only benchmarks whose name matches `REGEX`")
	f.StringVar(&o.kernel, "kernel", "", "use no kernels beyond `TIER`, a name from palettize cpu (default: all that run here)")
	f.IntVar(&o.count, "count", 1, "run everything `N` times, as benchstat likes it")
	f.DurationVar(&o.each, "time", 200*time.Millisecond, "time for each benchmark")
	f.StringVar(&o.baseline, "baseline", "", "compare with `FILE`, an earlier output of bench, plain or JSON")
	f.Float64Var(&o.tolerance, "tolerance", 10, "gate: percent by which a ratio to dense may fall below the baseline's")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
}

func newBench(env *env) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench [CODEBOOK]",
		Short: "Measure kernels and layers against dense float32",
		Long: `bench times every kernel on every tier that runs here, layers of each scheme with random content, and the
layers of CODEBOOK, on one thread. The output is in the Go benchmark format, for benchstat. Next to each time
stands x-dense: how many times as long dense float32 multiplication of the same shape takes, measured in turns
with it. Layers are measured with the data in the cache (cache=hot) and after it was driven out (cache=cold).

--baseline compares the x-dense of this run with those of an earlier one, never the times themselves: a
baseline is good for machines of one kind, whatever else they are doing.

` + exitHelp(true),
		Example: `  palettize bench > old.txt
  palettize bench --baseline old.txt --tolerance 15
  palettize bench model.pal.safetensors --filter layer=`,
		Args: takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("tolerance") && o.baseline == "" {
				return usagef("--tolerance goes with --baseline")
			}
			return runBench(cmd.Context(), env, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runBench(ctx context.Context, env *env, o benchOptions, args []string) error {
	filter, err := o.check()
	if err != nil {
		return err
	}
	var was *benchReport
	if o.baseline != "" {
		if was, err = readBaseline(o.baseline); err != nil {
			return err
		}
	}
	all, err := newBenchmarks(o.kernel, args)
	if err != nil {
		return err
	}
	report := &benchReport{
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH,
		Package: "github.com/palettize/palettize/cmd/palettize", CPU: cpuName(),
	}
	for range o.count {
		for _, c := range all.cases {
			result, err := all.measure(ctx, c, filter, o.each)
			if err != nil {
				return err
			}
			if result == nil {
				continue
			}
			// As text, results appear one by one: a run takes minutes.
			line := result.text()
			if len(report.Benchmarks) == 0 {
				line = report.text() + line
			}
			report.Benchmarks = append(report.Benchmarks, *result)
			if o.asJSON {
				continue
			}
			if err := env.print(line); err != nil {
				return err
			}
		}
	}
	if len(report.Benchmarks) == 0 {
		return fmt.Errorf("--filter %s matches no benchmark", o.filter)
	}
	if was == nil {
		if o.asJSON {
			return env.show(report, true)
		}
		return nil
	}
	return compareBench(env, o, filter, was, report)
}

func (o *benchOptions) check() (*regexp.Regexp, error) {
	filter, err := regexp.Compile(o.filter)
	switch {
	case err != nil:
		return nil, usagef("--filter: %v", err)
	case o.count < 1:
		return nil, usagef("--count %d", o.count)
	case o.each <= 0:
		return nil, usagef("--time %v", o.each)
	case !(o.tolerance >= 0):
		return nil, usagef("--tolerance %v", o.tolerance)
	}
	return filter, nil
}

// benchCase is something to measure against dense multiplication with a matrix [rows, cols].
type benchCase struct {
	name       string // up to the tier
	rows, cols int
	cold       bool
	// prepare tells the tier; setUp waits until it is known that the filter matches.
	prepare func() (tier string, setUp func() (run func() error), err error)
}

// measure returns nil when the filter does not match.
func (b *benchmarks) measure(ctx context.Context, c *benchCase, filter *regexp.Regexp, each time.Duration) (*benchResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tier, setUp, err := c.prepare()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	result := &benchResult{Name: fmt.Sprintf("Benchmark%s/tier=%s-1", c.name, tier)}
	if !filter.MatchString(result.Name) {
		return nil, nil
	}
	timed := timeHot
	if c.cold {
		timed = b.timeCold
	}
	n, ns, denseNs, err := timed(setUp(), b.denseVec(c.rows, c.cols), each)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	result.N, result.Ns, result.XDense = n, ns, denseNs/ns
	return result, nil
}

const (
	// benchRounds is how often dense and compiled take turns at least.
	benchRounds = 5
	// benchSlot is how long a turn lasts: short, so that many turns go undisturbed by whatever else the
	// machine does and both meet it in the same moods; long enough for the clock.
	benchSlot = time.Millisecond
)

// timeHot returns the best time of a call of each, in nanoseconds, out of rounds of many calls.
func timeHot(run, dense func() error, each time.Duration) (n int, ns, denseNs float64, err error) {
	perSlot, err := calibrate(run)
	if err != nil {
		return 0, 0, 0, err
	}
	densePerSlot, err := calibrate(dense)
	if err != nil {
		return 0, 0, 0, err
	}
	ns, denseNs = math.Inf(1), math.Inf(1)
	start := time.Now()
	for round := 0; round < benchRounds || time.Since(start) < each; round++ {
		took, err := timeCalls(dense, densePerSlot)
		if err != nil {
			return 0, 0, 0, err
		}
		denseNs = min(denseNs, took)
		if took, err = timeCalls(run, perSlot); err != nil {
			return 0, 0, 0, err
		}
		ns = min(ns, took)
		n += perSlot
	}
	return n, ns, denseNs, nil
}

// calibrate finds how many calls fill a slot.
func calibrate(f func() error) (int, error) {
	ns := math.Inf(1)
	for n := 1; ; n *= 2 {
		took, err := timeCalls(f, n)
		if err != nil {
			return 0, err
		}
		ns = min(ns, took)
		if ns*float64(n) > float64(benchSlot)/2 {
			return max(1, int(float64(benchSlot)/ns)), nil
		}
	}
}

// timeCalls returns the time of one of n calls in a row, after one that does not count: it brings
// the data back into the cache.
func timeCalls(f func() error, n int) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	start := time.Now()
	for range n {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return max(1, float64(time.Since(start).Nanoseconds())) / float64(n), nil
}

// coldSweep is how many bytes are read between two calls to drive the data of the first out of the
// cache: more than one core reaches in the last level of nearly any CPU.
const coldSweep = 256 << 20

// timeCold returns the median time of a call of each, in nanoseconds, with the cache full of other
// data.
func (b *benchmarks) timeCold(run, dense func() error, each time.Duration) (n int, ns, denseNs float64, err error) {
	if b.other == nil {
		b.other = make([]byte, coldSweep)
		for i := 0; i < len(b.other); i += 4096 {
			b.other[i] = 1 // or all pages would be the same page of zeros
		}
	}
	coldCall := func(f func() error) (float64, error) {
		var sum byte
		for i := 0; i < len(b.other); i += 64 {
			sum += b.other[i]
		}
		runtime.KeepAlive(sum)
		start := time.Now()
		err := f()
		return max(1, float64(time.Since(start).Nanoseconds())), err
	}
	var times, denseTimes []float64
	for start := time.Now(); len(times) < benchRounds || time.Since(start) < each; {
		took, err := coldCall(dense)
		if err != nil {
			return 0, 0, 0, err
		}
		denseTimes = append(denseTimes, took)
		if took, err = coldCall(run); err != nil {
			return 0, 0, 0, err
		}
		times = append(times, took)
	}
	return len(times), median(times), median(denseTimes), nil
}

// median sorts its argument.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
