//go:build unix

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// These tests need a process of its own for each command, and what scripts cannot give: signals,
// another user, a full disk.

// TestInterrupt sends Ctrl-C while compress works, and takes the run up.
func TestInterrupt(t *testing.T) {
	dir, model := t.TempDir(), mkmodel(t, "-rows", "512")
	want, out := compressed(t, model), filepath.Join(dir, "m.pal")
	cmd := child(t, "compress", model, "-o", out)
	cmd.Stdout, cmd.Stderr = new(strings.Builder), new(strings.Builder)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(out+".partial", "journal")
	deadline := time.Now().Add(time.Minute)
	for {
		if text, _ := os.ReadFile(journal); strings.Contains(string(text), `{"layer":`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("compress did not begin")
		}
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil { // lest it ends meanwhile
		t.Fatal(err)
	}
	second := child(t, "compress", model, "-o", out, "--resume")
	second.Stderr = new(strings.Builder)
	wantFailure(t, second, second.Run(), exitFailed, out+".partial: another run is writing to it\n")
	err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Process.Signal(syscall.SIGCONT))
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, cmd, cmd.Wait(), exitInterrupted, "palettize: interrupted; "+out+
		".partial has what is done: --resume goes on from there\n")
	if got := list(dir); !slices.Equal(got, []string{"m.pal.partial"}) {
		t.Errorf("left: %q", got)
	}
	code, _, stderr := palettize("compress", model, "-o", out)
	if code != exitFailed || !strings.Contains(stderr, "m.pal.partial: a run that was cut off has "+
		"left this: --resume goes on from there, --force begins anew") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	resumed(t, want, "compress", model, "-o", out, "--resume")
}

// compressed is the codebook file of a model.
func compressed(t *testing.T, model string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "m.pal")
	if code, _, stderr := palettize("compress", model, "-o", out); code != exitFine {
		t.Fatal(stderr)
	}
	return out
}

// resumed takes up a run by a command line with -o and expects it to make what want is, and to
// leave nothing else.
func resumed(t *testing.T, want string, args ...string) {
	t.Helper()
	code, _, stderr := palettize(args...)
	out := args[slices.Index(args, "-o")+1]
	if code != exitFine {
		t.Fatal(stderr)
	}
	sameContent(t, out, want)
	if got := list(filepath.Dir(out)); !slices.Equal(got, []string{filepath.Base(out)}) {
		t.Errorf("left behind: %q", got)
	}
}

