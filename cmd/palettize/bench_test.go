package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/kernels"
)

func TestShapes(t *testing.T) {
	shapes, err := parseShapes(shapesText)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, s := range shapes {
		if s.rows < 1 || s.rows%kernels.TablePanelRows != 0 || s.cols < 1 || s.cols%64 != 0 {
			t.Errorf("%s: [%d, %d] is no multiple of what the layouts of kernels need",
				s.name, s.rows, s.cols)
		}
		if names[s.name] || benchName(s.name) != s.name {
			t.Errorf("name %q", s.name)
		}
		names[s.name] = true
	}
	for _, bad := range []string{"a 1", "a one 2\n", "a"} {
		if _, err := parseShapes(bad); err == nil {
			t.Errorf("parsed %q", bad)
		}
	}
}

// TestBenchCases calls everything that can be measured once, in a small shape.
func TestBenchCases(t *testing.T) {
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	small := namedShape{"small", 64, 384}
	cases, err := kernelCases(set, small)
	if err != nil {
		t.Fatal(err)
	}
	scheme := codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16}
	layer := randomLayer(small.rows, small.cols, scheme)
	if err := layer.Validate(); err != nil {
		t.Error(err)
	}
	layers, err := layerCases(set, small.name, layer, func() *codebook.Layer { return layer })
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, c := range slices.Concat(cases, layers) {
		if names[c.name] {
			t.Errorf("%s comes twice", c.name)
		}
		names[c.name] = true
		for i, build := range []func() (form, error){c.content(), c.dense()} {
			f, err := build()
			if err == nil {
				err = f.mul()
			}
			if err != nil || f.bits <= 0 && (c.cold || i == 1) {
				t.Errorf("%s: %d bits, %v", c.name, f.bits, err)
			}
		}
	}
	for _, info := range set.Tiers() {
		pattern := fmt.Sprintf(`^BenchmarkKernel/layer=small/op=%s/.*/tier=%s/threads=1$`,
			info.Op, info.Tier)
		if found := matching(names, pattern) > 0; found != (info.Lacks == "") {
			t.Errorf("%s on %s: measured %v, lacks %q", info.Op, info.Tier, found, info.Lacks)
		}
	}
}

func matching(names map[string]bool, pattern string) (n int) {
	for name := range names {
		if regexp.MustCompile(pattern).MatchString(name) {
			n++
		}
	}
	return n
}

// TestSelection looks at what runs without --filter.
func TestSelection(t *testing.T) {
	set, err := kernels.Best()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := benchCases(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(o benchOptions, was *benchReport) (names []string) {
		wanted, err := o.selection(false, was)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if wanted(c.name) {
				names = append(names, c.name)
			}
		}
		return names
	}
	byDefault := run(benchOptions{}, nil)
	all := run(benchOptions{filter: "."}, nil)
	if n := len(byDefault); n < 10 || n > 120 || len(all) != len(cases) || len(all) < 10*n {
		t.Errorf("%d benchmarks by default, %d in all", len(byDefault), len(all))
	}
	last := all[len(all)-1]
	renamed := regexp.MustCompile("plan=[^/]*").ReplaceAllString(last, "plan=other")
	was := &benchReport{Benchmarks: []*benchResult{{Name: renamed, XDense: 1}}}
	if got := run(benchOptions{}, was); !slices.Equal(got, []string{last}) {
		t.Errorf("with the baseline of %s: %q", last, got)
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "268435456": 256 << 20, "256MiB": 256 << 20, "64KiB": 64 << 10, "2 GiB": 2 << 30,
		"3MB": 3e6, "5kB": 5000, "7B": 7,
		"0": -1, "-1": -1, "": -1, "MiB": -1, "1.5GiB": -1, "1TiB": -1, "9999999999GiB": -1,
		"256MiBytes": -1,
	} {
		s := byteSize(-1)
		if err := s.Set(text); int64(s) != want || (err != nil) != (want < 0) {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
	}
}

func TestWorkingSet(t *testing.T) {
	const MiB = 1 << 20
	for _, c := range []struct {
		name                string
		asked               byteSize
		cache, memory, want int64
	}{
		{"is eight times the cache", 0, 32 * MiB, 8192 * MiB, 256 * MiB},
		{"is bounded by memory", 0, 32 * MiB, 500 * MiB, 100 * MiB},
		{"is what was asked for", 7 * MiB, 32 * MiB, 8192 * MiB, 7 * MiB},
		{"may be asked for where memory is unknown", 7 * MiB, 32 * MiB, math.MaxInt64, 7 * MiB},
		{"is refused beyond memory", 101 * MiB, 32 * MiB, 500 * MiB, 0},
	} {
		got, err := workingSet(c.asked, c.cache, c.memory)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%s: %d, %v", c.name, got, err)
		}
	}
	if cache, memory := lastLevelCache(), freeMemory(); cache < 1<<14 || memory < 1<<20 {
		t.Errorf("cache %d, memory %d", cache, memory)
	}
}

