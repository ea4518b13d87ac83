package transformer

import (
	"context"
	"errors"
	"math"
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

const tinyHeads = 4

var tinyConfig = Config{Type: "bert", Heads: tinyHeads}

var tinySentences = [][]int{
	{2, 9, 12, 30, 3}, {2, 3}, {2, 8, 3}, {7}, {2, 44, 12, 12, 59, 20, 5, 3},
	{2, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 6, 7, 3},
}

// write writes a model's file.
func write(t *testing.T, model map[string]tensors.Tensor) string {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := tiny.Write(path, model); err != nil {
		t.Fatal(err)
	}
	return path
}

// open returns an encoder of a file.
func open(t *testing.T, path string, config Config, threads int) (*Encoder, error) {
	ctx := context.Background()
	m, err := format.OpenModel(ctx, path, codebook.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return NewEncoder(ctx, m, config, threads)
}

// embed returns vectors of a file's model.
func embed(t *testing.T, path string, config Config, threads int, sentences [][]int) []float32 {
	t.Helper()
	e, err := open(t, path, config, threads)
	if err != nil {
		t.Fatal(err)
	}
	vectors := make([]float32, len(sentences)*e.Width())
	if err := e.Embed(context.Background(), vectors, sentences); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// reference is what an encoder computes, as the paper has it, in float64.
func reference(model map[string]tensors.Tensor, tokens []int) []float64 {
	linear := func(name string, x [][]float64) [][]float64 {
		w, b := model[name+".weight"], model[name+".bias"]
		y := make([][]float64, len(x))
		for t := range x {
			for r := range w.Shape[0] {
				sum := float64(b.Values[r])
				for c, v := range x[t] {
					sum += float64(w.Values[r*w.Shape[1]+c]) * v
				}
				y[t] = append(y[t], sum)
			}
		}
		return y
	}
	norm := func(name string, x [][]float64) {
		for t := range x {
			mean, square := 0.0, 0.0
			for _, v := range x[t] {
				mean += v / float64(len(x[t]))
			}
			for _, v := range x[t] {
				square += (v - mean) * (v - mean) / float64(len(x[t]))
			}
			for i, v := range x[t] {
				gain, bias := model[name+".weight"].Values[i], model[name+".bias"].Values[i]
				x[t][i] = (v-mean)/math.Sqrt(square+1e-12)*float64(gain) + float64(bias)
			}
		}
	}
	add := func(x, y [][]float64) {
		for t := range x {
			for i := range x[t] {
				x[t][i] += y[t][i]
			}
		}
	}
	var x [][]float64
	for place, token := range tokens {
		row := make([]float64, tiny.Width)
		for i := range row {
			for name, at := range map[string]int{"word": token, "position": place, "token_type": 0} {
				table := model["embeddings."+name+"_embeddings.weight"].Values
				row[i] += float64(table[at*tiny.Width+i])
			}
		}
		x = append(x, row)
	}
	norm("embeddings.LayerNorm", x)
	for _, at := range []string{"encoder.layer.0.", "encoder.layer.1."} {
		q, k := linear(at+"attention.self.query", x), linear(at+"attention.self.key", x)
		v := linear(at+"attention.self.value", x)
		mixed := make([][]float64, len(x))
		const width = tiny.Width / tinyHeads
		for t := range x {
			mixed[t] = make([]float64, tiny.Width)
			for first := 0; first < tiny.Width; first += width {
				shares, all := make([]float64, len(x)), 0.0
				for u := range x {
					for i := first; i < first+width; i++ {
						shares[u] += q[t][i] * k[u][i] / math.Sqrt(width)
					}
					shares[u] = math.Exp(shares[u])
					all += shares[u]
				}
				for u := range x {
					for i := first; i < first+width; i++ {
						mixed[t][i] += shares[u] / all * v[u][i]
					}
				}
			}
		}
		add(x, linear(at+"attention.output.dense", mixed))
		norm(at+"attention.output.LayerNorm", x)
		inner := linear(at+"intermediate.dense", x)
		for t := range inner {
			for i, v := range inner[t] {
				inner[t][i] = v / 2 * math.Erfc(-v/math.Sqrt2)
			}
		}
		add(x, linear(at+"output.dense", inner))
		norm(at+"output.LayerNorm", x)
	}
	sum, square := make([]float64, tiny.Width), 0.0
	for i := range sum {
		for t := range x {
			sum[i] += x[t][i]
		}
		square += sum[i] * sum[i]
	}
	for i := range sum {
		sum[i] /= math.Sqrt(square)
	}
	return sum
}

func TestEmbed(t *testing.T) {
	model := tiny.Encoder()
	path := write(t, model)
	got := embed(t, path, tinyConfig, 1, tinySentences)
	for s, tokens := range tinySentences {
		for i, want := range reference(model, tokens) {
			if v := got[s*tiny.Width+i]; math.Abs(float64(v)-want) > 3e-6 {
				t.Fatalf("sentence %d: value %d is %v, want %v", s, i, v, want)
			}
		}
	}
	many := slices.Repeat(tinySentences, 40)
	vectors := embed(t, path, tinyConfig, 3, many)
	for i, v := range vectors {
		if want := got[i%len(got)]; math.Abs(float64(v-want)) > 1e-6 {
			t.Fatalf("among %d sentences: value %d is %v, want %v", len(many), i, v, want)
		}
	}
	if one := embed(t, path, tinyConfig, 1, many); !slices.Equal(one, vectors) {
		t.Error("other vectors on one thread than on three")
	}
}

// TestEmbedPrefixed opens a model whose names are those of a class around BertModel.
func TestEmbedPrefixed(t *testing.T) {
	model, prefixed := tiny.Encoder(), make(map[string]tensors.Tensor)
	for name, tensor := range model {
		prefixed["bert."+name] = tensor
	}
	want := embed(t, write(t, model), tinyConfig, 1, tinySentences)
	if got := embed(t, write(t, prefixed), tinyConfig, 1, tinySentences); !slices.Equal(got, want) {
		t.Error("other vectors with names that begin with bert.")
	}
}

// TestEmbedCodebook runs the codebook file through the same code.
func TestEmbedCodebook(t *testing.T) {
	path := write(t, tiny.Encoder())
	want := embed(t, path, tinyConfig, 1, tinySentences)
	small := path + ".pal"
	opts := compress.Options{Settings: compress.Settings{Bits: 6}}
	if err := tiny.Compress(context.Background(), small, path, opts); err != nil {
		t.Fatal(err)
	}
	got := embed(t, small, tinyConfig, 1, tinySentences)
	for s := range tinySentences {
		cosine := 0.0
		for i := range tiny.Width {
			cosine += float64(got[s*tiny.Width+i]) * float64(want[s*tiny.Width+i])
		}
		if cosine < 0.98 || cosine > 0.99999 {
			t.Errorf("sentence %d: cosine %.6f, want near 1, not 1", s, cosine)
		}
	}
}

func TestEmbedAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("such a run has the race detector, under which pools forget what they hold")
	}
	e, err := open(t, write(t, tiny.Encoder()), tinyConfig, 1)
	if err != nil {
		t.Fatal(err)
	}
	sentences := slices.Repeat(tinySentences, 10)
	vectors := make([]float32, len(sentences)*e.Width())
	if n := testing.AllocsPerRun(20, func() {
		if err := e.Embed(context.Background(), vectors, sentences); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestEmbedBadSentences(t *testing.T) {
	e, err := open(t, write(t, tiny.Encoder()), tinyConfig, 2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range []struct {
		name     string
		sentence []int
		want     string
	}{
		{"of no tokens", nil, "sentence 2: 0 tokens, expected 1 to 24"},
		{"of too many", make([]int, 25), "sentence 2: 25 tokens, expected 1 to 24"},
		{"of a token beyond", []int{2, 60, 3}, "sentence 2: token 60 is none of the 60"},
		{"of a token below", []int{-1}, "sentence 2: token -1 is none of the 60"},
	} {
		vectors := make([]float32, 2*e.Width())
		err := e.Embed(ctx, vectors, [][]int{{2, 3}, c.sentence})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	var shape *codebook.ShapeError
	if err := e.Embed(ctx, make([]float32, 3), [][]int{{2, 3}}); !errors.As(err, &shape) {
		t.Errorf("a short dst: %v", err)
	}
	if err := e.Embed(ctx, nil, nil); err != nil {
		t.Errorf("no sentences: %v", err)
	}
	cancel()
	many := slices.Repeat(tinySentences, 100)
	err = e.Embed(ctx, make([]float32, len(many)*e.Width()), many)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestNewEncoderBadModels(t *testing.T) {
	const query = "encoder.layer.1.attention.self.query.weight"
	const bias = "encoder.layer.0.output.dense.bias"
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		config Config
		edit   func(m map[string]tensors.Tensor)
		want   string
	}{
		{"no BERT", Config{}, func(m map[string]tensors.Tensor) {
			clear(m)
			m["a.weight"] = tensors.Tensor{Shape: []int{1, 2}, Values: []float32{1, 2}}
		}, `no encoder of the BERT type: tensor "embeddings.word_embeddings.weight": no such`},
		{"a matrix is missing", Config{}, func(m map[string]tensors.Tensor) { delete(m, query) },
			`tensor "` + query + `": no such tensor`},
		{"a vector is missing", Config{}, func(m map[string]tensors.Tensor) { delete(m, bias) },
			`tensor "` + bias + `": no such tensor`},
		{"a matrix of another shape", Config{}, func(m map[string]tensors.Tensor) {
			values := make([]float32, 3*tiny.Width)
			m[query] = tensors.Tensor{Shape: []int{tiny.Width, 3}, Values: values}
		}, `tensor "` + query + `": is F32 [64 3], expected floats [64, 64]`},
		{"a vector of another length", Config{}, func(m map[string]tensors.Tensor) {
			m[bias] = tensors.Tensor{Shape: []int{3}, Values: make([]float32, 3)}
		}, `tensor "` + bias + `": has 3 values, expected 64`},
		{"a NaN", Config{}, func(m map[string]tensors.Tensor) { m[bias].Values[3] = nan },
			`tensor "` + bias + `": value 3 is NaN`},
		{"more layers in the config", Config{Layers: 3}, nil,
			`tensor "encoder.layer.2.attention.self.query.weight": no such tensor`},
		{"fewer layers in the config", Config{Layers: 1}, nil, "2 layers, where the config says 1"},
		{"another width in the config", Config{Width: 65}, nil,
			"64 columns, where the config says 65 in 1 heads"},
		{"heads that do not divide it", Config{Heads: 5}, nil,
			"64 columns, where the config says 64 in 5 heads"},
		{"another type", Config{Type: "roberta"}, nil,
			`the model type "roberta" is not supported, only "bert"`},
		{"another activation", Config{Activation: "relu"}, nil, `the activation "relu"`},
	} {
		model := tiny.Encoder()
		if c.edit != nil {
			c.edit(model)
		}
		_, err := open(t, write(t, model), c.config, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestMoments holds sums over batches against the mean over all tokens.
func TestMoments(t *testing.T) {
	e, err := open(t, write(t, tiny.Encoder()), tinyConfig, 2)
	if err != nil {
		t.Fatal(err)
	}
	m := NewCalibration()
	const name = "encoder.layer.1.output.dense.weight"
	sum, tokens := make([]float64, tiny.Inner*tiny.Inner), 0
	e.Watch(func(x []float32, columns int, linears ...string) {
		m.Add(x, columns, linears...)
	})
	many := slices.Repeat(tinySentences, 9)
	vectors := make([]float32, len(many)*e.Width())
	if err := e.Embed(context.Background(), vectors, many); err != nil {
		t.Fatal(err)
	}
	one, err := open(t, write(t, tiny.Encoder()), tinyConfig, 1)
	if err != nil {
		t.Fatal(err)
	}
	one.Watch(func(x []float32, columns int, linears ...string) {
		if linears[0] != name {
			return
		}
		for ; len(x) > 0; x = x[columns:] {
			tokens++
			for i, a := range x[:columns] {
				for j, b := range x[:columns] {
					sum[i*columns+j] += float64(a) * float64(b)
				}
			}
		}
	})
	vectors = vectors[:len(tinySentences)*e.Width()]
	if err := one.Embed(context.Background(), vectors, tinySentences); err != nil {
		t.Fatal(err)
	}
	means := m.Tensors()
	if len(means) != 6*tiny.Layers {
		t.Errorf("moments of %d layers, want %d", len(means), 6*tiny.Layers)
	}
	for i, v := range means[name].Values {
		if want := sum[i] / float64(tokens); math.Abs(float64(v)-want) > 1e-5*(1+math.Abs(want)) {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
	if len(means[name].Values) != len(sum) {
		t.Errorf("%d values, want %d", len(means[name].Values), len(sum))
	}
}

// TestSense: with a loss that is the squared relative error of what was disturbed, times a
// factor for a matrix, that factor comes out, for each weight.
func TestSense(t *testing.T) {
	ctx := context.Background()
	model, err := format.OpenModel(ctx, write(t, tiny.Encoder()), codebook.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	e, err := NewEncoder(ctx, model, tinyConfig, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := NewCalibration()
	e.Watch(m.Add)
	for _, s := range tinySentences {
		m.Look(e.Table(), e.Vocabulary(), s)
	}
	vectors := make([]float32, len(tinySentences)*e.Width())
	if err := e.Embed(ctx, vectors, tinySentences); err != nil {
		t.Fatal(err)
	}
	all := m.Tensors()
	lookups := all[e.Table()+".lookups"]
	total := float32(0)
	for _, n := range lookups.Values {
		total += n
	}
	if words := len(slices.Concat(tinySentences...)); int(total) != words ||
		len(lookups.Values) != e.Vocabulary() {
		t.Errorf("%v lookups of %d rows, want %d of %d", total, len(lookups.Values), words,
			e.Vocabulary())
	}

	const heavy = "encoder.layer.1.output.dense.weight"
	weights, shares := make(map[string]float64), 0.0
	loss := func(other *codebook.Model) (sum float64, err error) {
		for name := range all {
			name = strings.TrimSuffix(name, ".lookups")
			was, err := model.Tensor(ctx, name)
			if err != nil {
				return 0, err
			}
			is, err := other.Tensor(ctx, name)
			if err != nil {
				return 0, err
			}
			weights[name] = float64(len(was))
			difference := make([]float32, len(was))
			for i, v := range is {
				difference[i] = v - was[i]
			}
			power := squares
			if mean, ok := all[name]; ok {
				power = func(w []float32) float64 {
					return outputPower(w, mean.Values, mean.Shape[0])
				}
			}
			part := power(difference) / power(was)
			if name == heavy {
				part *= 8
			}
			sum += part
		}
		return sum, nil
	}
	done := 0
	if err := m.Sense(ctx, model, loss, func() { done++ }); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for name, v := range m.Tensors() {
		if name, ok := strings.CutSuffix(name, ".sensitivity"); ok {
			got[name] = float64(v.Values[0])
		}
	}
	if len(got) != 6*tiny.Layers+1 || done != len(got) || m.Matrices() != len(got) {
		t.Errorf("%d matrices, %d times done", len(got), done)
	}
	sum := 0.0
	for name, n := range weights {
		sum += n
		if shares++; name == heavy {
			shares += 7
		}
	}
	for name, v := range got {
		want := sum / shares / weights[name]
		if name == heavy {
			want *= 8
		}
		if math.Abs(v-want) > 1e-3*want {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
}
