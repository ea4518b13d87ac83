package main

import (
	"io"
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

func TestSimilar(t *testing.T) {
	names := []string{"bits", "max-error", "size", "seed", "k", "for", "with space"}
	for typed, want := range map[string]string{
		"bit": "bits", "bits": "bits", "BITS": "bits", "bist": "", "max-eror": "max-error",
		"maxerror": "max-error", "max": "max-error", "seeds": "seed", "x": "", "k": "", "": "",
		"frobnicate": "", "with space": "",
	} {
		if got := similar(typed, names); got != want {
			t.Errorf("similar(%q) is %q, want %q", typed, got, want)
		}
	}
}

// TestFileFlags: each flag that names a file is in the table, and each row of the table is a flag.
func TestFileFlags(t *testing.T) {
	var want, got []string
	for _, f := range fileFlags {
		want = append(want, f.name)
	}
	for _, cmd := range newRoot(&env{io.Discard, io.Discard}).Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); value == "FILE" || f.Name == "output" {
				got = append(got, f.Name)
			}
		})
	}
	slices.Sort(want)
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("flags that name files: %v, in the table: %v", got, want)
	}
}

// TestFlagTypesAreExplained: no flag's value is refused in the words of strconv.
func TestFlagTypesAreExplained(t *testing.T) {
	known := []string{
		"bool", "string", "stringArray", "float64", "int", "uint64", "duration", "BYTES", "E",
		"I/N",
	}
	for _, cmd := range newRoot(&env{io.Discard, io.Discard}).Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(known, f.Value.Type()) {
				t.Errorf("%s --%s: expected does not know the type %s",
					cmd.Name(), f.Name, f.Value.Type())
			}
		})
	}
}
