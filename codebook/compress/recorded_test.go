package compress

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/moments"
)

// TestRecordedOptions holds what codebook files keep against the text that they had at first, and
// reads it again.
func TestRecordedOptions(t *testing.T) {
	trellis := Schemes()[0]
	unknown := func(context.Context, string, int) (*moments.Moments, error) { return nil, nil }
	for _, c := range []struct {
		name string
		opts Options
		want string
	}{
		{"bits", Options{Settings: Settings{Scheme: trellis, Bits: 4, For: ForSize}},
			`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"bits":4,"seed":0}`},
		{"an error", Options{
			Settings: Settings{Scheme: trellis, MaxError: 0.1, Each: true, For: ForSpeed},
		},
			`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"max_error":0.1,"each":true,` +
				`"for":"speed","seed":0}`},
		{"overrides", Options{
			Settings: Settings{Scheme: trellis},
			Overrides: []Override{
				{"*embed*", Settings{Scheme: trellis, Bits: 3, Each: true, For: ForSize}},
				{"a<b", Settings{Scheme: windowScheme(4)}},
			},
			Size: 500000, Transposed: []string{"*.w"}, Seed: 7, Threads: 3,
		},
			`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"size":500000,"tensors":[` +
				`{"glob":"*embed*","scheme":"trellis","d":1,"k":255,"group":0,"states":32,` +
				`"bits":3,"each":true},` +
				`{"glob":"a\u003cb","scheme":"trellis","d":1,"k":256,"group":0,"window":4}],` +
				`"transposed":["*.w"],"seed":7}`},
		{"moments and an allocation", Options{
			Settings: Settings{Scheme: trellis, Bits: 4},
			Moments:  unknown, Allocation: new(Allocation),
		},
			`{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,"bits":4,"calibrated":true,` +
				`"planned":true,"seed":0}`},
	} {
		text, err := json.Marshal(c.opts)
		if err != nil || string(text) != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, text, err, c.want)
		}
		again := Options{Moments: c.opts.Moments, Allocation: c.opts.Allocation, Threads: 3}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if again.Threads != 3 {
			t.Errorf("%s: reading it made 3 threads %d", c.name, again.Threads)
		}
		if text, err := json.Marshal(again); err != nil || string(text) != c.want {
			t.Errorf("%s, read again: %s (%v), want %s", c.name, text, err, c.want)
		}
	}
}

func TestRecordedOptionsRefused(t *testing.T) {
	unknown := func(context.Context, string, int) (*moments.Moments, error) { return nil, nil }
	const scheme = `{"scheme":"trellis","d":1,"k":255,"group":0,"states":32,`
	for _, c := range []struct {
		name, text, want string
		opts             Options
	}{
		{"moments that are not there", scheme + `"calibrated":true,"seed":0}`,
			"need the moments", Options{}},
		{"moments too many", scheme + `"seed":0}`, "and others none", Options{Moments: unknown}},
		{"an allocation that is not there", scheme + `"planned":true,"seed":0}`,
			"need the allocation", Options{}},
		{"an allocation too many", scheme + `"seed":0}`, "and others none",
			Options{Allocation: new(Allocation)}},
		{"a name of a later version", scheme + `"colour":"red","seed":0}`,
			`unknown field "colour"`, Options{}},
		{"an unknown scheme", `{"scheme":"palette","d":1,"k":255,"group":0}`,
			`unknown scheme "palette"`, Options{}},
		{"bits beyond", scheme + `"bits":10,"seed":0}`, "10 bits a weight", Options{}},
		{"an override that cannot be",
			scheme + `"tensors":[{"glob":"[","scheme":"rows","d":0,"k":9,"group":0}],"seed":0}`,
			"syntax error in pattern", Options{}},
	} {
		c.opts.Seed = 3
		err := json.Unmarshal([]byte(c.text), &c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if c.opts.Seed != 3 || c.opts.Scheme != (codebook.Scheme{}) {
			t.Errorf("%s: left %+v behind", c.name, c.opts.Settings)
		}
	}
}

// TestAllocationJSON writes an allocation and reads it again, and then ones that nobody wrote.
func TestAllocationJSON(t *testing.T) {
	a := &Allocation{Matrices: []Allotted{
		{Tensor: "a", Weights: 64, Scheme: Schemes()[0], Step: -5, Bytes: 32, Bits: 4,
			Error: 0.06, Cap: 0.1, Rates: []Rate{{2, 0.25}, {3, 0.12}}},
		{Tensor: "b", Weights: 9}, // without a layer
	}}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Allocation)
	if err := json.Unmarshal(text, again); err != nil || !reflect.DeepEqual(a, again) {
		t.Errorf("%s came back as %+v (%v)", text, again, err)
	}
	const rows = `"scheme": {"scheme": "rows", "d": 0, "k": 9, "group": 0}`
	for _, c := range []struct{ matrix, want string }{
		{`"tensor": "w", "weights": -3, ` + rows, `tensor "w": -3 weights`},
		{`"tensor": "w", "weights": 1, "step": 9000000, ` + rows, `tensor "w": step 9000000`},
		{`"tensor": "w", "weights": 1, "bytes": -1, ` + rows,
			`tensor "w": figures that are no bytes`},
		{`"tensor": "w", "weights": 1, "rates": [{"bits": 2, "error": -1}], ` + rows,
			`tensor "w": figures that are no bytes`},
		{`"tensor": "w", "weights": 1, "scheme": {"scheme": "x"}`,
			`tensor "w": unknown scheme "x"`},
		{`"tensor": "w", "weights": 1}, {"tensor": "w", "weights": 1`,
			`tensor "w": is there twice`},
		{`"tensor": "w", "weights": 1, "colour": "red"`, `json: unknown field "colour"`},
		{`"tensor": 7`, "json: cannot unmarshal number"},
	} {
		got := &Allocation{Matrices: []Allotted{{Tensor: "kept"}}}
		err := json.Unmarshal([]byte(`{"matrices": [{`+c.matrix+`}]}`), got)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.matrix, err, c.want)
		}
		if len(got.Matrices) != 1 || got.Matrices[0].Tensor != "kept" {
			t.Errorf("%s: left %+v behind", c.matrix, got)
		}
	}
}

// TestCompressChecksAllocation: one that was not read, but made, is held against the same rules.
func TestCompressChecksAllocation(t *testing.T) {
	a := &Allocation{Matrices: []Allotted{{Tensor: "w", Weights: -3}}}
	err := Options{Allocation: a}.Validate()
	if err == nil || err.Error() != `tensor "w": -3 weights` {
		t.Errorf("got %v", err)
	}
}
