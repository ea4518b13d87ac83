package main

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs runs the sessions in the documents, in a folder with a model.safetensors that mkmodel
// made.
func TestDocs(t *testing.T) {
	long(t)
	for _, name := range []string{"README.md", "examples/cli/README.md", "examples/ci/README.md"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyFile(t, models("model.safetensors"), filepath.Join(dir, "model.safetensors"), 0o666)
			runSessions(t, name, dir)
		})
	}
}

// TestModelTour runs examples/tour.md on the real model.
func TestModelTour(t *testing.T) {
	model := os.Getenv("PALETTIZE_MODEL")
	if model == "" {
		t.Skip("PALETTIZE_MODEL names no model")
	}
	dir, bin := t.TempDir(), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../examples/encoder")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+bin)
	folder := filepath.Join(dir, "all-MiniLM-L6-v2")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	const config = `{"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, ` +
		`"num_attention_heads": 12, "hidden_act": "gelu", "layer_norm_eps": 1e-12}` + "\n"
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	const sentences = "../../examples/compare/sentences/"
	stem := strings.TrimSuffix(model, ".safetensors")
	for to, from := range map[string]string{
		filepath.Join(folder, "model.safetensors"): model,
		filepath.Join(folder, "tokenizer.json"):    stem + ".tokenizer.json",
		filepath.Join(dir, "sentences.txt"):        sentences + "eval.txt",
		filepath.Join(dir, "calibration.txt"):      sentences + "calibration.txt",
	} {
		copyFile(t, from, to, 0o666)
	}
	runSessions(t, "examples/tour.md", dir)
}

