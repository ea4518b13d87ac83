package transformer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/examples/internal/tensors"
	"github.com/palettize/palettize/examples/internal/tiny"
	"github.com/palettize/palettize/format"
)

// Small decoders that testdata/decoder.py has made.
var smallDecoders = []string{"testdata/llama-tied", "testdata/llama-long", "testdata/qwen2",
	"testdata/qwen3", "testdata/mistral"}

// decoder opens the decoder of a folder.
func decoder(t testing.TB, folder string, threads int) *Decoder {
	t.Helper()
	config, err := ReadConfig(folder)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDecoder(t, folder, config, threads)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openDecoder(t testing.TB, path string, config Config, threads int) (*Decoder, error) {
	t.Helper()
	ctx := context.Background()
	m, err := format.OpenModel(ctx, path, codebook.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return NewDecoder(ctx, m, config, threads)
}

func newText(t testing.TB, d *Decoder) *Text {
	t.Helper()
	text, err := d.NewText(d.Positions())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expectedLogits returns what another implementation makes of a text: its tokens, the places in it,
// and the logits behind each of these.
func expectedLogits(t *testing.T, folder string) (tokens, places []int, logits [][]float32) {
	t.Helper()
	file, err := format.Open(filepath.Join(folder, "logits.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	floats := func(name string) []float32 {
		values, err := file.Floats(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	for _, v := range floats("tokens") {
		tokens = append(tokens, int(v))
	}
	all := floats("logits")
	for place := range slices.Values([]int{0, 1, 63, 64, 149}) {
		places = append(places, place)
		logits = append(logits, all[:96])
		all = all[96:]
	}
	if len(tokens) != 150 || len(all) != 0 {
		t.Fatalf("%d tokens, %d values too many", len(tokens), len(all))
	}
	return tokens, places, logits
}

func TestDecoderLogits(t *testing.T) {
	ctx := context.Background()
	for _, folder := range smallDecoders {
		tokens, places, want := expectedLogits(t, folder)
		d := decoder(t, folder, 1)
		check := func(how string, place int, logits []float32) {
			i := slices.Index(places, place)
			if i < 0 {
				return
			}
			worst := 0.0
			for j, v := range logits {
				worst = max(worst, math.Abs(float64(v)-float64(want[i][j])))
			}
			if !(worst <= 1e-4) {
				t.Errorf("%s, %s, token %d: a logit is %.2g off", folder, how, place, worst)
			}
		}
		text := newText(t, d)
		at := 0
		if err := text.AppendEach(ctx, tokens, func(logits []float32) {
			check("in batches", at, logits)
			at++
		}); err != nil || at != len(tokens) || text.Len() != at {
			t.Fatal(err, at)
		}
		text = newText(t, d)
		for i, token := range tokens {
			logits, err := text.Append(ctx, []int{token})
			if err != nil {
				t.Fatal(err)
			}
			check("one by one", i, logits)
		}
	}
}

// TestDecoderThreads: attention is the same whoever does it.
func TestDecoderThreads(t *testing.T) {
	ctx := context.Background()
	tokens, _, _ := expectedLogits(t, smallDecoders[1])
	var want []float32
	for _, threads := range []int{1, 2, 7} {
		logits, err := newText(t, decoder(t, smallDecoders[1], threads)).Append(ctx, tokens)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(logits)
		}
		if !slices.Equal(logits, want) {
			t.Errorf("other logits on %d threads", threads)
		}
	}
}

// TestDecoderCodebook runs the files that compression makes of a model through the same code.
func TestDecoderCodebook(t *testing.T) {
	ctx := context.Background()
	tokens, places, want := expectedLogits(t, smallDecoders[0])
	config, err := os.ReadFile(filepath.Join(smallDecoders[0], "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, settings := range map[string]compress.Settings{
		"6 bits": {Bits: 6},
		"windows of 5 bits": {Scheme: codebook.Scheme{Name: "trellis", Width: 1, K: 256,
			WindowBits: 5}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666); err != nil {
			t.Fatal(err)
		}
		err = tiny.Compress(ctx, filepath.Join(dir, "model.pal"),
			filepath.Join(smallDecoders[0], "model.safetensors"), compress.Options{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		d := decoder(t, filepath.Join(dir, "model.pal"), 2)
		logits, err := newText(t, d).Append(ctx, tokens[:places[0]+1])
		if err != nil {
			t.Fatal(err)
		}
		var square, all float64
		for i, v := range want[0] {
			square += float64(v-logits[i]) * float64(v-logits[i])
			all += float64(v) * float64(v)
		}
		if e := math.Sqrt(square / all); !(e > 1e-3 && e < 0.25) {
			t.Errorf("%s: logits are %.3f off, want a little", name, e)
		}
	}
}

// someTokens are a text of as many tokens as a small decoder takes, the same each time.
func someTokens(d *Decoder, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0))
	tokens := make([]int, d.Positions())
	for i := range tokens {
		tokens[i] = rng.IntN(d.Vocabulary())
	}
	return tokens
}

// TestDecoderKeyTables: texts whose keys are codes have nearly the same logits, the same ones
// however they are added, on any number of threads and with tables of a file, and take less memory.
func TestDecoderKeyTables(t *testing.T) {
	ctx := t.Context()
	folder := smallDecoders[1]
	long := func(threads int) *Decoder {
		d := decoder(t, folder, threads)
		d.positions = 700 // so that most keys become codes
		return d
	}
	exact := long(1)
	tokens := someTokens(exact, 1)
	text := newText(t, exact)
	want, err := text.Append(ctx, tokens)
	if err != nil {
		t.Fatal(err)
	}
	size := text.Bytes()
	for _, c := range []struct {
		opts codebook.AttentionOptions
		most float64
	}{
		{codebook.AttentionOptions{Width: 1}, 0.1},
		{codebook.AttentionOptions{Width: 2}, 0.3},
		{codebook.AttentionOptions{Whole: true}, 1.3}, // as if it were another text
	} {
		var first []float32
		var file []byte
		for _, threads := range []int{1, 2} {
			d := long(threads)
			tables, err := d.TrainKeyTables(ctx, [][]int{someTokens(d, 2), someTokens(d, 3)}, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := tables.Encode(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if file == nil {
				file = encoded
			}
			if !bytes.Equal(encoded, file) {
				t.Errorf("%+v: other tables on %d threads", c.opts, threads)
			}
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, encoded, 0o666); err != nil {
				t.Fatal(err)
			}
			if tables, err = ReadKeyTables(ctx, path); err != nil {
				t.Fatal(err)
			}
			if err := d.KeepKeys(tables); err != nil {
				t.Fatal(err)
			}
			text := newText(t, d)
			logits, err := text.Append(ctx, tokens)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = slices.Clone(logits)
				var off errorSum
				off.add(first, want)
				if e := off.relative(); !(e > 1e-6 && e < c.most) {
					t.Errorf("%+v: logits are %.4f off, want a little", c.opts, e)
				}
			}
			if !slices.Equal(logits, first) {
				t.Errorf("%+v: other logits on %d threads", c.opts, threads)
			}
			if text.Bytes() >= size {
				t.Errorf("%+v: %d bytes of a text, %d with exact keys", c.opts, text.Bytes(), size)
			}
			text = newText(t, d)
			for _, n := range []int{1, 62, 2, 64, 70, 1, 300, 200} {
				if logits, err = text.Append(ctx, tokens[text.Len():][:n]); err != nil {
					t.Fatal(err)
				}
			}
			worst := 0.0
			for i, v := range logits {
				worst = max(worst, math.Abs(float64(v-first[i])))
			}
			if text.Len() != len(tokens) || !(worst < 1e-4) {
				t.Errorf("%+v: a logit is %v off in pieces, of %d tokens", c.opts, worst, text.Len())
			}
			if err := d.KeepKeys(nil); err != nil {
				t.Fatal(err)
			}
			if logits, err = newText(t, d).Append(ctx, tokens); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(logits, want) {
				t.Errorf("%+v: other logits with exact keys again", c.opts)
			}
		}
	}
}

func TestBadKeyTables(t *testing.T) {
	ctx := t.Context()
	d, other := decoder(t, smallDecoders[0], 1), decoder(t, smallDecoders[1], 1)
	tables, err := d.TrainKeyTables(ctx, [][]int{someTokens(d, 1)}, codebook.AttentionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fewer := &KeyTables{tables.heads[:1]}
	narrow := &KeyTables{[][]keyTable{tables.heads[0], tables.heads[1][:1]}}
	for _, c := range []struct {
		d      *Decoder
		tables *KeyTables
		want   string
	}{
		{d, fewer, "key tables of 1 layers, the model has 2"},
		{d, narrow, "key tables of 1 heads in layer 1, the model has 2"},
		{d, &KeyTables{}, "key tables of 0 layers"},
	} {
		if err := c.d.KeepKeys(c.tables); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	other.headWidth = 14
	if err := other.KeepKeys(tables); err == nil ||
		!strings.Contains(err.Error(), "key tables of 12 columns in layer 0, head 0, the model has 14") {
		t.Error(err)
	}
	if _, err := d.TrainKeyTables(ctx, nil, codebook.AttentionOptions{}); err == nil {
		t.Error("tables trained on nothing")
	}
	if _, err := d.TrainKeyTables(ctx, [][]int{{1}, {96}}, codebook.AttentionOptions{}); err == nil ||
		!strings.Contains(err.Error(), "text 2: token 96 is none") {
		t.Error(err)
	}
	heads := map[string]*codebook.Attention{"a": tables.heads[0][0].attention}
	data, err := format.EncodeAttention(ctx, heads)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeyTables(ctx, path); err == nil ||
		!strings.Contains(err.Error(), path+": has 1 heads, 0 of them by names from layers.0") {
		t.Error(err)
	}
}

// TestDecoderWatch: what is seen is what linear layers multiply with, of all tokens.
func TestDecoderWatch(t *testing.T) {
	ctx := t.Context()
	d := decoder(t, smallDecoders[1], 2)
	tokens := someTokens(d, 1)[:100]
	type seen struct{ vectors, columns int }
	all := make(map[string]seen)
	var hidden []float32
	d.Watch(func(x []float32, columns int, linears ...string) {
		for _, name := range linears {
			s := all[name]
			all[name] = seen{s.vectors + len(x)/columns, columns}
		}
		if linears[0] == "lm_head.weight" {
			hidden = append(hidden, x...)
		}
	})
	var logits []float32
	err := newText(t, d).AppendEach(ctx, tokens, func(l []float32) { logits = append(logits, l...) })
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2*7+1 {
		t.Errorf("%d layers", len(all))
	}
	for name, s := range all {
		want := map[bool]int{false: 48, true: 56}[strings.Contains(name, "down_proj")]
		if strings.Contains(name, "o_proj") {
			want = 6 * 12
		}
		if s.vectors != len(tokens) || s.columns != want {
			t.Errorf("%s: %d inputs of %d columns, want %d of %d", name, s.vectors, s.columns,
				len(tokens), want)
		}
	}
	again := make([]float32, len(logits))
	if err := d.model.Linear(again, "lm_head", hidden, len(tokens)); err != nil {
		t.Fatal(err)
	}
	for i, v := range again {
		if math.Abs(float64(v-logits[i])) > 1e-4 {
			t.Fatalf("logit %d is %v of what was seen, want %v", i, v, logits[i])
		}
	}
	d.Watch(nil)
	if _, err := newText(t, d).Append(ctx, tokens[:1]); err != nil {
		t.Fatal(err)
	}
	if all["lm_head.weight"].vectors != len(tokens) {
		t.Error("seen after it was to be seen no more")
	}
}

func TestDecoderAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("such a run has the race detector, under which pools forget what they hold")
	}
	ctx := context.Background()
	text := newText(t, decoder(t, smallDecoders[0], 2))
	token := []int{5}
	for range 70 { // room grows by powers of two
		if _, err := text.Append(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(40, func() {
		if _, err := text.Append(ctx, token); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a token", n)
	}
}

func TestTextBadTokens(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d := decoder(t, smallDecoders[0], 1)
	for _, most := range []int{0, -1, 257} {
		if _, err := d.NewText(most); err == nil ||
			!strings.Contains(err.Error(), "the model takes 1 to 256") {
			t.Errorf("a text of %d tokens: %v", most, err)
		}
	}
	text, err := d.NewText(3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := text.Append(ctx, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tokens []int
		want   string
	}{
		{nil, "no tokens"},
		{[]int{1, 2}, "2 tokens and 2 more, there is room for 3"},
		{[]int{96}, "token 96 is none of the 96"},
		{[]int{-1}, "token -1 is none of the 96"},
	} {
		if _, err := text.Append(ctx, c.tokens); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("tokens %v: %v, want %q", c.tokens, err, c.want)
		}
	}
	if text.Len() != 2 {
		t.Errorf("%d tokens after errors, want 2", text.Len())
	}
	// It goes on as if nothing had happened.
	fresh, err := newText(t, d).Append(ctx, []int{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	got, err := text.Append(ctx, []int{3})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if math.Abs(float64(v-fresh[i])) > 1e-4 {
			t.Fatalf("logit %d is %v after errors, want %v", i, v, fresh[i])
		}
	}
	if text, err = d.NewText(1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := text.Append(ctx, []int{3}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestNewDecoderBadModels(t *testing.T) {
	const query, norm = "model.layers.1.self_attn.q_proj.weight", "model.norm.weight"
	good, err := ReadConfig(smallDecoders[0])
	if err != nil {
		t.Fatal(err)
	}
	six, no := 6, false
	for _, c := range []struct {
		name   string
		config func(c *Config)
		model  func(m map[string]tensors.Tensor)
		want   string
	}{
		{"no config", func(c *Config) { *c = Config{} }, nil, `the model type "" is not supported`},
		{"another type", func(c *Config) { c.Type = "gpt2" }, nil, `the model type "gpt2"`},
		{"another activation", func(c *Config) { c.Activation = "gelu" }, nil, `the activation "gelu"`},
		{"a window of a Llama", func(c *Config) { c.SlidingWindow = &six }, nil,
			`sliding_window of the model type "llama" is not supported`},
		{"an empty window", func(c *Config) { c.Type, c.SlidingWindow = "mistral", new(int) }, nil,
			"sliding_window is 0, expected 1 or more"},
		{"a type of layers", func(c *Config) {
			c.Type, c.LayerTypes = "qwen3", []string{"full_attention", "linear_attention"}
		}, nil, `layer_types: "linear_attention" is not supported`},
		{"fewer types of layers", func(c *Config) {
			c.Type, c.LayerTypes = "qwen3", []string{"full_attention"}
		}, nil, "layer_types has 1 entries, expected 2"},
		{"positions of a part of a head", func(c *Config) { c.PartialRotary = 0.5 }, nil,
			"partial_rotary_factor 0.5 is not supported"},
		{"biases that are missing", func(c *Config) { c.Type = "qwen2" }, nil,
			`tensor "model.layers.0.self_attn.q_proj.bias": no such tensor`},
		{"norms of heads that are missing", func(c *Config) { c.Type = "qwen3" }, nil,
			`tensor "model.layers.0.self_attn.q_norm.weight": no such tensor`},
		{"a bias of another shape", nil, func(m map[string]tensors.Tensor) {
			m["model.layers.0.mlp.up_proj.bias"] = tensors.Tensor{Shape: []int{3},
				Values: make([]float32, 3)}
		}, `tensor "model.layers.0.mlp.up_proj.bias": has 3 values, expected 56`},
		{"no layers", func(c *Config) { c.Layers = 0 }, nil, "num_hidden_layers is 0"},
		{"a huge width", func(c *Config) { c.Width = 1 << 30 }, nil, "hidden_size is 1073741824"},
		{"odd heads", func(c *Config) { c.KeyHeads = 3 }, nil, "4 heads of 12 columns, which share 3"},
		{"unknown positions", func(c *Config) { c.Rope = &ropeScaling{Type: "yarn"} }, nil,
			`rotary positions of type "yarn" are not supported`},
		{"positions without a factor", func(c *Config) { c.Rope = &ropeScaling{Type: "linear"} }, nil,
			"rotary positions of type linear with factors 0"},
		{"theta", func(c *Config) { c.Theta = -1 }, nil, "rope_theta is -1"},
		{"fewer layers in the config", func(c *Config) { c.Layers = 1 }, nil,
			"more layers than the 1 that config.json says"},
		{"more layers in the config", func(c *Config) { c.Layers = 3 }, nil,
			`tensor "model.layers.2.input_layernorm.weight": no such tensor`},
		{"another vocabulary", func(c *Config) { c.Vocabulary = 97 }, nil,
			`tensor "model.embed_tokens.weight": is F32 [96 48], expected floats [97, 48]`},
		{"an output matrix of its own", func(c *Config) { c.Tied = &no }, nil,
			`tensor "lm_head.weight": no such tensor`},
		{"other heads", func(c *Config) { c.Heads = 2; c.HeadWidth = 12 }, nil,
			`q_proj.weight": is F32 [48 48], expected floats [24, 48]`},
		{"no Llama", nil, func(m map[string]tensors.Tensor) {
			clear(m)
			m["a.weight"] = tensors.Tensor{Shape: []int{1, 2}, Values: []float32{1, 2}}
		}, `no decoder of the Llama type: tensor "model.embed_tokens.weight": no such tensor`},
		{"a matrix is missing", nil, func(m map[string]tensors.Tensor) { delete(m, query) },
			`tensor "` + query + `": no such tensor`},
		{"a matrix of another shape", nil, func(m map[string]tensors.Tensor) {
			m[query] = tensors.Tensor{Shape: []int{48, 3}, Values: make([]float32, 48*3)}
		}, `tensor "` + query + `": is F32 [48 3], expected floats [48, 48]`},
		{"a NaN", nil, func(m map[string]tensors.Tensor) {
			m[norm].Values[3] = float32(math.NaN())
		}, `tensor "` + norm + `": value 3 is NaN`},
	} {
		config, model := good, rebuilt(t, smallDecoders[0])
		if c.config != nil {
			c.config(&config)
		}
		if c.model != nil {
			c.model(model)
		}
		_, err := openDecoder(t, write(t, model), config, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// rebuilt returns the tensors of a folder.
func rebuilt(t *testing.T, folder string) map[string]tensors.Tensor {
	t.Helper()
	file, err := format.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := make(map[string]tensors.Tensor)
	for _, d := range file.Tensors() {
		values, err := file.Floats(context.Background(), d.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[d.Name] = tensors.Tensor{Shape: d.Shape, Values: values}
	}
	return all
}

func TestWindows(t *testing.T) {
	two, four := 2, 4
	for _, c := range []struct {
		config Config
		want   []int
	}{
		{Config{Type: "llama", SlidingWindow: &four, MaxPositions: 4}, []int{0, 0, 0}},
		{Config{Type: "mistral", SlidingWindow: &four}, []int{4, 4, 4}},
		{Config{Type: "mistral"}, []int{0, 0, 0}},
		{Config{Type: "qwen2", SlidingWindow: &four, FullLayers: &two}, []int{0, 0, 0}},
		{Config{Type: "qwen2", SlidingWindow: &four, FullLayers: &two, UsesWindow: true},
			[]int{0, 0, 4}},
		{Config{Type: "qwen2", SlidingWindow: &four, UsesWindow: true}, []int{0, 0, 0}},
		{Config{Type: "qwen3", SlidingWindow: &four, FullLayers: &two, UsesWindow: true,
			LayerTypes: []string{"sliding_attention", "full_attention", "full_attention"}},
			[]int{4, 0, 0}},
	} {
		c.config.Layers = 3
		if got, err := c.config.windows(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, %v, want %v", c.config, got, err, c.want)
		}
	}
}

func TestReadConfigRope(t *testing.T) {
	for _, c := range []struct {
		text  string
		theta float64
		kind  string
		last  []int
	}{
		{`{"rope_theta": 100, "rope_scaling": null, "eos_token_id": 2}`, 100, "default", []int{2}},
		{`{"rope_theta": 100, "rope_scaling": {"type": "linear", "factor": 2}, "eos_token_id": null}`,
			100, "linear", nil},
		{`{"rope_parameters": {"rope_theta": 5, "rope_type": "llama3"}, "eos_token_id": [1, 2]}`,
			5, "llama3", []int{1, 2}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		config, err := ReadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		theta, scaling := config.rope()
		if theta != c.theta || scaling.kind() != c.kind || !slices.Equal(config.Last, c.last) {
			t.Errorf("%s: %v, %s, %v", c.text, theta, scaling.kind(), config.Last)
		}
	}
}

func TestRMSNorm(t *testing.T) {
	for n := 1; n < 12; n++ {
		x, gain, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		square := 0.0
		for i := range x {
			x[i], gain[i] = float32(i*i%7)-2.5, 1+float32(i)/8
			square += float64(x[i]) * float64(x[i])
		}
		RMSNorm(dst, x, gain, 0.5)
		for i, v := range dst {
			want := float64(x[i]) / math.Sqrt(square/float64(n)+0.5) * float64(gain[i])
			if math.Abs(float64(v)-want) > 1e-6*(1+math.Abs(want)) {
				t.Errorf("%d values: value %d is %v, want %v", n, i, v, want)
			}
		}
	}
}

// BenchmarkDecoder measures a token behind 256 others.
func BenchmarkDecoder(b *testing.B) {
	folder := os.Getenv("PALETTIZE_DECODER")
	if folder == "" {
		b.Skip("set PALETTIZE_DECODER to the folder of a model")
	}
	ctx := context.Background()
	d := decoder(b, folder, 1)
	text := newText(b, d)
	tokens := make([]int, 256)
	for i := range tokens {
		tokens[i] = 1000 + i*7919%20000
	}
	if _, err := text.Append(ctx, tokens); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := text.Append(ctx, tokens[:1]); err != nil {
			b.Fatal(err)
		}
	}
}
