package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/palettize/palettize/codebook/compress"
)

// TestModel holds the figures that README.md gives for all-MiniLM-L6-v2.
func TestModel(t *testing.T) {
	model := os.Getenv("PALETTIZE_MODEL")
	if model == "" {
		t.Skip("set PALETTIZE_MODEL to the model.safetensors of all-MiniLM-L6-v2, " +
			"or run make check, which fetches it")
	}
	encoder := func(flags ...string) []string {
		return append([]string{"--include", "encoder.*"}, flags...)
	}
	for _, c := range []struct {
		name        string
		flags       []string
		error, bits float64 // at most
		size        float64 // of the file, at most, as a part of the original's
	}{
		{"2 bits", encoder("--bits", "2"), 0.2422, 2, 1},
		{"3 bits", encoder("--bits", "3"), 0.1213, 3, 1},
		{"4 bits", encoder("--bits", "4"), 0.0608, 4, 1},
		{"5 bits", encoder("--bits", "5"), 0.0306, 5, 1},
		{"6 bits", encoder("--bits", "6"), 0.0159, 6, 1},
		{"8 states", encoder("--states", "8"), 0.0618, 4, 1},
		{"8.5 bits", encoder("--bits", "8.5"), 0.0053, 8.5, 1},
		{"equal bits", encoder("--uniform"), 0.0636, 4, 1},
		{"an error of 0.05", encoder("--max-error", "0.05"), 0.05, 4.34, 1},
		{"an error of 0.05 together", encoder("--max-error", "total:0.05"), 0.05, 4.3, 1},
		{"2-bit windows", encoder("--storage", "window", "--bits", "2"), 0.2716, 2.047, 1},
		{"3-bit windows", encoder("--storage", "window", "--bits", "3"), 0.1382, 3.047, 1},
		{"4-bit windows", encoder("--storage", "window", "--bits", "4"), 0.0723, 4.047, 1},
		{"5-bit windows", encoder("--storage", "window", "--bits", "5"), 0.0378, 5.047, 1},
		{"segments of 8", encoder("--scheme", "segments", "--segment", "8"), 0.558, 1.16, 1},
		{"segments of 4", encoder("--scheme", "segments", "--segment", "4"), 0.315, 2.11, 1},
		{"segments of 2", encoder("--scheme", "segments", "--segment", "2"), 0.094, 4.08, 1},
		{"rows", encoder("--scheme", "rows"), 0.66, 8.1, 1},
		{"16 values in groups of 16",
			encoder("--scheme", "scalar", "--k", "16", "--group", "16"), 0.068, 4.5, 1},
		{"the default on the whole model", nil, 0.0815, 4, 1. / 7.4},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"compress", model, "--json", "-o", filepath.Join(t.TempDir(), "out")}
			code, stdout, stderr := palettize(append(args, c.flags...)...)
			if code != exitFine {
				t.Fatal(stderr)
			}
			var report struct{ Total compress.Total }
			if err := json.Unmarshal([]byte(stdout), &report); err != nil {
				t.Fatal(err)
			}
			total := report.Total
			t.Logf("weight error %.4f, %.3f bits, file %d of %d bytes",
				total.WeightError, total.BitsStored, total.BytesOut, total.BytesIn)
			if c.flags != nil && total.Compressed != 36 {
				t.Errorf("compressed %d layers, want the 36 of the encoder", total.Compressed)
			}
			if total.WeightError > c.error {
				t.Errorf("weight error %.4f, want at most %v", total.WeightError, c.error)
			}
			// Nothing is ruined behind the error of all together.
			if w := total.Worst; w == nil || w.Error > 2.5*total.WeightError && w.Error > 0.13 {
				t.Errorf("worst %+v, of %.4f", w, total.WeightError)
			}
			if total.BitsStored > c.bits {
				t.Errorf("%.3f bits stored, want at most %v", total.BitsStored, c.bits)
			}
			if float64(total.BytesOut) > c.size*float64(total.BytesIn) {
				t.Errorf("file of %d bytes, want at most %.3f of %d",
					total.BytesOut, c.size, total.BytesIn)
			}
		})
	}
}
