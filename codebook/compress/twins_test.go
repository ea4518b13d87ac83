package compress

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/memory"
	"github.com/palettize/palettize/codebook/internal/samples"
)

// summed is a model that knows checksums.
type summed struct{ *memory.Model }

func (s summed) Checksum(ctx context.Context, name string, most int64) (uint64, error) {
	w, err := s.Floats(ctx, name)
	if err != nil {
		return 0, err
	}
	sum := fnv.New64a()
	for _, v := range w[:min(int64(len(w)), most/4)] {
		b := math.Float32bits(v)
		sum.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return sum.Sum64(), nil
}

// tied is a model with a table that is stored twice, and others like it.
func tied() summed {
	table := samples.Gaussian(1, 256*64)
	nearly := slices.Clone(table)
	nearly[len(nearly)-1]++ // beyond what is looked at first
	m := new(memory.Model)
	m.Add("model.embed_tokens.weight", "F32", table, 256, 64)
	m.Add("nearly", "F32", nearly, 256, 64)
	m.Add("bf16", "BF16", table, 256, 64)
	m.Add("turned", "F32", table, 64, 256)
	m.Add("other", "F32", samples.Gaussian(2, 256*64), 256, 64)
	m.Add("head", "F32", table, 256, 64)
	return summed{m}
}

// TestTwins: what is stored twice stays equal, whatever is asked for one of the two.
func TestTwins(t *testing.T) {
	const first, second = "model.embed_tokens.weight", "head"
	three := []Override{{second, Settings{Bits: 3}}}
	for _, tt := range []struct {
		what  string
		opts  Options
		layer bool
	}{
		{"nothing", Options{}, true},
		{"bits of the second", Options{Overrides: three}, true},
		{"bits of the first", Options{Overrides: []Override{{first, Settings{Bits: 3}}}}, true},
		{"a scheme of the second", Options{Overrides: []Override{{second,
			Settings{Scheme: codebook.Scheme{Name: "scalar", K: 16, Width: 1}}}}}, true},
		{"a size", Options{Size: 40000}, true},
		{"the second transposed", Options{Transposed: []string{second}}, true},
		{"the second excluded", Options{Exclude: []string{second}}, true},
		{"the first excluded", Options{Exclude: []string{first}}, false},
		{"the second alone", Options{Include: []string{second}}, false},
	} {
		src, dst := tied(), new(memory.Model)
		report, err := Compress(context.Background(), dst, src, tt.opts)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		if (dst.Layers[first] != nil) != tt.layer || !sameLayers(dst, first, second) {
			t.Errorf("%s: the two differ, or are layers: %v", tt.what, dst.Layers[first] != nil)
		}
		a, b := report.Entries[0], report.Entries[len(report.Entries)-1]
		if a.As != "" || b.As != first || a.Reason != b.Reason || a.Bytes != b.Bytes ||
			a.Tensor.Fold != b.Tensor.Fold || a.Distortion != b.Distortion {
			t.Errorf("%s: reports %+v\nand %+v", tt.what, a, b)
		}
		size := int64(0)
		for i, e := range report.Entries {
			if l := dst.Layers[e.Tensor.Name]; l != nil {
				size += l.BytesStored()
			}
			if i < len(report.Entries)-1 && e.As != "" {
				t.Errorf("%s: %s is taken for %s", tt.what, e.Tensor.Name, e.As)
			}
		}
		if tt.opts.Size > 0 && (size > tt.opts.Size || size < tt.opts.Size*98/100) {
			t.Errorf("%s: %d bytes of %d", tt.what, size, tt.opts.Size)
		}
	}
	// A plan has both, and counts for the first alone.
	a, err := Allocate(context.Background(), new(memory.Model), tied(), Options{Overrides: three})
	if err != nil {
		t.Fatal(err)
	}
	last := &a.Matrices[len(a.Matrices)-1]
	if last.Tensor != second || last.Bytes != a.Matrices[0].Bytes {
		t.Errorf("%+v, the first has %v bytes", last, a.Matrices[0].Bytes)
	}
	last.Scheme = codebook.Scheme{Name: "rows", K: 16}
	dst := new(memory.Model)
	_, err = Compress(context.Background(), dst, tied(), Options{Allocation: a})
	if err != nil || !sameLayers(dst, first, second) {
		t.Errorf("with a plan the two differ (%v)", err)
	}
}

func sameLayers(m *memory.Model, a, b string) bool {
	return reflect.DeepEqual(m.Layers[a], m.Layers[b])
}

// failing is a source that cannot be read.
type failing struct{ summed }

func (failing) Checksum(context.Context, string, int64) (uint64, error) {
	return 0, errors.New("unreadable")
}

func TestTwinsThatCannotBeRead(t *testing.T) {
	_, err := Compress(context.Background(), new(memory.Model), failing{tied()}, Options{})
	if err == nil || err.Error() != "unreadable" {
		t.Error(err)
	}
}