// runSessions runs the sessions of a document in a folder. A fenced block "console" is a session:
// lines that begin with "$ " are commands, which must succeed; what stands between them is compared
// with the output when the fence says "console exact". -update replaces it by the output.
func runSessions(t *testing.T, name, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, s := range sessions(string(text)) {
		for _, c := range s.commands {
			commands++
			line := c.line
			if !*update {
				line = brief(line)
			}
			got := shell(t, dir, line)
			switch {
			case got == c.output:
			// README.md is about another model.
			case *update && (s.exact || c.output != "") && name != "README.md":
				before, after := "$ "+c.line+"\n"+c.output, "$ "+c.line+"\n"+got
				text = []byte(strings.Replace(string(text), before, after, 1))
			case s.exact:
				t.Errorf("$ %s\nprinted\n%s\n%s says\n%s", c.line, got, name, c.output)
			}
		}
	}
	if commands == 0 {
		t.Error("no commands found")
	}
	if *update {
		if err := os.WriteFile(filepath.Join("../..", name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// brief is a command line in which bench measures no longer than it takes to print something.
func brief(line string) string {
	return strings.Replace(line, "palettize bench ",
		"palettize bench --time 1ms --working-set 1MiB ", 1)
}

// TestPrograms compiles the Go programs in the documents.
func TestPrograms(t *testing.T) {
	long(t)
	programs := 0
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rest, program := string(text), ""
		for found := true; ; {
			if _, rest, found = strings.Cut(rest, "\n```go\n"); !found {
				break
			}
			if program, rest, found = strings.Cut(rest, "\n```\n"); !found {
				t.Fatalf("%s: a program without an end", name)
			}
			programs++
			program += "\n"
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "vet", file)
			cmd.Dir = "../.."
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			if tidy, err := format.Source([]byte(program)); err != nil || string(tidy) != program {
				t.Errorf("%s: gofmt changes a program (%v)", name, err)
			}
		}
	}
	if programs == 0 {
		t.Error("no programs found")
	}
}

// TestLinks follows the links in the documents: to files and folders that are there, and headings.
func TestLinks(t *testing.T) {
	fences := regexp.MustCompile("(?ms)^```.*?^```$")
	headings := regexp.MustCompile(`(?m)^#+ (.*)$`)
	links := regexp.MustCompile(`\]\(([^()\s]+)\)`)
	unnamed := regexp.MustCompile(`[^\p{L}\p{N} _-]`) // which names of headings leave out
	anchors, found := make(map[string]bool), make(map[string]string)
	for _, name := range documents(t) {
		text := fences.ReplaceAllString(string(content(t, name)), "")
		for _, h := range headings.FindAllStringSubmatch(text, -1) {
			anchor := unnamed.ReplaceAllString(strings.ToLower(h[1]), "")
			anchors[name+"#"+strings.ReplaceAll(anchor, " ", "-")] = true
		}
		for _, l := range links.FindAllStringSubmatch(text, -1) {
			file, anchor, inside := strings.Cut(l[1], "#")
			switch path := filepath.Join(filepath.Dir(name), file); {
			case strings.Contains(file, "://"):
			case file == "":
				found[name+"#"+anchor] = name
			case inside:
				found[path+"#"+anchor] = name
			default:
				if _, err := os.Stat(path); err != nil {
					t.Errorf("%s has a link to %s: %v", name, l[1], err)
				}
			}
		}
	}
	for link, name := range found {
		if !anchors[link] {
			t.Errorf("%s has a link to %s, which is no heading", name, link)
		}
	}
	if len(found) == 0 {
		t.Error("no links to headings found")
	}
}

// documents lists the texts of the project.
func documents(t *testing.T) (names []string) {
	t.Helper()
	for _, glob := range []string{"../../*.md", "../../examples/*.md", "../../examples/*/*.md",
		"../../format/*.md", "../../python/*.md"} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return names
}

// TestWorkflow runs the steps of the workflow file in examples/ci, but for the installation. Gates
// on speed may be missed: the test runs beside others, on any machine.
func TestWorkflow(t *testing.T) {
	long(t)
	text, err := os.ReadFile("../../examples/ci/model.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyFile(t, models("model.safetensors"), filepath.Join(dir, "model.safetensors"), 0o666)
	if err := os.Mkdir(filepath.Join(dir, "base"), 0o777); err != nil {
		t.Fatal(err)
	}
	copyFile(t, models("model.safetensors"), filepath.Join(dir, "base", "model.safetensors"), 0o666)
	steps := 0
	for line := range strings.Lines(string(text)) {
		step, ok := strings.CutPrefix(strings.TrimSpace(line), "- run: ")
		if !ok || strings.HasPrefix(step, "go install") {
			continue
		}
		steps++
		step = strings.Replace(step, "--min-speedup 1 ", "--min-speedup 0.001 ", 1)
		step = brief(step)
		if strings.Contains(step, "--baseline") {
			step += " || [ $? = 3 ]"
		}
		shell(t, dir, step)
	}
	if steps < 3 {
		t.Errorf("found %d steps only", steps)
	}
}

type session struct {
	exact    bool
	commands []command
}

type command struct{ line, output string }

func sessions(text string) []session {
	var all []session
	inside := false
	for line := range strings.Lines(text) {
		switch {
		case inside && strings.HasPrefix(line, "```"):
			inside = false
		case strings.HasPrefix(line, "```console"):
			inside = true
			all = append(all, session{exact: strings.Contains(line, "exact")})
		case inside && strings.HasPrefix(line, "$ "):
			s := &all[len(all)-1]
			s.commands = append(s.commands, command{line: strings.TrimSpace(line[2:])})
		case inside:
			s := &all[len(all)-1]
			s.commands[len(s.commands)-1].output += line
		}
	}
	return all
}

// shell runs a line with palettize and mkmodel at hand and returns what it printed.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	// testscript put palettize, which is this test binary, on the path.
	cmd.Env = append(os.Environ(),
		"PATH="+os.Getenv("PATH")+":"+os.Getenv("PALETTIZE_TEST_MODELS"),
		"GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("$ %s\n%s%v", line, out, err)
	}
	return string(out)
}
