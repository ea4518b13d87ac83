package kernels

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The sources are part of the test program, so that emulated CPUs, which see no folder, read them
// too.
//
//go:embed *.go *.s *.h
var sources embed.FS

// grammar is what the names of files are made of, beside what doc.go lists itself.
type grammar struct {
	operations []string            // without their hyphens
	families   []string            // what is before a hyphen
	tiers      map[string][]string // by architecture, "" for those of all
}

// newGrammar reads operations out of the tables. The tables of other architectures are read in
// their sources: a row begins with the tier's name.
func newGrammar(t *testing.T) grammar {
	g := grammar{tiers: map[string][]string{"": {"scalar"}}}
	for _, info := range best.Tiers() {
		if family, _, ok := strings.Cut(info.Op, "-"); ok {
			g.families = append(g.families, family)
		}
		g.operations = append(g.operations, strings.ReplaceAll(info.Op, "-", ""))
	}
	row := regexp.MustCompile(`(?m)^\t\{"(\w+)", `)
	for _, arch := range []string{"amd64", "arm64"} {
		source, err := sources.ReadFile("tiers_" + arch + ".go")
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range row.FindAllSubmatch(source, -1) {
			g.tiers[arch] = append(g.tiers[arch], string(match[1]))
		}
	}
	for _, info := range best.Tiers() {
		if !slices.ContainsFunc([]string{"amd64", "arm64"}, func(arch string) bool {
			return slices.Contains(g.tiers[arch], info.Tier)
		}) {
			t.Fatalf("tier %q is not in the source of a table", info.Tier)
		}
	}
	return g
}

// fileName is a name of a file taken apart, see doc.go.
type fileName struct{ subject, part, tier, arch, ext string }

var word = regexp.MustCompile(`^[a-z]+$`)

// parse takes the name of a file apart.
func (g grammar) parse(name string) (f fileName, err error) {
	stem, ext, _ := strings.Cut(name, ".")
	f.ext = ext
	once := []string{"doc", "features", "kernels", "set", "tiers"}
	if rest, ok := strings.CutSuffix(stem, "_test"); ok && ext == "go" {
		stem, once = rest, append(once, "conformance")
	}
	words := strings.Split(stem, "_")
	last := func() string {
		if len(words) == 0 {
			return ""
		}
		return words[len(words)-1]
	}
	if slices.Contains([]string{"amd64", "arm64", "portable"}, last()) {
		f.arch, words = last(), words[:len(words)-1]
	}
	if f.arch == "amd64" && last() == "linux" {
		words = words[:len(words)-1]
	}
	if tiers := g.tiersOf(f.arch); slices.Contains(tiers, last()) {
		f.tier, words = last(), words[:len(words)-1]
	}
	switch {
	case len(words) == 0 && f.tier != "" && f.arch != "": // the instructions of a tier
		return f, nil
	case len(words) == 0 || len(words) > 2:
		return f, fmt.Errorf("%d words for subject and part", len(words))
	}
	f.subject = words[0]
	if slices.Contains(once, f.subject) {
		if len(words) > 1 || f.tier != "" || ext != "go" || f.arch != "" && f.subject != "tiers" {
			return f, fmt.Errorf("%q is there once", f.subject)
		}
		return f, nil
	}
	if !slices.Contains(g.operations, f.subject) && !slices.Contains(g.families, f.subject) {
		return f, fmt.Errorf("%q is no operation", f.subject)
	}
	if len(words) == 2 {
		f.part = words[1]
		if !word.MatchString(f.part) || slices.Contains(g.allTiers(), f.part) {
			return f, fmt.Errorf("%q is no part", f.part)
		}
	}
	switch {
	case ext == "s" && (f.tier == "" || !slices.Contains(g.operations, f.subject)):
		return f, fmt.Errorf("assembly without an operation or a tier")
	case ext == "s" && f.arch == "":
		return f, fmt.Errorf("assembly without an architecture")
	}
	return f, nil
}

// tiersOf lists the tiers that a file for an architecture may be about.
func (g grammar) tiersOf(arch string) []string {
	if arch == "portable" {
		return g.allTiers()
	}
	return g.tiers[arch]
}

func (g grammar) allTiers() []string {
	return slices.Concat(g.tiers[""], g.tiers["amd64"], g.tiers["arm64"])
}

func TestFileNames(t *testing.T) {
	g := newGrammar(t)
	files, err := sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)^TEXT ·(\w+)`)
	functions := 0
	for _, file := range files {
		f, err := g.parse(file.Name())
		if err != nil {
			t.Errorf("%s: %v; doc.go says how files are named", file.Name(), err)
			continue
		}
		if f.ext != "s" || f.subject == "" {
			continue
		}
		source, err := sources.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range function.FindAllSubmatch(source, -1) {
			functions++
			name := strings.ToLower(string(match[1]))
			if !strings.HasPrefix(name, f.subject) || !strings.HasSuffix(name, f.tier) ||
				!strings.Contains(name, f.part) {
				t.Errorf("%s has function %s, which is named for another file", file.Name(),
					match[1])
			}
		}
	}
	if functions < len(g.operations)/2 {
		t.Errorf("%d assembly functions in %d files", functions, len(files))
	}
}

// Comments name files that exist.
func TestFilesThatAreNamed(t *testing.T) {
	files, err := sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\b[a-z0-9_]+_(?:amd64|arm64)\.(?:s|h|go)\b`)
	for _, file := range files {
		if file.Name() == "doc_test.go" {
			continue
		}
		source, err := sources.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range name.FindAll(source, -1) {
			if f, err := sources.Open(string(match)); err != nil {
				t.Errorf("%s names %s, which is not there", file.Name(), match)
			} else {
				f.Close()
			}
		}
	}
}

// Rows of test tables may be longer, where one row a line reads better.
func TestLineLength(t *testing.T) {
	const most = 100
	row := regexp.MustCompile(`^\s*\{?"[^"]*"[:,]`)
	files, err := sources.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		source, err := sources.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		isTest := strings.HasSuffix(file.Name(), "_test.go")
		for i, line := range strings.Split(string(source), "\n") {
			if n := utf8.RuneCountInString(line); n > most && !(isTest && row.MatchString(line)) {
				t.Errorf("%s:%d has %d characters, more than %d", file.Name(), i+1, n, most)
			}
		}
	}
}

func TestFileNamesThatDoNotParse(t *testing.T) {
	g := newGrammar(t)
	for _, name := range []string{
		"ahead_amd64.h",
		"args_arm64.go",
		"amx.h",
		"decode_avx2_amd64.s",
		"doc_amd64.go",
		"dense_avx2_amd64.s",
		"mul_tile_arm64.s",
		"multile_arm64.h",
		"mulu8_amx_arm64.s",
		"mulu8_amx.s",
		"mulu8_amx_tile_amd64.s",
		"mulu8_tile_four_amx_amd64.s",
		"mulu8_Tile_amx_amd64.s",
		"scalar.go",
		"stubs_int_amd64.go",
		"tiers_avx2_amd64.go",
	} {
		if f, err := g.parse(name); err == nil {
			t.Errorf("%s parses as %+v", name, f)
		}
	}
	want := fileName{"mulu8", "tile", "avx512vnni", "amd64", "s"}
	if f, err := g.parse("mulu8_tile_avx512vnni_amd64.s"); f != want || err != nil {
		t.Errorf("a good name parses as %+v, error %v", f, err)
	}
}
