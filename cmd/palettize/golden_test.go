package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGolden compresses a model on every tier with two threads, and on the best with 1 and 7: the
// file is the same, bit for bit, and the same as ever. testdata/golden.txt has a line "SHA-256
// FLAGS" for each scheme; go test ./cmd/palettize -run 'TestGolden|TestDocs' -update writes it
// anew.
func TestGolden(t *testing.T) {
	long(t)
	const file = "testdata/golden.txt"
	const scalar = "avx2,asimd" // what is left without these
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var updated strings.Builder
	for line := range strings.Lines(string(golden)) {
		want, flags, _ := strings.Cut(strings.TrimSpace(line), " ")
		if *update {
			want = compressedSum(t, strings.Fields(flags), "1", scalar)
			fmt.Fprintf(&updated, "%s %s\n", want, flags)
		}
		for _, way := range []struct{ off, threads string }{
			{"", "1"}, {"", "2"}, {"", "7"}, {"avx512vbmi", "2"}, {"avx512f", "2"}, {scalar, "2"},
		} {
			t.Run(fmt.Sprintf("%s/off=%s/threads=%s", flags, way.off, way.threads),
				func(t *testing.T) {
					t.Parallel()
					if got := compressedSum(t, strings.Fields(flags), way.threads,
						way.off); got != want {
						t.Errorf("SHA-256 is %s, want %s", got, want)
					}
				})
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(updated.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var update = flag.Bool("update", false,
	"write testdata/golden.txt and the outputs in documents anew")

// compressedSum compresses, in a process of its own where CPU features are off, which is how to
// switch them off.
func compressedSum(t *testing.T, flags []string, threads, off string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"compress", models("other.safetensors"), "-o", out, "--threads", threads}
	args = append(args, flags...)
	if off == "" {
		if code, _, stderr := palettize(args...); code != exitFine {
			t.Fatal(stderr)
		}
	} else {
		cmd := child(t, args...)
		cmd.Env = append(os.Environ(), "PALETTIZE_CPU_OFF="+off)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256(content(t, out)))
}
