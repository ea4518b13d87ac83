package format

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
)

// trained returns two heads, one of which replaces whole keys.
func trained(t *testing.T) map[string]*codebook.Attention {
	t.Helper()
	const head = 6
	rng := rand.New(rand.NewPCG(14, 0))
	samples := make([]float32, 300*head)
	for i := range samples {
		samples[i] = float32(rng.NormFloat64())
	}
	heads := make(map[string]*codebook.Attention)
	for name, opts := range map[string]codebook.AttentionOptions{
		"layers.0.heads.0": {}, "whole": {Whole: true},
	} {
		a, err := codebook.TrainAttention(t.Context(), head, samples, samples, opts)
		if err != nil {
			t.Fatal(err)
		}
		heads[name] = a
	}
	return heads
}

func writeAttention(t *testing.T, heads map[string]*codebook.Attention) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.safetensors")
	err := WriteFile(t.Context(), path, func() ([]byte, error) {
		return EncodeAttention(t.Context(), heads)
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAttentionFile(t *testing.T) {
	ctx, heads := t.Context(), trained(t)
	path := writeAttention(t, heads)
	got, err := ReadAttention(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(heads) {
		t.Errorf("%d heads, want %d", len(got), len(heads))
	}
	for name, a := range heads {
		if got[name] == nil || !reflect.DeepEqual(got[name].Parts(), a.Parts()) {
			t.Errorf("%s: other parts", name)
		}
	}
	again, err := EncodeAttention(ctx, got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, contentOf(t, path)) {
		t.Error("other bytes of the same heads")
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := ReadAttention(done, path); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestBadAttentionFiles(t *testing.T) {
	const name = "layers.0.heads.0"
	ctx, dir := t.Context(), t.TempDir()
	path := writeAttention(t, trained(t))
	for _, c := range []struct {
		change func(p parts)
		want   string
	}{
		{func(p parts) { delete(p.metadata, attentionKey) }, "is no attention file"},
		{func(p parts) { p.metadata[attentionKey] = "2" }, `attention file of version "2"`},
		{func(p parts) { delete(p.tensors, name+partCentroids) },
			"has 9 tensors, of which 6 are parts of heads"},
		{func(p parts) { delete(p.tensors, name+partScales) },
			`tensor "` + name + `.scales": no such tensor`},
		{func(p parts) { p.tensors[name+partZeros].dtype = "F32" },
			`tensor "` + name + `.zeros": is F32 [6], expected I32 [6]`},
		{func(p parts) {
			p.tensors[name+partZeros] = &tensor{name + partZeros, "I32", []int{3, 2}, make([]byte, 24)}
		}, "zeros\": is I32 [3, 2], expected I32 [6]"},
		{func(p parts) {
			p.tensors[name+partCentroids] = &tensor{name + partCentroids, "U8", []int{7, 2},
				make([]byte, 14)}
		}, "centroids\": is U8 [7, 2], expected U8 [any, 256, any]"},
		{func(p parts) {
			p.tensors[name+partCentroids] = &tensor{name + partCentroids, "U8", []int{0, 256, 0}, nil}
		}, `head "` + name + `": segments of 0 columns`},
		{func(p parts) {
			binary.LittleEndian.PutUint32(p.tensors[name+partStep].data, math.Float32bits(-1))
		}, `head "` + name + `": step 0 is -1`},
		{func(p parts) { delete(p.tensors, "whole"+partQueries) },
			"has 9 tensors, of which 8 are parts of heads"},
		{func(p parts) { delete(p.tensors, "whole"+partQueryScales) },
			`tensor "whole.query_scales": no such tensor`},
	} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		p := takeApart(t, f)
		c.change(p)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		bad := filepath.Join(dir, "bad.safetensors")
		if err := os.WriteFile(bad, p.write(t), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAttention(ctx, bad); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), bad) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
