package compress_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/palettize/palettize/codebook/compress"
)

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
