package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
)

// settingFlags are the flags that say how a matrix is compressed. Each is named like the setting
// that it gives.
var settingFlags = []string{
	"bits", "uniform", "max-error", "for", "scheme", "storage", "states", "segment", "k", "group",
}

func addSettingFlags(f *pflag.FlagSet) {
	base := defaultSettings()
	f.Float64("bits", base.Bits, "bits a weight that the layers take in the file, everything "+
		"counted, 0.5 to 9 (scheme trellis; of storage window: 2, 3, 4 or 5, scales on top)")
	f.Bool("uniform", false, "as many bits for each matrix, instead of more where they help more")
	f.Var(new(errorLimit), "max-error", "instead of --bits: the relative error not to be exceeded "+
		"by the weights of each matrix, or, as total:`E`, of all together (scheme trellis)")
	f.String("for", base.For, "what to make least of: size (of the file), memory (while "+
		"multiplying), or speed (time to multiply; needs --max-error); memory and speed choose "+
		"among all schemes")
	f.String("scheme", base.Scheme.Name, "trellis, segments, scalar or rows")
	f.String("storage", "entropy", "entropy (the smallest file, a byte a weight in memory) or "+
		"window (as small in memory as in the file; scheme trellis)")
	f.Int("states", base.Scheme.States,
		"states of the trellis: 4, 8 or 32 (scheme trellis, entropy coded)")
	f.Int("segment", 2, "columns in a segment, 2 to 64 (scheme segments)")
	f.Int("k", codebook.MaxCentroids, "centroids in a codebook, 1 to 256 (not for scheme trellis)")
	f.Int("group", 0, "columns that share a scale: 8, 16, 32, 64, 128 or 256 (scheme scalar; "+
		"default: one scale a row)")
}

// defaultSettings are those of a command line without flags.
func defaultSettings() compress.Settings {
	s, err := compress.ParseSettings(nil, compress.Settings{})
	if err != nil {
		panic(err) // the defaults cannot be wrong
	}
	return s
}

// parsedSettings returns the settings that the flags give.
func parsedSettings(f *pflag.FlagSet) (compress.Settings, error) {
	var words []string
	for _, name := range settingFlags {
		if f.Changed(name) {
			words = append(words, name+":"+f.Lookup(name).Value.String())
		}
	}
	s, err := compress.ParseSettings(words, compress.Settings{})
	return s, asFlags(err)
}

// asFlags returns an error about settings that calls them by their flags.
func asFlags(err error) error {
	if wrong := new(compress.SettingError); errors.As(err, &wrong) {
		return errors.New(wrong.Prefixed("--"))
	}
	return err
}
