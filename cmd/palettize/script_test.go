package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary stand in for the program, and builds the models that tests use.
func TestMain(m *testing.M) {
	testscript.Main(withModels{m}, map[string]func(){"palettize": main})
}

// withModels runs tests with the folder models/ in place.
type withModels struct{ *testing.M }

func (m withModels) Run() int {
	dir, err := os.MkdirTemp("", "palettize-models-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("PALETTIZE_TEST_MODELS", dir)
	build := exec.Command("go", "build", "-o", dir, "../../examples/mkmodel")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	for _, args := range [][]string{
		{"-o", "model.safetensors"},
		{"-o", "nan.safetensors", "-nan"},
		{"-o", "other.safetensors", "-rows", "128"},
		{"-o", "experts.safetensors", "-rows", "128", "-experts", "3"},
	} {
		cmd := exec.Command(filepath.Join(dir, "mkmodel"), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	return m.M.Run()
}

// models is a file in the folder that withModels made.
func models(name string) string { return filepath.Join(os.Getenv("PALETTIZE_TEST_MODELS"), name) }

// mkmodel makes a model for one test alone.
func mkmodel(t *testing.T, args ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "model.safetensors")
	made := exec.CommandContext(t.Context(), models("mkmodel"), append(args, "-o", name)...)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}

func TestScript(t *testing.T) {
	long(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", os.Getenv("PALETTIZE_TEST_MODELS"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"files": files,
			"model": makeModel,
		},
	})
}

// long leaves a test of many runs of the program out of short runs: under the race detector they
// take minutes.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARGUMENTS. After success stderr
// must be empty; after failure it must be one line and, unless a gate was missed, stdout empty.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENTS")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if problem := badStderr(want, ts.ReadFile("stderr")); problem != "" {
		ts.Fatalf("%s", problem)
	}
	if out := ts.ReadFile("stdout"); want != exitFine && want != exitGate && out != "" {
		ts.Fatalf("failed, but printed %q", out)
	}
}

// badStderr says what is wrong with the messages that go with an exit code.
func badStderr(code int, stderr string) string {
	switch {
	case code == exitFine && stderr != "":
		return "stderr is not empty after success: " + stderr
	case code != exitFine && (!strings.HasPrefix(stderr, "palettize: ") ||
		strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n")):
		return "stderr is not one line that begins with palettize: " + strconv.Quote(stderr)
	}
	return ""
}

// files checks that a folder holds these files and nothing else, hidden ones too, but for the .tmp
// that testscript makes: files FOLDER NAMES.
func files(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: files FOLDER NAMES")
	}
	temporary := func(name string) bool { return name == ".tmp" }
	got := slices.DeleteFunc(list(ts.MkAbs(args[0])), temporary)
	if !slices.Equal(got, slices.Sorted(slices.Values(args[1:]))) {
		ts.Fatalf("%s holds %q, want %q", args[0], got, args[1:])
	}
}

// list names the files in a folder, sorted.
func list(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// palettize runs a command line in this process.
func palettize(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// child is a command line in a process of its own, for what cannot be tested in this one.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = "palettize" // which is how TestMain knows
	return cmd
}

func copyFile(t *testing.T, from, to string, perm os.FileMode) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		t.Fatal(err)
	}
}
