package format

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
)

const configText = "{\n  \"model_type\": \"bert\",\n  \"hidden_size\": 64\n}\n"

// folderModel is a model whose layers are l0 to l2.
func folderModel() []tensor {
	return []tensor{
		random("l0", "F32", 40, 30), random("l1", "F16", 40, 30), random("l2", "BF16", 20, 60),
		random("norm", "F32", 30), random("wide", "F64", 40, 5), random("ids", "I64", 7),
	}
}

// writeFolder writes a folder with a model in as many files, an index where there are several, and
// files beside it.
func writeFolder(t testing.TB, shards int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bert")
	tensors := folderModel()
	x := index{WeightMap: make(map[string]string)}
	for i := range shards {
		part := tensors[i*len(tensors)/shards : (i+1)*len(tensors)/shards]
		to := t.TempDir()
		writeModel(t, to, map[string]string{"format": "pt"}, part...)
		name := "model.safetensors"
		if shards > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, shards)
		}
		put(t, filepath.Join(dir, name), string(contentOf(t, filepath.Join(to, "model.safetensors"))))
		for _, p := range part {
			x.WeightMap[p.name] = name
		}
	}
	if shards > 1 {
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "model.safetensors.index.json"), string(text))
	}
	put(t, filepath.Join(dir, "config.json"), configText)
	put(t, filepath.Join(dir, "1_Pooling", "config.json"), "{}")
	put(t, filepath.Join(dir, "pytorch_model.bin"), "weights in another format")
	put(t, filepath.Join(dir, ".gitattributes"), "")
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err := errors.Join(err, os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// compressFolder writes a folder of codebook files of up to so many bytes.
func compressFolder(ctx context.Context, model, out string, opts CreateOptions) (int64, error) {
	src, err := Open(model)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	w, err := Create(out, src, opts)
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	for _, t := range src.Tensors() {
		switch rows, cols, _ := t.Matrix(); {
		case strings.HasPrefix(t.Name, "l"):
			_, err = w.PutLayer(ctx, t, makeLayer(rows, cols, 1, 16, 0, true), someDistortion)
		case t.Name == "wide":
			err = w.PutHalf(ctx, t)
		default:
			err = w.PutTensor(ctx, t)
		}
		if err != nil {
			return 0, err
		}
	}
	return w.Commit(ctx)
}

// contentsIn returns the files of a folder by their paths in it.
func contentsIn(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			found[filepath.ToSlash(name)] = string(contentOf(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFolders: what comes out of a folder does not depend on how its model is divided, has what
// else is in it, and can be turned back.
func TestFolders(t *testing.T) {
	for _, tt := range []struct {
		shardSize int64
		files     []string
	}{
		{1 << 30, []string{"model.pal"}},
		{760, []string{
			"model-00001-of-00004.pal", "model-00002-of-00004.pal", "model-00003-of-00004.pal",
			"model-00004-of-00004.pal", "model.pal.index.json",
		}},
	} {
		var first map[string]string
		for _, shards := range []int{1, 2, 6} {
			model := writeFolder(t, shards)
			out := model + ".pal"
			opts := CreateOptions{ShardSize: tt.shardSize, Settings: "{}"}
			size, err := compressFolder(t.Context(), model, out, opts)
			if err != nil {
				t.Fatal(err)
			}
			got := contentsIn(t, out)
			want := append(slices.Clone(tt.files), "1_Pooling/config.json", "config.json")
			slices.Sort(want)
			if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
				t.Errorf("got %q, want %q", names, want)
			}
			if first == nil {
				first = got
			} else if !maps.Equal(got, first) {
				t.Errorf("%d files make another folder than 1", shards)
			}
			checkFolder(t, model, out, size)
		}
	}
}

// checkFolder opens a folder of codebook files of this size, and turns it back.
func checkFolder(t *testing.T, model, out string, size int64) {
	t.Helper()
	c := openBook(t, out)
	if c.Size() != size || !c.Folder() {
		t.Errorf("%d bytes, folder %v; Commit said %d", c.Size(), c.Folder(), size)
	}
	config := contentsIn(t, out)["config.json"]
	var marked struct {
		Of struct {
			Method string `json:"quant_method"`
		} `json:"quantization_config"`
	}
	if err := json.Unmarshal([]byte(config), &marked); err != nil ||
		marked.Of.Method != "palettize" {
		t.Errorf("%v in the configuration %s", err, config)
	}
	layers := make(map[string]*codebook.Layer)
	for _, name := range c.Layers() {
		rows, cols, _ := c.Original(name).Matrix()
		want := makeLayer(rows, cols, 1, 16, 0, true)
		if l, _, err := c.Layer(t.Context(), name); err != nil || !sameLayer(l, want) {
			t.Errorf("layer %s: %v", name, err)
		}
		layers[name] = want
	}
	if len(layers) != 3 {
		t.Errorf("%d layers", len(layers))
	}
	f, err := Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if changed, err := c.Changed(t.Context(), f); changed != "" || err != nil {
		t.Errorf("tensor %s changed, %v", changed, err)
	}
	for _, shardSize := range []int64{1 << 30, 5000} {
		dense := filepath.Join(t.TempDir(), "dense")
		opts := CreateOptions{ShardSize: shardSize}
		size, err := Decompress(t.Context(), c, dense, opts)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Open(dense)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if got := contentsIn(t, dense)["config.json"]; got != configText {
			t.Errorf("configuration %q", got)
		}
		if back.Size() != size || len(back.Tensors()) != len(f.Tensors()) ||
			back.Metadata()["format"] != "pt" || (len(back.shards) > 1) != (shardSize == 5000) {
			t.Errorf("%d files of %d bytes, %d tensors", len(back.shards), size,
				len(back.Tensors()))
		}
		for _, name := range []string{"norm", "ids"} {
			if !bytes.Equal(readAll(t, back, name), readAll(t, f, name)) {
				t.Errorf("tensor %s has changed", name)
			}
		}
	}
}

// TestFoldersOnTheWay: what is written where a folder is there, or the input is near.
func TestFoldersOnTheWay(t *testing.T) {
	model := writeFolder(t, 2)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(model, link); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name      string
		overwrite bool
		prepare   func(out string)
		out, want string
	}{
		{"none", false, func(string) {}, "", ""},
		{"empty", false, func(out string) { os.Mkdir(out, 0o777) }, "", ""},
		{"there", false, func(out string) { put(t, filepath.Join(out, "model.pal"), "old") },
			"", "exists already"},
		{"overwritten", true, func(out string) {
			put(t, filepath.Join(out, "model.pal"), "old")
			put(t, filepath.Join(out, "config.json"), "old")
		}, "", ""},
		{"with other files", true, func(out string) {
			put(t, filepath.Join(out, "model.pal"), "old")
			put(t, filepath.Join(out, "thesis.tex"), "")
		}, "", `holds "thesis.tex", which is no part of a model and would be lost`},
		{"without a model", true, func(out string) { put(t, filepath.Join(out, "config.json"), "") },
			"", "holds no model that could be overwritten"},
		{"a file", true, func(out string) { put(t, out, "") }, "", "is a file, expected a folder"},
		{"itself", true, func(string) {}, model, "is the input itself"},
		{"itself by a link", true, func(string) {}, link, "is the input itself"},
		{"inside", true, func(string) {}, filepath.Join(model, "out"), "is in the input"},
		{"inside by a link", true, func(string) {}, filepath.Join(link, "out"), "is in the input"},
		{"above", true, func(string) {}, filepath.Dir(model), "has the input in it"},
		{"nowhere", false, func(string) {}, filepath.Join(model, "a", "b"), "its folder: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.out
			if out == "" {
				out = filepath.Join(t.TempDir(), "out")
			}
			tt.prepare(out)
			var before map[string]string
			if tt.want != "" && tt.out == "" {
				before = contentsIn(t, filepath.Dir(out))
			}
			opts := CreateOptions{ShardSize: 760, Overwrite: tt.overwrite}
			_, err := compressFolder(t.Context(), model, out, opts)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				openBook(t, out)
				if names := filesIn(t, filepath.Dir(out)); !slices.Equal(names, []string{"out"}) {
					t.Errorf("left behind: %q", names)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if before != nil && !maps.Equal(contentsIn(t, filepath.Dir(out)), before) {
				t.Error("something has changed")
			}
		})
	}
	if names := filesIn(t, filepath.Dir(model)); !slices.Equal(names, []string{"bert"}) {
		t.Errorf("left behind: %q", names)
	}
}

// TestFileOverTheFolder: the one file of an output is none of the input's.
func TestFileOverTheFolder(t *testing.T) {
	model := writeFolder(t, 2)
	before := contentsIn(t, model)
	for _, name := range []string{
		"model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json",
	} {
		opts := CreateOptions{Overwrite: true}
		_, err := compressFolder(t.Context(), model, filepath.Join(model, name), opts)
		if err == nil || !strings.Contains(err.Error(), name+": is the input itself") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !maps.Equal(contentsIn(t, model), before) {
		t.Error("something has changed")
	}
}

// TestCopyOfAFileThatShrinks: what is beside the weights is copied whole.
func TestCopyOfAFileThatShrinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	put(t, path, strings.Repeat("x", 1<<20))
	err := copied(path)(t.Context(), writerFunc(func(p []byte) (int, error) {
		return len(p), os.Truncate(path, 100)
	}))
	if err == nil || !strings.HasPrefix(err.Error(), path+": changed while it was read") {
		t.Error(err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestFolderInterrupted: of a folder that could not be finished nothing is left, and the old one is
// as it was.
func TestFolderInterrupted(t *testing.T) {
	model := writeFolder(t, 2)
	out := model + ".pal"
	opts := CreateOptions{ShardSize: 760, Overwrite: true}
	if _, err := compressFolder(t.Context(), model, out, opts); err != nil {
		t.Fatal(err)
	}
	before := contentsIn(t, filepath.Dir(model))
	for asked := 1; ; asked++ {
		ctx := &askedOften{Context: t.Context()}
		ctx.left.Store(int64(asked))
		_, err := compressFolder(ctx, model, out, opts)
		if !maps.Equal(contentsIn(t, filepath.Dir(model)), before) {
			t.Fatalf("after %d questions something has changed", asked)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// TestBadFolders: what is no model, not all of it, or leads elsewhere.
func TestBadFolders(t *testing.T) {
	const first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	const indexName = "model.safetensors.index.json"
	outside := filepath.Join(t.TempDir(), "outside.safetensors")
	put(t, outside, string(contentOf(t, filepath.Join(writeFolder(t, 1), "model.safetensors"))))
	type dir = string
	in := func(d dir, name string) string { return filepath.Join(d, name) }
	weightMap := func(text string) func(d dir) {
		return func(d dir) { put(t, in(d, indexName), `{"weight_map": `+text+`}`) }
	}
	for _, tt := range []struct {
		name, want string
		change     func(d dir)
	}{
		{"shard missing", `"` + second + `" is missing: download it again?`,
			func(d dir) { os.Remove(in(d, second)) }},
		{"last missing, no index", "has 1 of the 00002 files of a model", func(d dir) {
			os.Remove(in(d, indexName))
			os.Remove(in(d, second))
		}},
		{"first missing, no index", "lacks " + first + ", and has " + second, func(d dir) {
			os.Remove(in(d, indexName))
			os.Remove(in(d, first))
		}},
		{"tensor missing", `says that tensor "x" is in ` + first + `, which lacks it`,
			weightMap(`{"x": "` + first + `"}`)},
		{"tensor elsewhere", `says that tensor "ids" is in ` + first + `, it is in ` + second,
			weightMap(`{"ids": "` + first + `", "l0": "` + first + `", "wide": "` + second + `"}`)},
		{"no weight map", "its weight_map is missing or empty", weightMap("{}")},
		{"no JSON", "is no index of a model: ", weightMap("{")},
		{"path above", `names "../x.safetensors", which is no file beside it`,
			weightMap(`{"l0": "../x.safetensors"}`)},
		{"absolute path", "which is no file beside it", weightMap(`{"l0": "` + outside + `"}`)},
		{"path below", "which is no file beside it", weightMap(`{"l0": "a/b.safetensors"}`)},
		{"no path", `names "", which is no file beside it`, weightMap(`{"l0": ""}`)},
		{"link out", "out of the folder", func(d dir) {
			os.Remove(in(d, second))
			if err := os.Symlink(outside, in(d, second)); err != nil {
				t.Skip(err)
			}
		}},
		{"folder for a file", "is a folder, expected a file", func(d dir) {
			os.Remove(in(d, second))
			os.Mkdir(in(d, second), 0o777)
		}},
		{"folder for the configuration", "is a folder, expected a file", func(d dir) {
			os.Remove(in(d, "config.json"))
			os.Mkdir(in(d, "config.json"), 0o777)
		}},
		{"configuration out", `"config.json" is a link to `, func(d dir) {
			os.Remove(in(d, "config.json"))
			if err := os.Symlink(outside, in(d, "config.json")); err != nil {
				t.Skip(err)
			}
		}},
		{"large configuration", "has 100000001 bytes, the limit is 100000000", func(d dir) {
			os.Truncate(in(d, "config.json"), maxHeader+1)
		}},
		{"large index", "has 100000001 bytes, the limit is 100000000", func(d dir) {
			os.Truncate(in(d, indexName), maxHeader+1)
		}},
		{"twice", `tensor "l0": is in `, func(d dir) {
			put(t, in(d, second), string(contentOf(t, in(d, first))))
			put(t, in(d, indexName), `{"weight_map": {"l0": "`+first+`", "l1": "`+second+`"}}`)
		}},
		{"two models", "name one of a.safetensors.index.json, b.safetensors.index.json", func(d dir) {
			os.Rename(in(d, indexName), in(d, "a.safetensors.index.json"))
			put(t, in(d, "b.safetensors.index.json"), "{}")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			model := writeFolder(t, 2)
			tt.change(model)
			f, err := Open(model)
			if err == nil {
				f.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), model) ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestIndexOfStacks: an index names a tensor of matrices, which is there as its slices.
func TestIndexOfStacks(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Base(newModel(t, dir, nil, stackModel()...).Path())
	path := filepath.Join(dir, "model.safetensors.index.json")
	put(t, path, `{"weight_map":{"a":"`+name+`","moe.experts":"`+name+`"}}`)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := len(f.Tensors()); got != 5 {
		t.Errorf("%d tensors, want 5: the slices are 3", got)
	}
	put(t, path, `{"weight_map":{"moe.experts[0]":"`+name+`"}}`)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "lacks it") {
		t.Errorf("an index of a slice: %v", err)
	}
}

// TestCodebooksOfAnotherRun: an index knows its files.
func TestCodebooksOfAnotherRun(t *testing.T) {
	one, two := writeFolder(t, 1), writeFolder(t, 1)
	opts := CreateOptions{ShardSize: 760, Settings: `{"seed":1}`}
	if _, err := compressFolder(t.Context(), one, one+".pal", opts); err != nil {
		t.Fatal(err)
	}
	opts.Settings = `{"seed":2}`
	if _, err := compressFolder(t.Context(), two, two+".pal", opts); err != nil {
		t.Fatal(err)
	}
	const name = "model-00002-of-00004.pal"
	put(t, filepath.Join(one+".pal", name), string(contentOf(t, filepath.Join(two+".pal", name))))
	_, err := OpenCodebook(t.Context(), one+".pal")
	if err == nil || !strings.Contains(err.Error(), "of another model, or of another run") {
		t.Error(err)
	}
}

// TestHubCache: the folders of Hugging Face's cache link to files elsewhere in it.
func TestHubCache(t *testing.T) {
	model := writeFolder(t, 2)
	home := t.TempDir()
	snapshot, blobs := filepath.Join(home, "snapshots", "abc"), filepath.Join(home, "blobs")
	for name, text := range contentsIn(t, model) {
		blob := filepath.Join(blobs, strings.ReplaceAll(name, "/", "_"))
		put(t, blob, text)
		link := filepath.Join(snapshot, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(link), 0o777)
		if err := errors.Join(err, os.Symlink(blob, link)); err != nil {
			t.Skip(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	opts := CreateOptions{ShardSize: 760}
	if _, err := compressFolder(t.Context(), snapshot, out, opts); err != nil {
		t.Fatal(err)
	}
	if got := contentsIn(t, out)["1_Pooling/config.json"]; got != "{}" {
		t.Errorf("copied %q", got)
	}
	// A configuration that leads out of the cache is not copied.
	secret := filepath.Join(home, "secret")
	put(t, secret, "")
	if err := os.Symlink(secret, filepath.Join(snapshot, "x.json")); err != nil {
		t.Fatal(err)
	}
	_, err := compressFolder(t.Context(), snapshot, out+"2", opts)
	if err == nil || !strings.Contains(err.Error(), "out of the folder") {
		t.Error(err)
	}
}

func TestConfigIsMarked(t *testing.T) {
	for _, text := range []string{
		configText, "{}", " {\"a\": 1}", "{\"quantization_config\": {\"quant_method\": \"fp8\"}}\n",
		"{\"text\": {\"quantization_config\": 1},\n \"quantization_config\" : 2}",
	} {
		marked := markConfig([]byte(text))
		if !json.Valid(marked) || !strings.Contains(string(marked), `"quant_method": "palettize"`) {
			t.Errorf("%q becomes %q", text, marked)
		}
		if back := string(unmarkConfig(marked)); back != text {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
	for _, text := range []string{"", "[]", "{", "null"} {
		if marked := markConfig([]byte(text)); string(marked) != text {
			t.Errorf("%q becomes %q", text, marked)
		}
	}
}

// TestFolderOfEightBits: the blocks are those of the configuration, and what comes back is BF16
// throughout, with a configuration that says nothing of 8 bits.
func TestFolderOfEightBits(t *testing.T) {
	const block = `{"weight_block_size": [32, 16], "quant_method": "fp8"}`
	dir := filepath.Join(t.TempDir(), "fp8")
	to := t.TempDir()
	scales := random("lw_scale_inv", "F32", 2, 4)
	writeModel(t, to, nil, random("lw", "F8_E4M3", 64, 60), scales,
		random("w", "F8_E4M3", 40, 16), random("w_scale_inv", "F32", 2, 1), random("b", "F32", 9))
	put(t, filepath.Join(dir, "model.safetensors"),
		string(contentOf(t, filepath.Join(to, "model.safetensors"))))
	for before, after := range map[string]string{
		"{\n  \"a\": 1,\n  \"quantization_config\": " + block + "\n}\n": "{\n  \"a\": 1\n}\n",
		"{\"quantization_config\": " + block + ", \"a\": 1}":            "{\"a\": 1}",
		"{\"quantization_config\": " + block + "}":                      "{}",
	} {
		put(t, filepath.Join(dir, "config.json"), before)
		out, dense := filepath.Join(to, "out"), filepath.Join(to, "dense")
		opts := CreateOptions{ShardSize: 1 << 30, Overwrite: true}
		if _, err := compressFolder(t.Context(), dir, out, opts); err != nil {
			t.Fatal(err)
		}
		c := openBook(t, out)
		if got := c.Original("lw"); got.DType != "BF16" {
			t.Errorf("the layer was %v", got)
		}
		if _, err := Decompress(t.Context(), c, dense, opts); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dense)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got []string
		for _, tensor := range f.Tensors() {
			got = append(got, tensor.Name+" "+describe(tensor))
		}
		all := []string{"b F32 [9]", "lw BF16 [64, 60]", "w BF16 [40, 16]"}
		if !slices.Equal(got, all) {
			t.Errorf("got %q, want %q", got, all)
		}
		src, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		want, err := src.Floats(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		values, err := f.Floats(t.Context(), "w")
		for i := range values {
			if math.Abs(float64(values[i]-want[i])) > math.Abs(float64(want[i]))/256 || err != nil {
				t.Fatalf("value %d is %v, was %v (%v)", i, values[i], want[i], err)
			}
		}
		if config := contentsIn(t, dense)["config.json"]; config != after {
			t.Errorf("configuration %q, want %q", config, after)
		}
	}
	put(t, filepath.Join(dir, "config.json"), `{"quantization_config": `+
		`{"quant_method": "fp8", "weight_block_size": [0, 16]}}`)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "[0, 16]") {
		t.Error(err)
	}
}
