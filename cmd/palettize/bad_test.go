package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestBadFiles gives every broken file of package format to every command that reads one.
func TestBadFiles(t *testing.T) {
	bad, err := filepath.Glob("../../format/testdata/bad/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) < 20 {
		t.Fatalf("%d broken files in format/testdata/bad", len(bad))
	}
	for _, file := range bad {
		t.Run(filepath.Base(file), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.safetensors")
			for _, args := range [][]string{
				{"compress", file, "-o", out}, {"decompress", file, "-o", out}, {"inspect", file},
				{"verify", file}, {"verify", models("other.safetensors"), file}, {"bench", file},
				{"report", file, "-o", out},
			} {
				wantRefusal(t, out, args...)
			}
		})
	}
}

// TestDamagedCodebook flips bits and cuts bytes all over a codebook file.
func TestDamagedCodebook(t *testing.T) {
	dir := t.TempDir()
	whole, damaged := filepath.Join(dir, "w"), filepath.Join(dir, "d")
	out := filepath.Join(dir, "out")
	code, _, stderr := palettize("compress", models("other.safetensors"), "-o", whole)
	if code != exitFine {
		t.Fatal(stderr)
	}
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 1 + len(data)/97 {
		flipped := bytes.Clone(data)
		flipped[i] ^= 1 << (i % 8)
		for what, content := range map[string][]byte{"bit flipped": flipped, "cut": data[:i]} {
			if err := os.WriteFile(damaged, content, 0o666); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s at %d", what, i), func(t *testing.T) {
				wantRefusal(t, out, "decompress", damaged, "-o", out)
				wantRefusal(t, out, "verify", damaged)
				wantRefusal(t, out, "report", damaged, "-o", out)
			})
		}
	}
}

// wantRefusal runs a command line that must fail with one line, print nothing and leave no output.
func wantRefusal(t *testing.T, out string, args ...string) {
	t.Helper()
	before := list(filepath.Dir(out))
	code, stdout, stderr := palettize(args...)
	if code != exitFailed || stdout != "" {
		t.Errorf("%q: exit code %d, want %d; stdout %q", args, code, exitFailed, stdout)
	}
	if problem := badStderr(code, stderr); problem != "" {
		t.Errorf("%q: %s", args, problem)
	}
	if len(stderr) > 500 {
		t.Errorf("%q: a message of %d bytes: %.200q", args, len(stderr), stderr)
	}
	if after := list(filepath.Dir(out)); !slices.Equal(before, after) {
		t.Errorf("%q: left behind %q, there was %q", args, after, before)
	}
}
