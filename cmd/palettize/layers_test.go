package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// edges lists for each package which others of this module it imports, from the top down: a package
// imports only what stands below it.
var edges = []struct {
	from string
	to   string
}{
	{"cmd/palettize", "codebook codebook/compress codebook/moments codebook/verify format " +
		"internal/errorlimit internal/stack internal/version kernels"},
	{"format", "codebook codebook/moments internal/bitstream internal/dtype internal/stack " +
		"internal/version"},
	{"codebook/internal/memory", "codebook codebook/internal/samples"},
	{"codebook/verify", "codebook internal/floats kernels"},
	{"codebook/compress", "codebook codebook/internal/quant codebook/moments internal/dtype " +
		"internal/errorlimit internal/floats internal/par internal/stack kernels"},
	{"codebook/internal/quant", "codebook codebook/internal/gptq codebook/internal/stream " +
		"codebook/moments internal/bitstream internal/entropy internal/floats internal/logscale " +
		"internal/par kernels kmeans"},
	{"codebook", "codebook/internal/stream internal/bitstream internal/dtype internal/floats " +
		"internal/logscale internal/par kernels kmeans"},
	{"codebook/internal/samples", "codebook/moments kernels"},
	{"codebook/internal/gptq", "codebook/moments internal/floats internal/par kernels"},
	{"codebook/moments", "internal/floats"},
	{"codebook/internal/stream", "internal/bitstream internal/entropy internal/par kernels"},
	{"internal/entropy", "internal/bitstream internal/logscale kernels"},
	{"kmeans", "internal/par kernels"},
	{"kernels", ""},
	{"kernels/internal/guard", ""},
	{"internal/errorlimit", ""},
	{"internal/floats", ""},
	{"internal/logscale", ""},
	{"internal/bitstream", ""},
	{"internal/dtype", ""},
	{"internal/stack", ""},
	{"internal/par", ""},
	{"internal/version", ""},
}

// outside is what is outside the standard library, and where alone it may be imported.
var outside = map[string]string{
	"golang.org/x/sys/":                 "kernels/",
	"github.com/nlpodyssey/safetensors": "format/",
	"github.com/zeebo/xxh3":             "format/",
	"github.com/gofrs/flock":            "format/",
	"github.com/spf13/":                 "cmd/",
	"github.com/schollz/progressbar/":   "cmd/palettize/ui_progress.go",
	"github.com/rivo/uniseg":            "cmd/palettize/ui_progress.go",
	"golang.org/x/term":                 "cmd/palettize/ui_progress.go",
	"gonum.org/v1/plot":                 "cmd/palettize/ui_plot.go",
}

// nowhere is what no package may import, see SECURITY.md: nothing of a file is executed, and there
// is no network.
var nowhere = regexp.MustCompile(`^(os/exec|plugin|net|net/.*|(text|html)/template)$`)

// TestLayers fails on an import that edges does not have, on an edge that no import has, and on a
// dependency where it does not belong. It reads all files, whatever their build tags.
func TestLayers(t *testing.T) {
	const module = "github.com/palettize/palettize/"
	allowed, order := make(map[string]map[string]bool), make(map[string]int)
	for i, e := range edges {
		allowed[e.from], order[e.from] = make(map[string]bool), i
		for _, to := range strings.Fields(e.to) {
			allowed[e.from][to] = false // until an import has it
		}
	}
	files := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(filepath.ToSlash(file), "../../"))
		skipped := name == "build" || name == "examples" || d.Name() == "testdata" ||
			strings.HasPrefix(d.Name(), ".git")
		if d.IsDir() && skipped {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		from := path.Dir(name)
		if allowed[from] == nil {
			t.Errorf("%s: edges has no package %s", name, from)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to, inside := strings.CutPrefix(imported, module)
			_, edge := allowed[from][to]
			switch {
			case inside && edge:
				allowed[from][to] = true
			case inside:
				t.Errorf("%s: package %s imports %s: edges does not say so", name, from, to)
			case nowhere.MatchString(imported):
				t.Errorf("%s: package %s imports %s, which none may", name, from, imported)
			case strings.Contains(strings.Split(imported, "/")[0], ".") && !belongs(imported, name):
				t.Errorf("%s: package %s imports %s, which does not belong there",
					name, from, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for from, tos := range allowed {
		for to, used := range tos {
			if !used {
				t.Errorf("%s does not import %s: take the edge away", from, to)
			}
			if below, ok := order[to]; !ok || below <= order[from] {
				t.Errorf("%s does not stand below %s", to, from)
			}
		}
	}
	if files < 20 {
		t.Errorf("read %d files only", files)
	}
}

// belongs reports whether a dependency may be imported in a file.
func belongs(imported, file string) bool {
	for prefix, place := range outside {
		if strings.HasPrefix(imported, prefix) && strings.HasPrefix(file, place) {
			return true
		}
	}
	return false
}
