package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/codebook/verify"
	"github.com/palettize/palettize/format"
)

// TestVerifyRefusesOtherModel changes the sign of one value of a model, in one tensor after the
// other.
func TestVerifyRefusesOtherModel(t *testing.T) {
	dir := t.TempDir()
	book := filepath.Join(dir, "m.pal")
	changed := filepath.Join(dir, "changed.safetensors")
	original := models("model.safetensors")
	if code, _, stderr := palettize("compress", original, "-o", book); code != exitFine {
		t.Fatal(stderr)
	}
	data, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	model, err := format.Open(original)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	for _, tensor := range model.Tensors() {
		r, err := model.Reader(tensor.Name)
		if err != nil {
			t.Fatal(err)
		}
		_, offset, n := r.Outer()
		sign := offset + n/tensor.Elements() - 1 // the last byte of the first value
		data[sign] ^= 0x80
		err = os.WriteFile(changed, data, 0o666)
		data[sign] ^= 0x80
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := palettize("verify", book, changed)
		want := fmt.Sprintf("palettize: %s: not the model of %s: tensor %q",
			changed, book, tensor.Name)
		if kind, _ := tensor.Kind(); kind == "" && !strings.Contains(tensor.Name, "position") {
			want += ": the sum of its squared differences from the layer is "
		} else {
			want += " has other values than the one that passed through\n"
		}
		if code != exitFailed || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s changed: exit code %d, stdout %q, stderr %q",
				tensor.Name, code, stdout, stderr)
		}
	}
}

// TestVerifyOfAnOlderBook: experts in one tensor were one layer.
func TestVerifyOfAnOlderBook(t *testing.T) {
	original := models("experts.safetensors")
	model, err := format.Open(original)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	book := filepath.Join(t.TempDir(), "m.pal")
	w, err := format.Create(book, model.Whole(), format.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	opts := compress.Options{Include: []string{"layers.2.mlp.experts.down_proj"}}
	if _, err := compress.Compress(t.Context(), w, model.Whole(), opts); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := palettize("verify", book, original)
	if code != exitFine || !strings.Contains(stdout, "layers.2.mlp.experts.down_proj  [3, 128, 128]") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestErrorLimitMissed(t *testing.T) {
	layer := func(name string, weights float64) verify.Check {
		return verify.Check{Name: name, WeightError: &weights, OutputError: 1}
	}
	total := 0.05
	known := &verify.Report{
		Layers: []verify.Check{
			layer("a", 0.04), layer("b", 0.06), layer("c", 0.2), layer("d", 0.06), layer("e", 0.3),
		},
		Total: verify.Total{WeightError: &total, OutputError: 0.07},
	}
	unknown := &verify.Report{
		Layers: []verify.Check{
			{Name: "a", OutputError: 0.01}, {Name: "b\n", OutputError: 0.02},
			{Name: "c", OutputError: math.NaN()},
		},
		Total: verify.Total{OutputError: 0.015},
	}
	for _, c := range []struct {
		limit string
		v     *verify.Report
		want  string
	}{
		{"0.3", known, ""},
		{"0.25", known, "weight error is beyond 0.25 in 1 of 5 layers: e at 0.3"},
		{"0.1", known, "weight error is beyond 0.1 in 2 of 5 layers: e at 0.3, c at 0.2"},
		{"0.05", known, "weight error is beyond 0.05 in 4 of 5 layers: " +
			"e at 0.3, c at 0.2, b at 0.06 and 1 more"},
		{"total:0.05", known, ""},
		{"total:0.04", known, "total weight error is 0.05, wanted at most 0.04"},
		{"0.015", unknown, `output error is beyond 0.015 in 2 of 3 layers: b\n at 0.02, c at NaN`},
		{"total:0.015", unknown, ""},
		{"total:0.01", unknown, "total output error is 0.015, wanted at most 0.01"},
	} {
		var limit errorLimit
		if err := limit.Set(c.limit); err != nil {
			t.Fatal(err)
		}
		if got := limit.missed(c.v); got != c.want {
			t.Errorf("%s: %q, want %q", c.limit, got, c.want)
		}
	}
}