// times is how often a test of bad days repeats: as a variable of the environment says.
func times(t *testing.T, fewest int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("PALETTIZE_BAD_DAYS"), strconv.Itoa(fewest)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilled kills compress at random moments, some runs more than once, and takes it up: of a
// file, and of a folder whose output has several.
func TestKilled(t *testing.T) {
	long(t)
	model := mkmodel(t, "-rows", "512")
	want := compressed(t, model)
	begin := time.Now()
	compressed(t, model)
	whole := time.Since(begin)
	folder := t.TempDir()
	copyFile(t, model, filepath.Join(folder, "model.safetensors"), 0o666)
	copyFile(t, "testdata/golden.txt", filepath.Join(folder, "tokenizer.txt"), 0o666)
	wantFolder := filepath.Join(t.TempDir(), "folder.pal")
	sharded := []string{"compress", folder, "--shard-size", "500kB"}
	if code, _, stderr := palettize(append(sharded, "-o", wantFolder)...); code != exitFine {
		t.Fatal(stderr)
	}
	if got := list(wantFolder); len(got) < 4 {
		t.Fatalf("made %q, expected several files", got)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range times(t, 6) {
		out := filepath.Join(t.TempDir(), "m.pal")
		args, want := []string{"compress", model}, want
		if i%2 == 1 {
			args, want = sharded, wantFolder
		}
		args = append(slices.Clone(args), "-o", out, "--resume")
		for range 1 + rng.IntN(3) {
			cmd := child(t, args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rng.Int64N(int64(whole))))
			cmd.Process.Kill()
			cmd.Wait()
		}
		if _, err := os.Stat(out); err == nil { // it was faster
			sameContent(t, out, want)
			continue
		}
		resumed(t, want, args...)
	}
}

// TestCanceled runs every command that works for long under a context that is done.
func TestCanceled(t *testing.T) {
	dir := t.TempDir()
	book := filepath.Join(dir, "m.pal")
	code, _, stderr := palettize("compress", models("other.safetensors"), "-o", book)
	if code != exitFine {
		t.Fatal(stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"compress", models("other.safetensors"), "-o", filepath.Join(dir, "x.pal")},
		{"verify", book},
		{"decompress", book},
		{"bench", book},
	} {
		t.Run(args[0], func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := run(ctx, args, strings.NewReader(""), &stdout, &stderr)
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d", code, exitInterrupted)
			}
			if want := "palettize: interrupted\n"; stderr.String() != want {
				t.Errorf("stderr %q, want %q", stderr.String(), want)
			}
			if got := list(dir); !slices.Equal(got, []string{"m.pal"}) {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

// TestUnwritableFolder writes where it may not. Root may write anywhere, so that it becomes nobody.
func TestUnwritableFolder(t *testing.T) {
	// Others could not enter t.TempDir.
	base, err := os.MkdirTemp("", "palettize-unwritable-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	folder, coverage := filepath.Join(base, "folder"), filepath.Join(base, "coverage")
	err = errors.Join(os.Chmod(base, 0o755), os.Mkdir(folder, 0o755),
		os.Mkdir(coverage, 0o755), os.Chmod(coverage, 0o777))
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(folder, "m.safetensors")
	book := filepath.Join(folder, "b.pal")
	copyFile(t, models("other.safetensors"), model, 0o644)
	if code, _, stderr := palettize("compress", model, "-o", book); code != 0 {
		t.Fatal(stderr)
	}
	program := filepath.Join(base, "palettize")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, self, program, 0o755)
	err = errors.Join(os.Chmod(folder, 0o555), os.Chmod(model, 0o444), os.Chmod(book, 0o444))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(folder, 0o755) })
	for _, args := range [][]string{
		{"compress", model},
		{"compress", model, "-o", book, "--force"},
		{"decompress", book},
	} {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = base
		cmd.Env = append(os.Environ(), "GOCOVERDIR="+coverage) // where nobody may write too
		cmd.SysProcAttr = asNobody()
		cmd.Stdout, cmd.Stderr = new(strings.Builder), new(strings.Builder)
		wantFailure(t, cmd, cmd.Run(), exitFailed, "permission denied")
	}
	// What can be read only is an input.
	readOnly := exec.CommandContext(t.Context(), program, "compress", model, "-o",
		filepath.Join(coverage, "out.pal"))
	readOnly.Dir, readOnly.SysProcAttr = base, asNobody()
	readOnly.Env = append(os.Environ(), "GOCOVERDIR="+coverage)
	if out, err := readOnly.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	sameContent(t, filepath.Join(coverage, "out.pal"), book)
	if got := list(folder); !slices.Equal(got, []string{"b.pal", "m.safetensors"}) {
		t.Errorf("left behind: %q", got)
	}
}

// asNobody are attributes of a process that may do no more than others, which root may.
func asNobody() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// TestOtherFileSystem writes to another one than that of the input and of temporary files, by its
// path and through a link.
func TestOtherFileSystem(t *testing.T) {
	dir := t.TempDir()
	far, err := os.MkdirTemp("/dev/shm", "palettize-test-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(far) })
	near, link := filepath.Join(dir, "near.pal"), filepath.Join(dir, "link.pal")
	out := filepath.Join(far, "far.pal")
	if err := os.Symlink(out, link); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{near}, {out}, {link, "--force"}} {
		command := []string{"compress", models("other.safetensors"), "-o"}
		if code, _, stderr := palettize(append(command, args...)...); code != exitFine {
			t.Fatal(stderr)
		}
	}
	sameContent(t, out, near)
	if got := list(far); !slices.Equal(got, []string{"far.pal"}) {
		t.Errorf("left behind: %q", got)
	}
}

// TestPaths: a path may have any bytes in it, and messages keep to a line.
func TestPaths(t *testing.T) {
	names := []string{"a b", "line\nbreak", "\xff\xfe", "[*]?", "$(x);'\"", "ü\x1b[0m"}
	if testing.Short() {
		names = names[:1]
	}
	for _, name := range names {
		t.Run(strconv.QuoteToASCII(name), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			model := filepath.Join(dir, "model")
			if err := os.MkdirAll(model, 0o777); err != nil {
				t.Skip(err)
			}
			copyFile(t, models("other.safetensors"), filepath.Join(model, name+".safetensors"), 0o666)
			book, merged := filepath.Join(dir, "book"), filepath.Join(dir, "merged")
			for _, args := range [][]string{
				{"compress", model, "-o", book, "--shard-size", "30kB"}, {"inspect", book},
				{"verify", book, model},
				{"compress", model, "-o", merged, "--shard", "0/2"},
				{"compress", model, "-o", merged, "--shard", "1/2"},
				{"compress", model, "-o", merged, "--shard", "1/2", "--resume"},
				{"merge", merged + ".0-of-2.partial", merged + ".1-of-2.partial", "-o", merged,
					"--shard-size", "30kB"},
				{"decompress", book}, {"inspect", book + ".dense"},
			} {
				if code, _, stderr := palettize(args...); code != exitFine || stderr != "" {
					t.Fatalf("%q: exit code %d, %s", args, code, stderr)
				}
			}
			sameContent(t, merged, book)
			code, _, stderr := palettize("compress", model, "-o", book)
			problem := badStderr(code, stderr)
			if code != exitFailed || problem != "" || !utf8.ValidString(stderr) ||
				strings.Contains(stderr, "\x1b") {
				t.Errorf("exit code %d, %q, %s", code, stderr, problem)
			}
		})
	}
}

// TestFullDisk writes to a file system that is too small. Only root can make one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=128k", "palettize-test", dir)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system here (TestFileLimit does nearly the same): %s",
			out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	out := filepath.Join(dir, "m.pal")
	cmd := child(t, "compress", models("model.safetensors"), "-o", out)
	cmd.Stdout, cmd.Stderr = new(strings.Builder), new(strings.Builder)
	wantFailure(t, cmd, cmd.Run(), exitFailed, " bytes are free, about ")
	if got := list(dir); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

// TestFileLimit writes a file larger than the shell allows, which is like a disk that becomes full,
// and goes on with more room, until there is enough.
func TestFileLimit(t *testing.T) {
	long(t)
	model := mkmodel(t, "-rows", "512")
	want := compressed(t, model)
	info, err := os.Stat(want)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range times(t, 2) {
		dir := t.TempDir()
		out := filepath.Join(dir, "m.pal")
		for blocks := int64(20); ; blocks += 1 + rng.Int64N(info.Size()/512/2) {
			cmd := withFileLimit(t, blocks, "compress", model, "-o", out, "--resume")
			err := cmd.Run()
			if err == nil {
				break
			}
			wantFailure(t, cmd, err, exitFailed, "file too large")
			got := list(dir)
			if slices.ContainsFunc(got, func(name string) bool { return name != "m.pal.partial" }) {
				t.Fatalf("left behind: %q", got)
			}
		}
		sameContent(t, out, want)
		if got := list(dir); !slices.Equal(got, []string{"m.pal"}) {
			t.Errorf("left behind: %q", got)
		}
	}
}

// withFileLimit is a command line whose files may have so many blocks of 512 bytes, or of 1,024.
func withFileLimit(t *testing.T, blocks int64, args ...string) *exec.Cmd {
	t.Helper()
	return shellLimit(t, fmt.Sprintf("ulimit -f %d", blocks), args...)
}

// shellLimit is a command line under a limit that a shell sets.
func shellLimit(t *testing.T, limit string, args ...string) *exec.Cmd {
	t.Helper()
	// The shell execs the program under the name that TestMain knows: that of a link.
	link := filepath.Join(t.TempDir(), "palettize")
	if err := os.Symlink(child(t).Path, link); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-c", limit + `; exec "$0" "$@"`, link}, args...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	cmd.Stdout, cmd.Stderr = new(strings.Builder), new(strings.Builder)
	return cmd
}

// TestFullStdout prints to a device that takes nothing.
func TestFullStdout(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	for _, args := range [][]string{
		{"cpu"}, {"cpu", "--json"}, {"inspect", models("other.safetensors")},
	} {
		cmd := child(t, args...)
		cmd.Stdout, cmd.Stderr = full, new(strings.Builder)
		wantFailure(t, cmd, cmd.Run(), exitFailed, "no space left on device")
	}
}

// wantFailure checks how a command ended, err being what Wait said, and what it said on stderr.
func wantFailure(t *testing.T, cmd *exec.Cmd, err error, code int, says string) {
	t.Helper()
	var exit *exec.ExitError
	stderr := cmd.Stderr.(*strings.Builder).String()
	switch {
	case !errors.As(err, &exit):
		t.Errorf("%q: %v, want exit code %d", cmd.Args, err, code)
	case exit.ExitCode() != code:
		t.Errorf("%q: exit code %d, want %d; stderr %q", cmd.Args, exit.ExitCode(), code, stderr)
	case !strings.Contains(stderr, says):
		t.Errorf("%q: stderr %q, want %q", cmd.Args, stderr, says)
	}
	if problem := badStderr(code, stderr); problem != "" {
		t.Errorf("%q: %s", cmd.Args, problem)
	}
}

// sameContent checks that two files, or the files of two folders, are the same.
func sameContent(t *testing.T, a, b string) {
	t.Helper()
	if info, err := os.Stat(a); err == nil && info.IsDir() {
		if !slices.Equal(list(a), list(b)) {
			t.Errorf("%s has %q, %s %q", a, list(a), b, list(b))
			return
		}
		for _, name := range list(a) {
			sameContent(t, filepath.Join(a, name), filepath.Join(b, name))
		}
		return
	}
	if string(content(t, a)) != string(content(t, b)) {
		t.Errorf("%s and %s differ", a, b)
	}
}
