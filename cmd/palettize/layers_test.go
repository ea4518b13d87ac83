package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLayers fails on an import against the chain of packages, and on a dependency where it does not
// belong. It reads all files, whatever their build tags.
func TestLayers(t *testing.T) {
	const module = "github.com/palettize/palettize"
	chain := []string{
		"cmd", "format", "codebook", "internal/entropy", "kmeans", "kernels", "internal/logscale",
		"internal/bitstream", "internal/halves",
	}
	// What is outside the standard library, and where alone it may be imported.
	outside := map[string]string{
		"golang.org/x/sys/":                 "kernels/",
		"github.com/nlpodyssey/safetensors": "format/",
		"github.com/zeebo/xxh3":             "format/",
		"github.com/spf13/":                 "cmd/",
		"github.com/schollz/progressbar/":   "cmd/palettize/ui.go",
		"github.com/rivo/uniseg":            "cmd/palettize/ui.go",
		"golang.org/x/term":                 "cmd/palettize/ui.go",
	}
	top := func(p string) string {
		first, rest, _ := strings.Cut(p, "/")
		if first == "internal" {
			second, _, _ := strings.Cut(rest, "/")
			return first + "/" + second
		}
		return first
	}
	files := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("../..", file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() && (name == "build" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".git")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || top(name) == "examples" {
			return nil
		}
		files++
		from := slices.Index(chain, top(name))
		if from < 0 {
			t.Errorf("%s: is in no layer of %s", name, strings.Join(chain, " -> "))
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
			if inside, ok := strings.CutPrefix(imported, module+"/"); ok {
				if to := slices.Index(chain, top(inside)); to < from || to == from && !strings.HasPrefix(inside, path.Dir(name)) {
					t.Errorf("%s: package %s imports %s, against %s", name, path.Dir(name), inside, strings.Join(chain, " -> "))
				}
				continue
			}
			if !strings.Contains(top(imported), ".") {
				continue // the standard library
			}
			allowed := false
			for prefix, place := range outside {
				allowed = allowed || strings.HasPrefix(imported, prefix) && strings.HasPrefix(name, place)
			}
			if !allowed {
				t.Errorf("%s: package %s imports %s, which does not belong there", name, path.Dir(name), imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("read %d files only", files)
	}
}
