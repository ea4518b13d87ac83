package compress_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// Compress walks from a model to a codebook file. Nothing has that file's name before Commit.
func ExampleCompress() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	src, err := format.Open("../../format/testdata/golden/v1/segments.dense.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	path := filepath.Join(dir, "model.pal")
	dst, err := format.Create(path, src, format.CreateOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer dst.Abort()
	ctx := context.Background()
	report, err := compress.Compress(ctx, dst, src, compress.Options{
		Settings: compress.Settings{Bits: 6}, // on the average
		Overrides: []compress.Override{
			{Glob: "a.*", Settings: compress.Settings{Bits: 4, Each: true}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := dst.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	for _, e := range report.Entries {
		if e.Layer == nil {
			fmt.Printf("%s: %s\n", e.Tensor.Name, e.Reason)
			continue
		}
		fmt.Printf("%s: %s, error %.2f\n", e.Tensor.Name, e.Layer.Name, e.Distortion.Relative())
	}
	// Output:
	// position_ids: I64 values
	// a.bias: a vector
	// a.weight: a codebook would take about 530 bytes, the tensor takes 240: kept as F16, 120 bytes
	// b.weight: trellis, error 0.13
}

// Settings that come as words, from a command line or a configuration, and what a file keeps of
// them.
func ExampleParseOverride() {
	var opts compress.Options
	var err error
	opts.Settings, err = compress.ParseSettings([]string{"bits:3"}, compress.Settings{})
	if err != nil {
		panic(err)
	}
	for _, text := range []string{"*embed*=bits:5", "*.out*=scheme:scalar,k:16,states:8"} {
		override, err := compress.ParseOverride(text, opts.Scheme)
		if wrong := new(compress.SettingError); errors.As(err, &wrong) {
			fmt.Println(wrong.Prefixed("--"))
			continue
		}
		if err != nil {
			panic(err)
		}
		opts.Overrides = append(opts.Overrides, override)
	}
	kept, err := json.MarshalIndent(opts, "", " ")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(kept))
	// Output:
	// --states goes with --scheme trellis, not scalar
	// {
	//  "scheme": "trellis",
	//  "d": 1,
	//  "k": 255,
	//  "group": 0,
	//  "states": 32,
	//  "bits": 3,
	//  "tensors": [
	//   {
	//    "glob": "*embed*",
	//    "scheme": "trellis",
	//    "d": 1,
	//    "k": 255,
	//    "group": 0,
	//    "states": 32,
	//    "bits": 5,
	//    "each": true
	//   }
	//  ],
	//  "seed": 0
	// }
}