// TestWalk: the copies exceed the working set, by less than one, and each has its turn.
func TestWalk(t *testing.T) {
	for _, c := range []struct{ bytes, workingSet int64 }{
		{10, 99}, {10, 100}, {10, 101}, {100, 99}, {100, 1}, {1, 1},
	} {
		var calls []int
		built := 0
		w, err := newWalk(t.Context(), func() (form, error) {
			i := built
			built++
			return form{func() error { calls = append(calls, i); return nil }, 8 * c.bytes}, nil
		}, c.workingSet)
		if err != nil {
			t.Fatal(err)
		}
		n := len(w.copies)
		total := int64(n) * c.bytes
		if n != built || total <= c.workingSet || total-c.bytes > c.workingSet {
			t.Errorf("%d copies of %d bytes for a working set of %d", n, c.bytes, c.workingSet)
		}
		for range n {
			if err := w.next(); err != nil {
				t.Fatal(err)
			}
		}
		if slices.Sort(calls); len(slices.Compact(calls)) != n {
			t.Errorf("called %d of %d copies in as many calls", len(slices.Compact(calls)), n)
		}
	}
}

func TestColdFacts(t *testing.T) {
	// Dense reads 4000 bytes in 100 ns, 40 GB/s; a form of 4 bits, 500 bytes, could do in 12.5 ns,
	// and at the bandwidth of a copy in 10.
	for _, c := range []struct {
		hot, ns, reached float64
		bound            string
	}{
		{9, 12.5, 1, "memory"},
		{8, 25, 0.5, "memory"},
		{11, 12.5, 1, "hot speed"},
		{20, 25, 0.5, "hot speed"},
	} {
		f := coldFacts{Bits: 4, HotNs: c.hot, CopyGBs: 50}
		f.derive(1000, 100, c.ns)
		if f.Limit != 8 || f.Reached != c.reached || f.BoundBy != c.bound || f.DenseOfCopy != 0.8 {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func sampleReport() *benchReport {
	return &benchReport{
		GOOS: "linux", GOARCH: "amd64", Package: "example.org/p",
		CPU: "Some CPU @ 3 GHz (family 6, model 7)", WorkingSet: 268435456,
		Benchmarks: []*benchResult{
			{Name: "BenchmarkKernel/op=x/tier=avx2/threads=1", N: 1234, Ns: 56.7, XDense: 1.891},
			{
				Name: "BenchmarkLayer/layer=a/cache=cold/plan=table/tier=avx2/threads=2",
				N:    77, Ns: 54321.5, XDense: 5.625, Cold: &coldFacts{
					Copies: 85, Bits: 4.06, Limit: 7.88, Reached: 0.71, HotNs: 21987.6,
					BoundBy: "memory", CopyGBs: 49.3, DenseOfCopy: 0.82,
				},
			},
		},
	}
}

func TestBaselineRoundTrip(t *testing.T) {
	want := sampleReport()
	text := want.text()
	for _, b := range want.Benchmarks {
		text += b.text()
	}
	asJSON, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{text + want.closing(), string(asJSON)} {
		file := filepath.Join(t.TempDir(), "old")
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := readBaseline(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.CPU != want.CPU || len(got.Benchmarks) != len(want.Benchmarks) {
			t.Fatalf("read %+v from\n%s", got, content)
		}
		for i, b := range got.Benchmarks {
			if b.Name != want.Benchmarks[i].Name || b.XDense != want.Benchmarks[i].XDense {
				t.Errorf("read %+v from\n%s", b, content)
			}
		}
	}
}

// TestJSONFactsAreTextFacts looks in the text for each value that is in the JSON.
func TestJSONFactsAreTextFacts(t *testing.T) {
	r := sampleReport()
	was := sampleReport()
	second := was.Benchmarks[1]
	second.XDense, second.Name = 7.5, strings.Replace(second.Name, "table", "bytes", 1)
	gone := &benchResult{Name: "BenchmarkLayer/layer=gone", XDense: 1}
	was.Benchmarks = append(was.Benchmarks, gone)
	r.Comparison = was.compared(r, func(string) bool { return true }, 15)
	r.Comparison.Baseline = "old.txt"
	text := r.text()
	for _, b := range r.Benchmarks {
		text += b.text()
	}
	text += r.closing()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var facts any
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	leaves := 0
	eachLeaf(facts, func(leaf any) {
		leaves++
		switch leaf := leaf.(type) {
		case string:
			if !strings.Contains(text, leaf) {
				t.Errorf("%q is not in the text", leaf)
			}
		case float64:
			if !holdsNumber(text, leaf) {
				t.Errorf("%v is not in the text", leaf)
			}
		}
	})
	if leaves < 30 {
		t.Errorf("%d facts only", leaves)
	}
	if t.Failed() {
		t.Log(text)
	}
}

func eachLeaf(v any, f func(any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			eachLeaf(x, f)
		}
	case []any:
		for _, x := range v {
			eachLeaf(x, f)
		}
	default:
		f(v)
	}
}

// holdsNumber looks for a number, as nanoseconds or as microseconds.
func holdsNumber(text string, want float64) bool {
	for _, word := range regexp.MustCompile(`-?[0-9][0-9,]*(\.[0-9]+)?`).FindAllString(text, -1) {
		got, err := strconv.ParseFloat(strings.ReplaceAll(word, ",", ""), 64)
		if err != nil {
			continue
		}
		for _, unit := range []float64{1, 1000} {
			if math.Abs(got*unit-want) <= 0.005*math.Abs(want) {
				return true
			}
		}
	}
	return false
}

func TestCompared(t *testing.T) {
	report := func(lines ...any) *benchReport {
		r := new(benchReport)
		for i := 0; i < len(lines); i += 2 {
			r.Benchmarks = append(r.Benchmarks, &benchResult{
				Name: "Benchmark" + lines[i].(string), XDense: lines[i+1].(float64),
			})
		}
		return r
	}
	was := report("a", 10.0, "b", 10.0, "c", 10.0,
		"layer=d/plan=table/tier=x/threads=1", 10.0, "gone", 1.0, "other", 1.0)
	now := report("a", 8.9, "a", 9.1, "a", 1.0, "b", 8.0, "c", 12.0,
		"layer=d/plan=bytes/tier=y/threads=1", 2.0, "new", 1.0)
	c := was.compared(now, func(name string) bool { return name != "Benchmarkother" }, 10)
	if c.Compared != 4 || !slices.Equal(c.Missing, []string{"Benchmarkgone"}) {
		t.Errorf("compared %d, missing %q", c.Compared, c.Missing)
	}
	var moved []string
	for _, m := range c.Moved {
		moved = append(moved, fmt.Sprintf("%s %+.0f%% %s", m.Name, m.Percent, m.WasName))
	}
	if want := []string{
		"Benchmarka -11% ", "Benchmarkb -20% ", "Benchmarkc +20% ",
		"Benchmarklayer=d/plan=bytes/tier=y/threads=1 -80% " +
			"Benchmarklayer=d/plan=table/tier=x/threads=1",
	}; !slices.Equal(moved, want) {
		t.Errorf("moved %q, want %q", moved, want)
	}
	if fell := c.fell(); len(fell) != 3 {
		t.Errorf("fell: %v", fell)
	}
}

func TestOtherCPU(t *testing.T) {
	for _, same := range []string{"", "A"} {
		if err := sameCPU("old.txt", same, same); err != nil {
			t.Error(err)
		}
	}
	for _, c := range [][3]string{
		{"A", "B", "old.txt was measured on A, this is B: "},
		{"", "B", "on an unknown CPU, this is B: "},
		{"A", "", "this is an unknown CPU: "},
	} {
		err := sameCPU("old.txt", c[0], c[1])
		if err == nil || !strings.Contains(err.Error(), c[2]) ||
			!strings.Contains(err.Error(), "--other-cpu") {
			t.Errorf("%q, %q: %v", c[0], c[1], err)
		}
	}
}

func TestCPUName(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\n" +
			"model name\t: Other\n": "AMD EPYC (family 25, model 17)",
		"processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n": "(CPU implementer 0x41, " +
			"CPU part 0xd0c)",
		"": "",
	} {
		if got := cpuNameIn(strings.NewReader(text)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
